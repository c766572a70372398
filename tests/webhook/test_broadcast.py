"""/broadcast: shown first, sent to each person once whatever breaks, told about in one message, stopped at any time."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from jobs import lifecycle
from jobs.companion.operating import broadcast as care
from jobs.companion.wording import say
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job
from jobs.deliver import deliver
from jobs.kinds import broadcast, broadcast_part
from jobs.kinds.contract import Run
from jobs.progress import reporting
from jobs.seat import Seat
from sandbox.bot_api.users import FIRST_USER_ID
from tests.factories import Json, all_jobs, rows, tickets, value
from tests.webhook.pressing import buttons
from tests.webhook.shop import Shop, opened_shop

NEWS = "A new persona is here.\n\n/personas"


@pytest.fixture
async def shop(database_url: str, database: Database, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    monkeypatch.setattr(broadcast, "PART", 2)
    monkeypatch.setattr(broadcast_part, "CHUNK", 1)
    monkeypatch.setenv("TELEGRAM_ADMINS", str(FIRST_USER_ID))
    async with opened_shop(database_url, database, retry_scale=0.01) as opened:
        yield opened


async def people(shop: Shop) -> tuple[int, list[int]]:
    """An admin, and four others who have said something: two of them read Russian."""
    found = [await shop.person(language) for language in ("en", "en", "ru", "ru", "en")]
    for user in found:
        await shop.says(user, "/help")
    admin, *others = found
    assert admin == FIRST_USER_ID
    return admin, others


async def preview(shop: Shop, admin: int) -> tuple[Json, Json]:
    """The message as people will see it, and the question below it."""
    before = len(await shop.says(admin, f"/broadcast {NEWS}"))
    shown, asked = (await shop.until_said(admin, max(before, 3)))[-2:]
    return shown, asked


async def message_of(shop: Shop, user: int, message_id: int) -> Json:
    [found] = [each for each in await shop.from_bot(user) if each["message_id"] == message_id]
    return found


async def got(shop: Shop, user: int) -> int:
    return sum(each.get("text") == NEWS for each in await shop.from_bot(user))


async def run(shop: Shop, kind: str) -> None:
    for job in await all_jobs(shop.database):
        if job.kind == kind and job.status in ("pending", "processing"):
            await lifecycle.run_job(shop.resources, job.id)


async def send_only_to(shop: Shop, user: int) -> None:
    pending = "SELECT id FROM deliveries WHERE status = 'pending' AND destination = :user ORDER BY id"
    for row in await rows(shop.database, pending, user=str(user)):
        await deliver(shop.resources, row["id"])


async def killed_amid(shop: Shop, part: Job) -> None:
    """The part as its worker leaves it that dies after the first person."""
    async with shop.database.transaction() as connection:
        held = await job_rows.claim(connection, part.id, uuid4())
    assert held is not None
    given = broadcast_part.Input.model_validate(part.input)
    async with reporting(shop.database, held) as progress:
        [planned] = await broadcast_part.plan_chunk(Run(held, given, shop.database, progress, Seat()), given.after)
    assert planned > given.after


async def test_everybody_gets_it_once(shop: Shop, database: Database) -> None:
    admin, others = await people(shop)
    await shop.control("POST", f"users/{others[0]}/block")
    shown, asked = await preview(shop, admin)
    assert shown["text"] == NEWS
    # whether the door has heard of the block by now is no matter: Telegram says so again
    assert asked["text"].startswith("People who will get the message above: ")
    await shop.press(admin, asked, "broadcast:for:1:ru")
    await shop.press(admin, asked, "broadcast:for:1:all")
    for _ in range(2):
        await shop.press(admin, asked, "broadcast:send:1")
    assert len([job for job in await all_jobs(database) if job.kind == "broadcast"]) == 1
    await run(shop, "broadcast")
    parts = [job for job in await all_jobs(database) if job.kind == "broadcast_part"]
    assert len(parts) >= 2
    assert parts[0].run_at is None
    assert parts[1].run_at is not None
    # a worker is killed after it has planned a person's message; then two begin it anew
    await killed_amid(shop, parts[0])
    await run(shop, "broadcast_part")
    assert {(row["priority"], row["queue_name"]) for row in await tickets(database) if row["priority"] < 0} >= {
        (-10, "telegram")
    }
    await care.tell_all(database)
    await shop.send_pending()
    for user in [admin, *others[1:]]:
        assert await got(shop, user) == (2 if user == admin else 1), "the admin has the preview too"
    assert await got(shop, others[0]) == 0
    assert await value(database, f"SELECT blocked_at IS NOT NULL FROM telegram_users WHERE user_id = {others[0]}")
    for _ in range(2):
        await care.tell_all(database)
    await shop.send_pending()
    told = await message_of(shop, admin, asked["message_id"])
    assert told["text"].splitlines()[:2] == ["Done.", "Sent: 4"]
    assert told["text"].endswith("Failed: 0\nLeft: 0")
    assert buttons(told) == []
    [row] = await rows(database, "SELECT status, finished_at IS NOT NULL AS over FROM broadcasts")
    assert (row["status"], row["over"]) == ("done", True)
    assert await value(database, "SELECT count(*) FROM admin_acts WHERE act = 'broadcast'") == 1
    [root] = [job for job in await all_jobs(database) if job.kind == "broadcast"]
    assert root.status == "completed"


async def test_it_is_stopped_at_once_and_goes_only_to_whom_it_is_for(shop: Shop, database: Database) -> None:
    admin, others = await people(shop)
    _, asked = await preview(shop, admin)
    await shop.press(admin, asked, "broadcast:for:1:ru")
    await shop.press(admin, asked, "broadcast:send:1")
    await run(shop, "broadcast")
    parts = [job for job in await all_jobs(database) if job.kind == "broadcast_part"]
    await lifecycle.run_job(shop.resources, parts[0].id)
    await care.tell_all(database)
    await send_only_to(shop, admin)
    planned = await rows(database, "SELECT destination FROM deliveries WHERE payload ? 'bulk'")
    assert sorted(int(row["destination"]) for row in planned) == sorted(others[1:3]), "those who read Russian"
    await shop.press(admin, asked, "broadcast:stop:1")
    await run(shop, "broadcast_part")
    await shop.send_pending()
    await care.tell_all(database)
    await shop.send_pending()
    assert [await got(shop, user) for user in others] == [0, 0, 0, 0]
    told = await message_of(shop, admin, asked["message_id"])
    assert told["text"].splitlines()[:2] == ["Stopped.", "Sent: 0"]
    assert {job.status for job in await all_jobs(database)} <= {"cancelled", "completed"}
    assert await value(database, "SELECT status FROM broadcasts") == "stopped"


async def test_a_draft_is_thrown_away(shop: Shop, database: Database) -> None:
    admin, _ = await people(shop)
    _, asked = await preview(shop, admin)
    await shop.press(admin, asked, "broadcast:discard:1")
    assert (await shop.press(admin, asked, "broadcast:send:1"))["answer"]["text"] == say("en", "broadcast.over")
    await shop.send_pending()
    assert (await message_of(shop, admin, asked["message_id"]))["text"] == say("en", "broadcast.discarded")
    assert await all_jobs(database) == []
