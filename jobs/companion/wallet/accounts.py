"""Charge, give back, credit: each once, however often it is asked for, and never below nothing.

What Telegram gave back after it had been spent is owed: whatever comes in next pays for that first.
"""

import secrets
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.wallet.prices import Item, Money, Payable, Price, item_of, payer, price
from jobs.companion.wallet.shortage import InsufficientFunds
from jobs.db.people import wallet as ledger
from jobs.db.people import wallet_payments
from jobs.db.people.wallet import Entry, Growth, Posting, Reason, Standing, Unit
from jobs.db.work.jobs import Job
from jobs.settings import EconomySettings

OWED: dict[Money, Unit] = {"energy": "energy_owed", "diamonds": "diamonds_owed"}
NOTHING_BY_ITSELF = Growth()


@dataclass(frozen=True)
class Sum:
    unit: Money
    amount: int


@dataclass(frozen=True)
class TakenBack:
    """`owed`: the part that had been spent already."""

    unit: Money
    taken: int
    owed: int


class Wallet:
    """Everybody's accounts. Every method works in the caller's transaction, and its rollback undoes it."""

    def __init__(self, economy: EconomySettings) -> None:
        self.economy = economy

    def growth(self, unit: Unit) -> Growth:
        economy = self.economy
        if unit == "energy":
            return Growth(economy.energy_max, economy.energy_max, economy.energy_refill_seconds)
        return Growth(start=economy.diamonds_start) if unit == "diamonds" else NOTHING_BY_ITSELF

    def price(self, item: Item) -> Price:
        return price(self.economy, item)

    async def charge_job(self, connection: AsyncConnection, job: Payable) -> None:
        """For a job that is being accepted: one statement at most. Raises InsufficientFunds; then nothing was taken."""
        user_id, item = payer(job.owner), item_of(job)
        if user_id is not None and item is not None:
            await self.charge(connection, user_id, job.id, self.price(item))

    async def charge_again(self, connection: AsyncConnection, job: Job) -> None:
        """For a job, as it ended, that is tried anew: what was given back is paid again. Raises InsufficientFunds."""
        user_id = payer(job.owner)
        item = await ledger.refunded_item(connection, job.id, job.root_id) if user_id is not None else None
        if user_id is not None and item is not None:
            await self.charge(connection, user_id, job.id, self.price(item), retry=job.retries + 1)  # type: ignore[arg-type] # only items are charged

    async def charge(
        self, connection: AsyncConnection, user_id: int, job_id: UUID, price: Price, *, retry: int = 0
    ) -> None:
        """Once for each retry of a job. Raises InsufficientFunds; then nothing was taken."""
        if price.amount == 0:
            return
        keys = {"item": price.item, "job_id": job_id, "retry": retry}
        posting = Posting(user_id, price.unit, -price.amount, "charge", **keys)  # type: ignore[arg-type] # its fields
        posted = await ledger.post(connection, posting, self.growth(price.unit))
        if not (posted.written or posted.before):
            raise InsufficientFunds(price, posted.balance, self._seconds_until(price, posted.balance))

    async def refund_job(self, connection: AsyncConnection, job: Job) -> list[Sum]:
        """For a job that ended without a result: what was paid for it, or for the tree of which it is a part."""
        if payer(job.owner) is None:
            return []
        return await self.refund(connection, job.id, retry=job.retries, root_id=job.root_id)

    async def refund(
        self, connection: AsyncConnection, job_id: UUID, *, retry: int | None = None, root_id: UUID | None = None
    ) -> list[Sum]:
        """What came back; nothing if nothing was paid, or if it came back before. `retry`: of that try only."""
        refunded = []
        for charge in await ledger.open_charges(connection, job_id, retry=retry, root_id=root_id):
            unit: Money = charge.unit  # type: ignore[assignment] # nothing else is ever charged
            back = Posting(
                charge.user_id, unit, charge.amount, "refund",
                item=charge.item, job_id=charge.job_id, retry=charge.retry,
            )  # fmt: skip
            if await self._credit(connection, back, unit) is not None:
                refunded.append(Sum(unit, charge.amount))
        return refunded

    async def credit(
        self, connection: AsyncConnection, user_id: int, money: Sum, reason: Reason, reference: str
    ) -> int | None:
        """Once for each reference. How much of it went to pay what was owed; None if it was credited before."""
        posting = Posting(user_id, money.unit, money.amount, reason, reference=reference)
        return await self._credit(connection, posting, money.unit)

    async def take_back(self, connection: AsyncConnection, user_id: int, money: Sum, reference: str) -> TakenBack:
        """What a refunded payment had bought: as much as is there, and the rest is owed."""
        growth, taken = self.growth(money.unit), 0
        while True:
            there = (await ledger.standing(connection, user_id, money.unit, growth)).balance
            taken = min(there, money.amount)
            taking = Posting(user_id, money.unit, -taken, "payment_refunded", reference=reference)
            posted = await ledger.post(connection, taking, growth)
            if posted.before:
                return TakenBack(money.unit, 0, 0)
            if posted.written:
                break
        owed = money.amount - taken
        if owed:
            rest = Posting(user_id, OWED[money.unit], owed, "payment_refunded", reference=reference)
            await ledger.post(connection, rest, NOTHING_BY_ITSELF)
        return TakenBack(money.unit, taken, owed)

    async def standing(self, connection: AsyncConnection, user_id: int, unit: Unit) -> Standing:
        return await ledger.standing(connection, user_id, unit, self.growth(unit))

    async def latest(self, connection: AsyncConnection, user_id: int, limit: int) -> list[Entry]:
        """What went in and out last, newest first."""
        return await ledger.latest(connection, user_id, ["energy", "diamonds"], limit)

    async def forget(self, connection: AsyncConnection, user_id: int) -> None:
        """The sums stay, under a number that means nobody. Last in its transaction: nobody can post until it ends."""
        nobody = -1 - secrets.randbits(61)
        await ledger.forget_name(connection, user_id, nobody)
        await wallet_payments.forget_name(connection, user_id, nobody)

    async def _credit(self, connection: AsyncConnection, posting: Posting, unit: Money) -> int | None:
        posted = await ledger.post(connection, posting, self.growth(unit))
        if not posted.written:
            return None
        # until this transaction ends nobody else can post to this account: what is read now stays true
        owed = (await ledger.standing(connection, posting.user_id, OWED[unit], NOTHING_BY_ITSELF)).balance
        paid = min(owed, posted.balance)
        for account in (unit, OWED[unit]) if paid else ():
            settling = Posting(
                posting.user_id, account, -paid, "settlement",
                item=posting.item, job_id=posting.job_id, retry=posting.retry, reference=posting.reference,
            )  # fmt: skip
            settled = await ledger.post(connection, settling, self.growth(account))
            assert settled.written, "what is there can be taken, and it was not settled under this name before"
        return paid

    def _seconds_until(self, price: Price, balance: int) -> float | None:
        growth = self.growth(price.unit)
        return (price.amount - balance) * growth.seconds if price.amount <= growth.most else None
