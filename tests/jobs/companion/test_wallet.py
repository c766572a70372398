"""The ledger: each thing once, never below nothing, and energy that comes back by itself."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from jobs.companion.wallet.accounts import Sum, TakenBack, Wallet
from jobs.companion.wallet.prices import Price
from jobs.companion.wallet.shortage import InsufficientFunds
from jobs.db.session import Database
from tests.factories import USER, execute, rows, value
from tests.jobs.companion.purses import (
    PICTURE,
    REPLY,
    balance,
    charge,
    economy,
    entries,
    paid_job,
    pass_time,
    sound,
)

WALLET = Wallet(economy(diamonds_start=25, energy_max=10, energy_refill_seconds=60))


async def test_a_newcomer_begins_with_something(database: Database) -> None:
    assert await balance(database, WALLET) == 25
    assert await balance(database, WALLET, "energy") == 10
    assert await rows(database, "SELECT * FROM wallet_entries") == [], "nothing is written for who only looks"


async def test_a_charge_takes_the_price_once(database: Database) -> None:
    job_id = await charge(database, WALLET)
    await charge(database, WALLET, job_id=job_id)
    assert await balance(database, WALLET) == 15
    assert await entries(database) == [("charge", -10, 15)]


async def test_what_is_missing_is_said_and_nothing_is_taken(database: Database) -> None:
    await charge(database, WALLET)
    await charge(database, WALLET)
    with pytest.raises(InsufficientFunds, match="costs 10 of diamonds, and there are 5: 5 more") as short:
        await charge(database, WALLET)
    assert (short.value.missing, short.value.seconds) == (5, None)
    assert await balance(database, WALLET) == 5
    async with database.transaction() as connection:
        with pytest.raises(InsufficientFunds):
            await WALLET.charge(connection, USER, uuid4(), PICTURE)
        # the caller's transaction goes on
        await connection.execute(text("SELECT 1"))


async def test_a_charge_is_one_statement(database: Database) -> None:
    await charge(database, WALLET)
    statements: list[str] = []

    def note(*given: Any) -> None:
        statements.append(given[2])

    async with database.transaction() as connection:
        event.listen(database.engine.sync_engine, "before_cursor_execute", note)
        await WALLET.charge_job(connection, paid_job())
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert len(statements) == 1


async def test_a_refund_returns_it_once(database: Database) -> None:
    job_id = await charge(database, WALLET)
    for expected in ([Sum("diamonds", 10)], [], []):
        async with database.transaction() as connection:
            assert await WALLET.refund(connection, job_id) == expected
    assert await entries(database) == [("charge", -10, 15), ("refund", 10, 25)]


async def test_nothing_is_returned_for_what_cost_nothing(database: Database) -> None:
    async with database.transaction() as connection:
        await WALLET.charge(connection, USER, job_id := uuid4(), Price("diamonds", 0, "automatic_picture"))
        assert await WALLET.refund(connection, job_id) == []
    assert await entries(database) == []


async def test_a_retry_is_charged_and_refunded_by_itself(database: Database) -> None:
    job_id = uuid4()
    for retry in (0, 1):
        async with database.transaction() as connection:
            await WALLET.charge(connection, USER, job_id, PICTURE, retry=retry)
        async with database.transaction() as connection:
            # the end of the first try, told late, is not the end of this one
            assert await WALLET.refund(connection, job_id, retry=retry - 1) == []
            assert await WALLET.refund(connection, job_id, retry=retry) == [Sum("diamonds", 10)]
    assert await balance(database, WALLET) == 25
    await sound(database)


async def test_the_price_of_a_tree_comes_back_when_its_picture_fails(database: Database) -> None:
    root, drawing = await charge(database, WALLET), uuid4()
    async with database.transaction() as connection:
        assert await WALLET.refund(connection, drawing, retry=0, root_id=root) == [Sum("diamonds", 10)]
        assert await WALLET.refund(connection, drawing, retry=0, root_id=root) == []


@pytest.mark.parametrize("unit", ["diamonds", "energy"])
async def test_charges_of_the_last_diamonds_at_once(database: Database, unit: str) -> None:
    """Twelve at once for what is enough for two."""
    price = PICTURE if unit == "diamonds" else Price("energy", 5, "reply")
    outcomes = await asyncio.gather(*(charge(database, WALLET, price) for _ in range(12)), return_exceptions=True)
    assert sum(isinstance(outcome, InsufficientFunds) for outcome in outcomes) == 10
    assert not [each for each in outcomes if isinstance(each, Exception) and not isinstance(each, InsufficientFunds)]
    assert await balance(database, WALLET, unit) == (5 if unit == "diamonds" else 0)  # type: ignore[arg-type] # a unit
    await sound(database)


async def test_the_same_charge_and_the_same_refund_at_once(database: Database) -> None:
    job_id = uuid4()
    await asyncio.gather(*(charge(database, WALLET, job_id=job_id) for _ in range(10)))
    assert await balance(database, WALLET) == 15

    async def refund() -> list[Sum]:
        async with database.transaction() as connection:
            return await WALLET.refund(connection, job_id)

    returned = await asyncio.gather(*(refund() for _ in range(10)))
    assert sorted(map(len, returned)) == [0] * 9 + [1]
    assert await balance(database, WALLET) == 25


async def test_a_charge_waits_for_one_that_may_be_rolled_back(database: Database) -> None:
    """It cannot know yet what will be there; and if the other one comes to nothing, there is enough."""
    await charge(database, WALLET)
    blocked = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    async with database.engine.connect() as connection:
        await WALLET.charge(connection, USER, uuid4(), PICTURE)
        waiting = asyncio.create_task(charge(database, WALLET))
        while not await rows(database, blocked):  # noqa: ASYNC110 - the database tells nobody
            await asyncio.sleep(0.01)
        await connection.rollback()
    await waiting
    assert await entries(database) == [("charge", -10, 15), ("charge", -10, 5)]


async def test_energy_comes_back_by_itself_and_keeps_the_part_of_a_point(database: Database) -> None:
    for _ in range(4):
        await charge(database, WALLET, REPLY)
    assert await balance(database, WALLET, "energy") == 6
    await pass_time(database, 90)
    assert await balance(database, WALLET, "energy") == 7
    await charge(database, WALLET, REPLY)
    await pass_time(database, 31)
    assert await balance(database, WALLET, "energy") == 7, "the half minute of before counts"
    await pass_time(database, 86_400)
    assert await balance(database, WALLET, "energy") == 10, "and no more than that"
    await sound(database)


async def test_who_was_full_saves_no_time_up(database: Database) -> None:
    await charge(database, WALLET, REPLY)
    await pass_time(database, 86_400)
    await charge(database, WALLET, REPLY)
    assert await balance(database, WALLET, "energy") == 9
    async with database.transaction() as connection:
        standing = await WALLET.standing(connection, USER, "energy")
    left = await value(database, "SELECT extract(epoch FROM CAST(:at AS timestamptz) - now())", at=standing.next_at)
    assert 0 < left <= 60


async def test_more_energy_than_comes_by_itself_can_be_bought(database: Database) -> None:
    async with database.transaction() as connection:
        await WALLET.credit(connection, USER, Sum("energy", 50), "purchase", "charge-1")
    await pass_time(database, 86_400)
    assert await balance(database, WALLET, "energy") == 60
    async with database.transaction() as connection:
        assert (await WALLET.standing(connection, USER, "energy")).next_at is None


async def test_a_shortage_of_energy_says_when_it_is_over(database: Database) -> None:
    dear = Price("energy", 8, "reply")
    await charge(database, WALLET, dear)
    with pytest.raises(InsufficientFunds) as short:
        await charge(database, WALLET, dear)
    assert short.value.seconds == 6 * 60
    with pytest.raises(InsufficientFunds) as never:
        await charge(database, WALLET, Price("energy", 11, "reply"))
    assert never.value.seconds is None, "time alone never brings that much"


async def test_a_credit_counts_once_for_its_reference(database: Database) -> None:
    async def buy() -> int | None:
        async with database.transaction() as connection:
            return await WALLET.credit(connection, USER, Sum("diamonds", 50), "purchase", "charge-1")

    assert sorted(str(each) for each in await asyncio.gather(*(buy() for _ in range(8)))) == ["0"] + ["None"] * 7
    assert await balance(database, WALLET) == 75


async def test_what_was_spent_before_its_refund_is_owed_and_paid_first(database: Database) -> None:
    async with database.transaction() as connection:
        await WALLET.credit(connection, USER, Sum("diamonds", 50), "purchase", "charge-1")
    spent = [await charge(database, WALLET) for _ in range(7)]
    async with database.transaction() as connection:
        taken = await WALLET.take_back(connection, USER, Sum("diamonds", 50), "charge-1")
        assert taken == TakenBack("diamonds", 5, 45)
        again = await WALLET.take_back(connection, USER, Sum("diamonds", 50), "charge-1")
        assert again == TakenBack("diamonds", 0, 0)
    assert (await balance(database, WALLET), await balance(database, WALLET, "diamonds_owed")) == (0, 45)
    async with database.transaction() as connection:
        # cancelling what was bought for the money makes nobody rich
        await WALLET.refund(connection, spent[0])
    assert (await balance(database, WALLET), await balance(database, WALLET, "diamonds_owed")) == (0, 35)
    async with database.transaction() as connection:
        assert await WALLET.credit(connection, USER, Sum("diamonds", 60), "purchase", "charge-2") == 35
    assert (await balance(database, WALLET), await balance(database, WALLET, "diamonds_owed")) == (25, 0)
    await sound(database)


async def test_taking_back_and_spending_at_once(database: Database) -> None:
    async with database.transaction() as connection:
        await WALLET.credit(connection, USER, Sum("diamonds", 50), "purchase", "charge-1")

    async def take() -> TakenBack:
        async with database.transaction() as connection:
            return await WALLET.take_back(connection, USER, Sum("diamonds", 50), "charge-1")

    outcomes = await asyncio.gather(
        take(), take(), *(charge(database, WALLET) for _ in range(7)), return_exceptions=True
    )
    charged = sum(not isinstance(each, InsufficientFunds) for each in outcomes[2:])
    owed = await balance(database, WALLET, "diamonds_owed")
    assert await balance(database, WALLET) - owed == 25 - 10 * charged
    await sound(database)


async def test_the_database_itself_refuses_what_is_no_ledger(database: Database) -> None:
    await charge(database, WALLET)
    add = "INSERT INTO wallet_entries (user_id, unit, number, reason, amount, balance) VALUES"
    for statement in (
        "UPDATE wallet_entries SET amount = amount + 1, balance = balance + 1",
        "UPDATE wallet_entries SET user_id = 8",
        "UPDATE wallet_entries SET user_id = -8, amount = 0",
        "DELETE FROM wallet_entries",
        f"{add} (7, 'diamonds', 2, 'gift', 5, 500)",
        f"{add} (7, 'diamonds', 4, 'gift', 5, 20)",
        f"{add} (8, 'diamonds', 0, 'gift', 5, 5)",
        f"{add} (7, 'diamonds', 2, 'charge', -20, -5)",
    ):
        with pytest.raises(DBAPIError, match=r"entry|ck_wallet_entries_balance"):
            await execute(database, statement)
    assert await entries(database) == [("charge", -10, 15)]
    # and takes one that is
    await execute(database, f"{add} (7, 'diamonds', 2, 'gift', 5, 20)")
    assert await balance(database, WALLET) == 20


async def test_who_is_forgotten_leaves_the_sums_behind(database: Database) -> None:
    await charge(database, WALLET)
    spent = await charge(database, WALLET, REPLY)
    async with database.transaction() as connection:
        await WALLET.forget(connection, USER)
    kept = await rows(database, "SELECT DISTINCT user_id FROM wallet_entries")
    assert len(kept) == 1
    assert kept[0]["user_id"] < 0
    assert await value(database, "SELECT sum(amount + came) FROM wallet_entries") == 15 + 9
    async with database.transaction() as connection:
        await WALLET.refund(connection, spent)
    assert await entries(database, "energy") == [], "what comes back goes to nobody as well"
    await sound(database)


async def test_charges_go_on_while_somebody_is_forgotten(database: Database) -> None:
    async def forget() -> None:
        async with database.transaction() as connection:
            await WALLET.forget(connection, USER)

    work = [charge(database, WALLET, REPLY) for _ in range(6)]
    await asyncio.gather(*work[:3], forget(), *work[3:])
    assert await value(database, "SELECT count(*) FROM wallet_entries") == 6
    await sound(database)
