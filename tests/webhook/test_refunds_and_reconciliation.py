"""Stars go back when an admin says so, once; and each night what was paid is compared with Telegram's own list."""

from collections.abc import AsyncIterator

import pytest

from jobs import housekeeping, lifecycle
from jobs.companion.wording import say
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from sandbox.bot_api.users import FIRST_USER_ID
from tests.factories import SECRET, TOKEN, all_jobs, execute, job, rows, value
from tests.jobs.companion.purses import balance, sound
from tests.webhook.shop import WALLET, Shop, opened_shop


@pytest.fixture
async def shop(database_url: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    monkeypatch.setenv("TELEGRAM_ADMINS", f"{FIRST_USER_ID}, 99")
    async with opened_shop(database_url, database, retry_scale=0.01) as opened:
        opened.resources.intake.wallet = WALLET
        yield opened
    await sound(database)


async def ran(shop: Shop, kind: str) -> Job:
    [found] = [each for each in await all_jobs(shop.database) if each.kind == kind and each.status == "pending"]
    await lifecycle.run_job(shop.resources, found.id)
    await shop.send_pending()
    return await job(shop.database, found.id)


async def last(shop: Shop, user: int) -> str:
    await shop.send_pending()
    return str((await shop.from_bot(user))[-1]["text"])


async def test_an_admin_gives_stars_back(shop: Shop, database: Database) -> None:
    admin, anna = await shop.person(), await shop.person()
    charge_id = await shop.buy(anna)
    assert await balance(database, WALLET, user=anna) == 85
    await shop.says(admin, f"/refund {charge_id}")
    assert (await ran(shop, "refund_stars")).result == {"charge_id": charge_id, "refusal": None}
    assert await last(shop, admin) == f"⭐ 50 went back to {anna}."
    assert await balance(database, WALLET, user=anna) == 25
    [row] = await rows(database, "SELECT act, subject FROM admin_acts")
    assert (row["act"], row["subject"]) == ("refund", charge_id)
    # Telegram's own message about it, and a second command, change nothing more
    await shop.says(admin, f"/refund {charge_id}")
    assert (await ran(shop, "refund_stars")).status == "completed"
    assert await balance(database, WALLET, user=anna) == 25
    told = say("en", "payment.refunded", stars=50, sum="60 💎")
    assert [each.get("text") for each in await shop.from_bot(anna)].count(told) == 1
    # it was somebody else's
    await shop.says(admin, f"/refund {charge_id} {admin}")
    refused = await ran(shop, "refund_stars")
    assert refused.status == "completed"
    assert "CHARGE_NOT_FOUND" in (refused.result or {})["refusal"]
    assert (await last(shop, admin)).startswith(f"Telegram does not refund {charge_id}: ")


async def test_each_night_payments_are_compared_and_the_admins_hear_of_what_nobody_can_explain(
    shop: Shop, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin, anna = await shop.person(), await shop.person("ru")
    await shop.says(admin, "/help")
    lost = await shop.buy(anna)
    # as if the update of the payment had never arrived, and as if one were ours alone
    await execute(
        database,
        f"DELETE FROM star_payments WHERE charge_id = '{lost}'",
        "SET LOCAL session_replication_role = replica",
        "DELETE FROM wallet_entries",
        "SET LOCAL session_replication_role = origin",
        "INSERT INTO star_payments (charge_id, user_id, stars, unit, amount, paid_at)"
        f" VALUES ('ghost', {anna}, 5, 'energy', 5, now() - interval '2 hours')",
    )
    intake = shop.resources.intake
    assert not await housekeeping.ask_for_reconciliation(database, intake, 1), "there is no bot"
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("TELEGRAM_WEBHOOK_SECRET", SECRET)
    for _ in range(2):
        assert await housekeeping.ask_for_reconciliation(database, intake, 1)
    done = await ran(shop, "reconcile_stars")
    assert done.result == {"compared": 1, "credited": 1, "taken_back": 0, "unexplained": ["ghost"], "drifted": []}
    assert (done.queue, done.owner) == ("telegram", "telegram:bot")
    assert await balance(database, WALLET, user=anna) == 85
    alarm = await last(shop, admin)
    assert alarm.startswith(say("en", "alarm.title"))
    assert "ghost" in alarm
    assert await value(database, "SELECT count(*) FROM deliveries WHERE key LIKE 'stars:alarm%'") == 1
    # while Telegram does not answer it is tried again, and another night finds everything in order
    root, shop.resources.telegram.root = shop.resources.telegram.root, "http://127.0.0.1:9/bot"  # type: ignore[union-attr] # it is there
    assert await housekeeping.ask_for_reconciliation(database, intake, 2)
    waiting = await ran(shop, "reconcile_stars")
    assert (waiting.status, waiting.failures) == ("processing", 1)
    shop.resources.telegram.root = root  # type: ignore[union-attr] # as above
    await lifecycle.run_job(shop.resources, waiting.id)
    again = await job(database, waiting.id)
    assert again.status == "completed"
    assert (again.result or {})["credited"] == 0
