"""Who had their data erased and comes back: the gift for newcomers is given once, and what was owed is owed."""

from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.wallet.accounts import NOTHING_BY_ITSELF, OWED, Wallet
from jobs.companion.wallet.prices import Money
from jobs.db.people import erased_people
from jobs.db.people import wallet as ledger
from jobs.db.people.erased_people import Owed
from jobs.db.people.wallet import Growth, Posting

UNITS: tuple[Money, ...] = ("energy", "diamonds")


async def remember(connection: AsyncConnection, user_id: int) -> None:
    """Before the ledger forgets the name."""
    owed = {unit: await ledger.standing(connection, user_id, OWED[unit], NOTHING_BY_ITSELF) for unit in UNITS}
    await erased_people.remember(connection, user_id, Owed(owed["energy"].balance, owed["diamonds"].balance))


async def receive(connection: AsyncConnection, wallet: Wallet, user_id: int) -> None:
    """For a person who is not known: nothing, unless they were here before."""
    owed = await erased_people.recall(connection, user_id)
    if owed is None:
        return
    reference = f"returned:{uuid4()}"
    debts: dict[Money, int] = {"energy": owed.energy, "diamonds": owed.diamonds}
    for unit, debt in debts.items():
        await _take_gift(connection, user_id, unit, wallet.growth(unit), owed.seconds, reference)
        if debt:
            owing = Posting(user_id, OWED[unit], debt, "payment_refunded", reference=reference)
            await ledger.post(connection, owing, NOTHING_BY_ITSELF)


async def _take_gift(
    connection: AsyncConnection, user_id: int, unit: Money, growth: Growth, seconds: float, reference: str
) -> None:
    """All but what time would have brought back meanwhile."""
    back = min(growth.most, int(seconds / growth.seconds)) if growth.most else 0
    taken = growth.start - min(back, growth.start)
    if taken:
        await ledger.post(connection, Posting(user_id, unit, -taken, "gift", reference=reference), growth)
