"""What /balance shows: both accounts, what is owed, the prices, and the latest entries."""

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import ChatText
from jobs.companion.wallet.accounts import OWED, Sum, Wallet
from jobs.companion.wallet.prices import Money
from jobs.companion.wallet.wording import entry_line, money, pack_buttons, until
from jobs.companion.wording import say

ENTRIES_SHOWN = 8


async def statement(connection: AsyncConnection, wallet: Wallet, user_id: int, locale: str) -> ChatText:
    energy = await wallet.standing(connection, user_id, "energy")
    diamonds = await wallet.standing(connection, user_id, "diamonds")
    entries = [entry for entry in await wallet.latest(connection, user_id, ENTRIES_SHOWN) if entry.amount]
    lines = [
        say(locale, "balance.energy", sum=money(Sum("energy", energy.balance)), most=wallet.economy.energy_max),
        *([say(locale, "balance.next", wait=until(locale, energy.next_at))] if energy.next_at else []),
        say(locale, "balance.diamonds", sum=money(Sum("diamonds", diamonds.balance))),
        *[line for unit in OWED for line in await _owed(connection, wallet, user_id, unit, locale)],
        "",
        _prices(wallet, locale),
        *_price_of_analyses(wallet, locale),
    ]
    if entries:
        lines += ["", say(locale, "balance.latest"), *(entry_line(locale, entry) for entry in entries)]
    return ChatText("\n".join(lines), pack_buttons(locale, wallet.economy.packs))


async def _owed(connection: AsyncConnection, wallet: Wallet, user_id: int, unit: Money, locale: str) -> list[str]:
    owed = (await wallet.standing(connection, user_id, OWED[unit])).balance
    return [say(locale, "balance.owed", sum=money(Sum(unit, owed)))] if owed else []


def _prices(wallet: Wallet, locale: str) -> str:
    reply, picture, photo = (wallet.price(item) for item in ("reply", "picture", "photo"))
    return say(
        locale,
        "balance.prices",
        reply=money(Sum(reply.unit, reply.amount)),
        picture=money(Sum(picture.unit, picture.amount)),
        photo=money(Sum(photo.unit, photo.amount)),
    )


def _price_of_analyses(wallet: Wallet, locale: str) -> list[str]:
    """Mostly they are free."""
    price = wallet.price("analysis")
    return [say(locale, "balance.analysis", sum=money(Sum(price.unit, price.amount)))] if price.amount else []
