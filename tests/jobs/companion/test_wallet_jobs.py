"""What accepting, ending and retrying a job do to the wallet: in the same transaction, and for people in chats only."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.wallet.accounts import Sum, Wallet
from jobs.companion.wallet.prices import item_of, payer
from jobs.companion.wallet.shortage import InsufficientFunds
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job
from jobs.kinds.contract import NewJob
from jobs.submit import Intake
from tests.factories import USER, execute, job, rows, tickets, value, worker
from tests.jobs.companion.purses import balance, economy, entries, sound

WALLET = Wallet(economy(diamonds_start=25, energy_max=10, price_photo=15))
PICTURE = {"prompt": "a red fox"}


class PaidIntake(Intake):
    """The door with its till: the lines that belong into Intake itself."""

    async def submit(self, connection: AsyncConnection, new: NewJob) -> Job:
        await WALLET.charge_job(connection, new)
        return await super().submit(connection, new)

    async def cancel_waiting(self, connection: AsyncConnection, job_id: UUID) -> Job | None:
        cancelled = await super().cancel_waiting(connection, job_id)
        if cancelled:
            await WALLET.refund_job(connection, cancelled)
        return cancelled

    async def retry(self, connection: AsyncConnection, job_id: UUID, owner: str) -> Job:
        before = await job_rows.get(connection, job_id)
        retried = await super().retry(connection, job_id, owner)
        if before:
            await WALLET.charge_again(connection, before)
        return retried


@pytest.fixture
async def intake(database: Database) -> Intake:
    async with worker(database) as resources:
        plain = resources.intake
    paid = PaidIntake.__new__(PaidIntake)
    vars(paid).update(vars(plain), wallet=WALLET)
    return paid


async def submit(database: Database, intake: Intake, kind: str = "generate_image", **more: object) -> Job:
    given = PICTURE if kind == "generate_image" else {"persona": "lina", "user_message": "Hello"}
    owner = str(more.pop("owner", f"telegram:{USER}"))
    async with database.transaction() as connection:
        return await intake.submit(connection, NewJob(kind, given, owner, **more))  # type: ignore[arg-type] # its fields


async def fail(database: Database, job_id: UUID) -> list[Sum]:
    """As the worker does: status and refund commit together."""
    async with database.transaction() as connection:
        held = await job_rows.claim(connection, job_id, uuid4())
        assert held is not None
        ended = await job_rows.finish(connection, held, "failed", error={"code": "x"}, ttl=60)
        assert ended is not None
        return await WALLET.refund_job(connection, ended)


async def test_a_picture_is_paid_in_diamonds_and_a_reply_in_energy(database: Database, intake: Intake) -> None:
    await submit(database, intake)
    await submit(database, intake, "generate_reply")
    assert await balance(database, WALLET) == 15
    assert await balance(database, WALLET, "energy") == 9


@pytest.mark.parametrize("owner", ["key:7", "telegram:", "telegram:7x", "demo"])
async def test_clients_of_the_api_pay_nothing(database: Database, intake: Intake, owner: str) -> None:
    job = await submit(database, intake, owner=owner)
    assert await fail(database, job.id) == []
    assert await rows(database, "SELECT * FROM wallet_entries") == []


async def test_who_cannot_pay_has_no_job(database: Database, intake: Intake) -> None:
    for _ in range(2):
        await submit(database, intake)
    with pytest.raises(InsufficientFunds):
        await submit(database, intake)
    assert len(await tickets(database)) == await value(database, "SELECT count(*) FROM jobs") == 2


async def test_a_rollback_of_the_accepting_transaction_takes_nothing(database: Database, intake: Intake) -> None:
    with pytest.raises(RuntimeError, match="crash"):
        await accept_and_crash(database, intake)
    assert await rows(database, "SELECT * FROM wallet_entries") == []


async def accept_and_crash(database: Database, intake: Intake) -> None:
    async with database.transaction() as connection:
        await intake.submit(connection, NewJob("generate_image", PICTURE, f"telegram:{USER}"))
        raise RuntimeError("crash")


async def test_failed_and_cancelled_cost_nothing(database: Database, intake: Intake) -> None:
    failed, cancelled = await submit(database, intake), await submit(database, intake)
    assert await fail(database, failed.id) == [Sum("diamonds", 10)]
    for _ in range(2):
        async with database.transaction() as connection:
            await intake.cancel(connection, cancelled.id, cancelled.owner)
    assert await balance(database, WALLET) == 25
    await sound(database)


async def test_a_retry_pays_again_at_the_price_of_the_day(database: Database, intake: Intake) -> None:
    accepted = await submit(database, intake)
    for _ in range(2):
        await fail(database, accepted.id)
        assert await balance(database, WALLET) == 25
        async with database.transaction() as connection:
            await intake.retry(connection, accepted.id, accepted.owner)
        assert await balance(database, WALLET) == 15
    assert [reason for reason, _, _ in await entries(database)] == ["charge", "refund"] * 2 + ["charge"]
    await sound(database)


async def test_a_retry_that_nobody_can_pay_changes_nothing(database: Database, intake: Intake) -> None:
    accepted = await submit(database, intake)
    await fail(database, accepted.id)
    for _ in range(2):
        await submit(database, intake)
    with pytest.raises(InsufficientFunds):
        async with database.transaction() as connection:
            await intake.retry(connection, accepted.id, accepted.owner)
    assert (await job(database, accepted.id)).status == "failed"


async def test_a_photo_is_paid_once_for_both_of_its_jobs(database: Database, intake: Intake) -> None:
    """The prompt is written by one job and drawn by another; the second one fails and is tried again."""
    prompt = await submit(database, intake, "generate_reply", metadata={"item": "photo"})
    drawing = await submit(database, intake, parent_id=prompt.id, root_id=prompt.id)
    assert await entries(database) == [("charge", -15, 10)]
    assert await fail(database, drawing.id) == [Sum("diamonds", 15)]
    async with database.transaction() as connection:
        await intake.retry(connection, drawing.id, drawing.owner)
    assert await balance(database, WALLET) == 10
    assert await fail(database, drawing.id) == [Sum("diamonds", 15)]
    assert await balance(database, WALLET) == 25
    await sound(database)


async def test_an_automatic_picture_is_free_unless_it_has_a_price(database: Database, intake: Intake) -> None:
    free = await submit(database, intake, metadata={"item": "automatic_picture"})
    assert await fail(database, free.id) == []
    assert await entries(database) == []


async def test_an_entry_outlives_its_job(database: Database, intake: Intake) -> None:
    await submit(database, intake)
    await execute(database, "DELETE FROM jobs")
    assert await entries(database) == [("charge", -10, 15)]


def test_what_is_paid_for() -> None:
    owner, parent = f"telegram:{USER}", uuid4()
    assert item_of(NewJob("generate_reply", {}, owner)) == "reply"
    assert item_of(NewJob("generate_image", {}, owner)) == "picture"
    assert item_of(NewJob("generate_image", {}, owner, metadata={"item": "photo"})) == "photo"
    assert item_of(NewJob("generate_image", {}, owner, metadata={"item": "photo"}, parent_id=parent)) is None
    assert item_of(NewJob("generate_image", {}, owner, metadata={"item": ["nonsense"]})) == "picture"
    assert item_of(NewJob("summarise_dialog", {}, owner)) is None
    assert (payer("telegram:7"), payer("telegram:-7"), payer("key:telegram:7")) == (7, None, None)
