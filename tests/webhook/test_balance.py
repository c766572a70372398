"""/balance, and what a person is told who has not enough."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import httpx
import pytest

from jobs.companion.wallet.accounts import Sum
from jobs.companion.wallet.prices import Price
from jobs.companion.wallet.shortage import InsufficientFunds
from jobs.companion.wallet.wording import refund_sentence
from jobs.db.people.telegram_users import TelegramUser
from jobs.db.session import Database
from tests.factories import USER, Door, add_user, chat_texts, rows, webhook_app
from tests.jobs.companion.purses import PICTURE, REPLY, pass_time
from tests.webhook.shop import WALLET
from webhook.handlers.balance import tell_shortage
from webhook.visit import Visit

PACKS = [
    [{"text": "50 ⚡ for ⭐ 25", "callback_data": "buy:25:50:energy"}],
    [{"text": "60 💎 for ⭐ 50", "callback_data": "buy:50:60:diamonds"}],
    [{"text": "250 💎 for ⭐ 200", "callback_data": "buy:200:250:diamonds"}],
]


@pytest.fixture
async def door(database_url: str) -> AsyncIterator[Door]:
    app = webhook_app(database_url)
    app.state.updates.dispatch.dispatcher["wallet"] = WALLET
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as http:
        yield Door(http)
    await app.state.database.aclose()


async def pay(database: Database, price: Price, job_id: UUID | None = None) -> UUID:
    job_id = job_id or uuid4()
    async with database.transaction() as connection:
        await WALLET.charge(connection, USER, job_id, price)
    return job_id


async def buttons(database: Database) -> list[list[dict[str, str]]]:
    [row] = await rows(database, "SELECT payload FROM deliveries ORDER BY id DESC LIMIT 1")
    found: list[list[dict[str, str]]] = row["payload"].get("reply_markup", {}).get("inline_keyboard", [])
    return found


async def test_a_newcomers_balance(door: Door, database: Database) -> None:
    assert (await door.says("/balance")).status_code == 200
    [said] = await chat_texts(database)
    assert said.splitlines() == [
        "Energy: 10 ⚡, comes back up to 10",
        "Diamonds: 25 💎",
        "",
        "Prices: a reply 1 ⚡, /generate 10 💎, a photo 10 💎",
    ]
    assert await buttons(database) == PACKS


async def test_the_latest_entries_newest_first(door: Door, database: Database) -> None:
    await pay(database, REPLY)
    failed = await pay(database, PICTURE)
    async with database.transaction() as connection:
        await WALLET.refund(connection, failed)
    await pass_time(database, 30)
    await door.says("/balance")
    [said] = await chat_texts(database)
    assert "Energy: 9 ⚡" in said
    assert "One more in 1 min" in said
    latest = said.partition("Latest:\n")[2].splitlines()
    assert [line[5:] for line in latest] == [
        "  +10 💎  returned, there was no picture",
        "  −10 💎  a picture",
        "  −1 ⚡  a reply",
    ]


async def test_in_russian(door: Door, database: Database) -> None:
    await pay(database, REPLY)
    await door.says("/balance", language="ru")
    [said] = await chat_texts(database)
    assert said.startswith("Энергия: 9 ⚡, восстанавливается до 10\nСледующая через 1 мин\nАлмазы: 25 💎")
    assert said.endswith("−1 ⚡  ответ")


async def test_what_is_owed_is_shown(door: Door, database: Database) -> None:
    async with database.transaction() as connection:
        await WALLET.take_back(connection, USER, Sum("diamonds", 60), "charge-1")
    await door.says("/balance")
    [said] = await chat_texts(database)
    assert "Diamonds: 0 💎\nOwed: 35 💎. The next purchase pays for it first." in said


@dataclass
class Short:
    price: Price
    times: int


@pytest.mark.parametrize(
    ("short", "words", "offered"),
    [
        (
            Short(PICTURE, 3),
            "This costs 10 💎, and you have 5 💎: 5 💎 more is needed.\n\nYou can get more right now:",
            PACKS[1:],
        ),
        (
            Short(Price("energy", 4, "reply"), 3),
            "This costs 4 ⚡, and you have 2 ⚡: 2 ⚡ more is needed. It comes back by itself within 2 min."
            "\n\nYou can get more right now:",
            PACKS[:1],
        ),
    ],
)
async def test_who_has_not_enough_is_told_what_is_missing_and_how_to_get_it(
    database: Database, short: Short, words: str, offered: list[list[dict[str, str]]]
) -> None:
    """As a handler does that submits: the transaction goes on, and what was said before stays."""
    async with database.transaction() as connection:
        await add_user(connection)
        app = webhook_app(database.url)
        updates = app.state.updates
        user = TelegramUser(USER, "en", None, None, None)
        visit = Visit(connection, user, updates.intake, updates.personas, "update:1", updates.rules)
        for _ in range(short.times):
            try:
                await WALLET.charge(connection, USER, uuid4(), short.price)
            except InsufficientFunds as missing:
                await tell_shortage(visit, WALLET, missing)
    await app.state.database.aclose()
    assert await chat_texts(database) == [words]
    assert await buttons(database) == offered


def test_the_refund_is_named() -> None:
    assert refund_sentence("en", [Sum("diamonds", 10)]) == "Returned to you: 10 💎."
    assert refund_sentence("ru", [Sum("diamonds", 10), Sum("energy", 1)]) == "Вернули тебе: 10 💎 + 1 ⚡."
    assert refund_sentence("en", []) == ""
