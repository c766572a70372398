"""The nightly comparison with Telegram's list: page by page, from where it ended, and nothing twice."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wallet.reconciliation import PAGE, reconcile
from jobs.db.session import Database
from jobs.errors import TemporaryError
from tests.factories import execute, value
from tests.jobs.companion.purses import balance, economy, sound

WALLET = Wallet(economy(diamonds_start=0))


class TelegramsList:
    """What getStarTransactions answers, and which pages were asked for."""

    def __init__(self) -> None:
        self.transactions: list[dict[str, Any]] = []
        self.offsets: list[int] = []
        self.refusal: dict[str, Any] | None = None

    async def call(self, method: str, **fields: Any) -> dict[str, Any]:
        assert method == "getStarTransactions"
        if self.refusal:
            return self.refusal
        self.offsets.append(fields["offset"])
        page = self.transactions[fields["offset"] : fields["offset"] + fields["limit"]]
        return {"ok": True, "result": {"transactions": page}}

    def add(self, charge_id: str, payload: str = "", side: str = "source", user: int = 7, **partner: Any) -> None:
        who = {"type": "user", "transaction_type": "invoice_payment", "user": {"id": user}, "invoice_payload": payload}
        self.transactions.append(
            {"id": charge_id, "amount": 50, "date": int(datetime.now(UTC).timestamp()), side: {**who, **partner}}
        )


@pytest.fixture
def telegram() -> TelegramsList:
    return TelegramsList()


async def orders(database: Database, count: int) -> list[str]:
    insert = (
        "WITH made AS (INSERT INTO star_orders (user_id, stars, unit, amount)"
        " SELECT 7, 50, 'diamonds', 60 FROM generate_series(1, :count) RETURNING id)"
        " SELECT array_agg(id::text) FROM made"
    )
    found: list[str] = await value(database, insert, count=count)
    return found


async def test_several_pages_and_the_next_night_only_the_end(database: Database, telegram: TelegramsList) -> None:
    for number, payload in enumerate(await orders(database, 2 * PAGE + 30)):
        telegram.add(f"stx{number}", payload)
    found = await reconcile(database, WALLET, telegram)
    assert (len(found.credited), found.compared) == (230, 230)
    assert telegram.offsets == [0, 100, 200, 230]
    assert await balance(database, WALLET) == 230 * 60
    telegram.offsets.clear()
    [payload] = await orders(database, 1)
    telegram.add("stx-late", payload)
    found = await reconcile(database, WALLET, telegram)
    assert (found.credited, found.compared, found.unexplained) == (["stx-late"], 231, [])
    assert telegram.offsets == [130, 230, 231]
    await sound(database)


async def test_two_at_once_credit_once(database: Database, telegram: TelegramsList) -> None:
    for number, payload in enumerate(await orders(database, 20)):
        telegram.add(f"stx{number}", payload)
    one, two = await asyncio.gather(*(reconcile(database, WALLET, telegram) for _ in range(2)))
    assert sorted(one.credited + two.credited) == sorted(f"stx{number}" for number in range(20))
    assert await balance(database, WALLET) == 20 * 60


async def test_a_night_that_was_cut_off_is_repeated(database: Database, telegram: TelegramsList) -> None:
    [payload] = await orders(database, 1)
    telegram.add("stx1", payload)
    telegram.transactions.append({"id": "broken"})
    with pytest.raises(KeyError):
        await reconcile(database, WALLET, telegram)
    telegram.transactions.pop()
    found = await reconcile(database, WALLET, telegram)
    assert (found.credited, found.compared) == ([], 1), "the first one is credited already"
    assert await balance(database, WALLET) == 60


async def test_what_is_not_a_payment_of_an_invoice_is_left_alone(database: Database, telegram: TelegramsList) -> None:
    telegram.add("gift", transaction_type="gift_purchase", side="receiver")
    telegram.add("media", transaction_type="paid_media_payment")
    telegram.transactions.append({"id": "out", "amount": 900, "date": 1_760_000_000, "receiver": {"type": "fragment"}})
    found = await reconcile(database, WALLET, telegram)
    assert (found.credited, found.taken_back, found.unexplained, found.compared) == ([], [], [], 3)
    assert await value(database, "SELECT count(*) FROM star_payments") == 0


async def test_a_payment_for_nothing_known_is_reported_once(database: Database, telegram: TelegramsList) -> None:
    telegram.add("stx1", "order-1")
    assert (await reconcile(database, WALLET, telegram)).unexplained == ["stx1"]
    assert (await reconcile(database, WALLET, telegram)).unexplained == []


async def test_telegrams_wait_is_passed_on(database: Database, telegram: TelegramsList) -> None:
    telegram.refusal = {"ok": False, "description": "Too Many Requests", "parameters": {"retry_after": 7}}
    with pytest.raises(TemporaryError, match="Too Many Requests") as refused:
        await reconcile(database, WALLET, telegram)
    assert refused.value.retry_in == 7


async def test_old_invoices_are_forgotten(database: Database, telegram: TelegramsList) -> None:
    await orders(database, 2)
    await execute(
        database,
        "UPDATE star_orders SET created_at = now() - interval '31 days' WHERE id = (SELECT min(id::text)::uuid"
        " FROM star_orders)",
    )
    await reconcile(database, WALLET, telegram)
    assert await value(database, "SELECT count(*) FROM star_orders") == 1


async def test_an_account_that_was_tampered_with_is_found(database: Database, telegram: TelegramsList) -> None:
    await execute(
        database,
        "SET LOCAL session_replication_role = replica",
        "INSERT INTO wallet_entries (user_id, unit, number, reason, amount, balance)"
        " VALUES (7, 'diamonds', 1, 'gift', 5, 500), (8, 'diamonds', 1, 'gift', 5, 5)",
    )
    assert (await reconcile(database, WALLET, telegram)).drifted == [7]
