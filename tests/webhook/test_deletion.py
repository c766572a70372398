"""/delete_me: the data as a file, and then nothing of their words is left in any table, whatever ran meanwhile."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from jobs import lifecycle
from jobs.companion.operating import erasure
from jobs.companion.wallet.accounts import Sum
from jobs.companion.wording import say
from jobs.db.files import media
from jobs.db.people import telegram_users
from jobs.db.session import Database
from jobs.db.work import jobs as job_rows
from jobs.db.work.jobs import Job
from jobs.resources import Resources
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from tests.factories import (
    BOT_ID,
    Door,
    all_jobs,
    chat_payloads,
    chat_texts,
    execute,
    job,
    message,
    rows,
    sender,
    worker,
)
from tests.factories import value as one
from tests.jobs.companion.purses import sound
from tests.webhook.pressing import buttons, press

MARKER = "zebrafinch"
ANNA, BORIS = 7, 8
TABLES = (
    "SELECT quote_ident(relname) AS name FROM pg_class JOIN pg_namespace AS place ON place.oid = relnamespace"
    " WHERE relkind = 'r' AND nspname = 'public' ORDER BY 1"
)


@pytest.fixture
async def resources(database: Database, tmp_path: Path) -> AsyncIterator[Resources]:
    async with serving(ScriptedLlm().app) as url, worker(database, llm=url, media=tmp_path / "media") as opened:
        yield opened


async def places_of(database: Database, words: str) -> list[str]:
    """The tables in which these words stand."""
    names = [row["name"] for row in await rows(database, TABLES)]
    assert len(names) > 20
    query = "SELECT count(*) FROM {} AS t WHERE t::text ILIKE :words"
    return [name for name in names if await one(database, query.format(name), words=f"%{words}%")]


async def open_job(database: Database, kind: str) -> Job:
    [found] = [each for each in await all_jobs(database) if each.kind == kind and each.status == "pending"]
    return found


async def live(door: Door, database: Database, resources: Resources) -> UUID:
    """What a person leaves behind; and the id of a file of theirs."""
    anna = sender(ANNA, username=f"{MARKER}_anna", last_name="A")
    await door.post(door.update("message", message(anna, text=f"Do you know the {MARKER}?")))
    reply = await open_job(database, "generate_reply")
    await lifecycle.run_job(resources, reply.id)
    await door.says(f"And its song, {MARKER}?", user=ANNA)
    await door.post(door.update("message", message(anna, text=f"/generate a {MARKER}")))
    stored = await resources.media.put(b"\x89PNG bytes", uuid4())
    async with database.transaction() as connection:
        await media.insert(connection, stored, owner=f"telegram:{ANNA}", job_id=reply.id, ttl=3600)
        await resources.intake.wallet.credit(connection, ANNA, Sum("diamonds", 60), "purchase", "c1")
        broken = {"update_id": 1, "message": message(anna, text=MARKER)}
        await telegram_users.count_failure(connection, BOT_ID, 1, broken, f"ValueError: {MARKER}")
        other = {"update_id": 2, "message": message(sender(BORIS), text="mine")}
        await telegram_users.count_failure(connection, BOT_ID, 2, other, "ValueError")
    await execute(
        database,
        f"INSERT INTO star_orders (user_id, stars, unit, amount) VALUES ({ANNA}, 50, 'diamonds', 60)",
        "INSERT INTO star_payments (charge_id, user_id, stars, unit, amount)"
        f" VALUES ('c1', {ANNA}, 50, 'diamonds', 60)",
    )
    return stored.id


async def test_the_export_holds_everything(door: Door, database: Database, resources: Resources) -> None:
    file_id = await live(door, database, resources)
    await door.says("/delete_me", user=ANNA)
    question = (await chat_payloads(database, ANNA))[-1]
    assert buttons(question) == ["erase:export", "erase:confirm", "erase:keep"]
    assert (await press(door, "erase:export", user=ANNA))["text"] == say("en", "export.coming")
    export = await open_job(database, "export_person")
    await lifecycle.run_job(resources, export.id)
    sent = (await chat_payloads(database, ANNA))[-1]
    assert (sent["method"], sent["file_name"]) == ("sendDocument", "my-data.json")
    async with database.transaction() as connection:
        row = await media.get(connection, UUID(sent["media_id"]))
    assert row is not None
    assert (row.owner, row.content_type) == (f"telegram:{ANNA}", "application/json")
    found: dict[str, Any] = json.loads(await resources.media.get(row.key))
    assert (found["profile"]["user_id"], found["profile"]["first_name"]) == (ANNA, "Anna")
    [dialog] = found["dialogs"]
    assert [each["role"] for each in dialog["messages"]] == ["user", "assistant", "user"]
    assert dialog["messages"][0]["content"] == f"Do you know the {MARKER}?"
    assert {each["kind"] for each in found["jobs"]} >= {"generate_reply", "generate_image", "export_person"}
    assert ("diamonds", 60) in [(each["unit"], each["amount"]) for each in found["wallet"]]
    assert [each["charge_id"] for each in found["payments"]] == ["c1"]
    assert str(file_id) in {each["id"] for each in found["files"]}
    await press(door, "erase:keep", user=ANNA)
    assert (await chat_texts(database, ANNA))[-1] == say("en", "erasure.kept")
    assert MARKER in str(found), "and nothing is gone"
    assert await one(database, "SELECT count(*) FROM chat_messages") == 3


async def test_nothing_of_their_words_is_left_and_sums_stay_without_a_name(
    door: Door, database: Database, resources: Resources, tmp_path: Path
) -> None:
    await live(door, database, resources)
    await door.says("Hello from Boris", user=BORIS)
    assert len(await places_of(database, MARKER)) >= 5
    # one picture is being drawn by a worker while they ask
    picture = await open_job(database, "generate_image")
    async with database.transaction() as connection:
        held = await job_rows.claim(connection, picture.id, uuid4())
    assert held is not None
    await press(door, "erase:confirm", user=ANNA)
    erasing = await open_job(database, "erase_person")
    assert erasing.owner == "telegram:bot"

    # nothing new is taken in meanwhile, and the person hears why
    await door.says(f"One more thing, {MARKER}", user=ANNA)
    assert (await chat_texts(database, ANNA))[-1] == say("en", "closed.erasing")
    await lifecycle.run_job(resources, erasing.id)
    waiting = await job(database, erasing.id)
    assert (waiting.status, waiting.setbacks) == ("processing", {"still_running": 1}), "what runs is waited for"
    assert MARKER in str(await rows(database, "SELECT * FROM chat_messages")), "and nothing is taken from under it"
    assert (await job(database, picture.id)).cancel_requested_at is not None
    await lifecycle.run_job(resources, picture.id)  # its worker died; the next one ends it
    # a worker that is killed amid the work leaves the rest to the next one
    await erasure.delete_all(database, resources.media, ANNA)
    await asyncio.gather(*(lifecycle.run_job(resources, erasing.id) for _ in range(2)))

    done = await job(database, erasing.id)
    assert (done.status, done.result) == ("completed", {"erased": True})
    assert await places_of(database, MARKER) == []
    assert [path for path in (tmp_path / "media").rglob("*") if path.is_file()] == []
    assert await rows(database, "SELECT 1 FROM telegram_users WHERE user_id = 7") == []
    assert [each.owner for each in await all_jobs(database)] == ["telegram:8", "telegram:bot"]
    assert await one(database, "SELECT count(*) FROM failed_updates") == 1, "that of somebody else"
    assert await one(database, "SELECT sum(amount) FROM wallet_entries WHERE user_id < 0 AND reason = 'purchase'") == 60
    assert await one(database, "SELECT count(*) FROM wallet_entries WHERE user_id = 7") == 0
    assert await one(database, "SELECT stars FROM star_payments WHERE user_id < 0") == 50
    assert await rows(database, "SELECT 1 FROM star_orders") == []
    await sound(database)
    assert await chat_texts(database, ANNA) == [say("en", "erasure.done")]
    assert await one(database, "SELECT content FROM chat_messages") == "Hello from Boris"

    # they may come back, as new, but are not given once more what newcomers are given
    await execute(database, "UPDATE erased_people SET erased_at = now() - interval '1 hour', diamonds_owed = 5")
    await door.says("Good morning", user=ANNA)
    purse = {
        row["unit"]: row["balance"]
        for row in await rows(
            database,
            "SELECT DISTINCT ON (unit) unit, balance FROM wallet_entries WHERE user_id = 7 ORDER BY unit, number DESC",
        )
    }
    assert purse == {"energy": 20 - 1, "diamonds": 0, "diamonds_owed": 5}, "an hour brings 20 back, and a reply costs 1"
    await sound(database)
    assert await one(database, "SELECT count(*) FROM dialogs WHERE user_id = 7") == 1
    assert (await open_job_of(database, ANNA)).input["user_message"] == "Good morning"


async def open_job_of(database: Database, user: int) -> Job:
    [found] = [each for each in await all_jobs(database) if each.owner == f"telegram:{user}"]
    return found
