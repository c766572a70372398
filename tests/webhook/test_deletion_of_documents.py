"""/delete_me reaches documents, what was found in them, reports and worlds: exported, and then gone."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from jobs import lifecycle
from jobs.db.analyses import comparisons, documents, report_preferences, reports
from jobs.db.analyses.comparisons import Finding, Found
from jobs.db.files import media
from jobs.db.files.media import StoredFile
from jobs.db.session import Database
from jobs.db.world import worlds
from jobs.kinds.contract import NewJob
from jobs.resources import Resources
from tests.factories import Door, chat_payloads, execute, rows, worker
from tests.factories import value as one
from tests.webhook.pressing import press
from tests.webhook.test_deletion import ANNA, BORIS, MARKER, open_job, places_of

OWNED = ("documents", "document_pages", "comparisons", "comparison_documents", "findings", "reports", "preferences",
         "worlds", "characters", "chat_analyses")  # fmt: skip


@pytest.fixture
async def resources(database: Database, tmp_path: Path) -> AsyncIterator[Resources]:
    async with worker(database, media=tmp_path / "media") as opened:
        yield opened


async def compare(resources: Resources, user: int, words: str) -> UUID:
    """What /analyze and a world leave behind of a person; and the first document's file."""
    owner, ids, comparison_id = f"telegram:{user}", [uuid4(), uuid4()], uuid4()
    files = [await resources.media.put(f"%PDF- the same bytes {number}".encode(), uuid4()) for number in range(2)]
    report: StoredFile = await resources.media.put(words.encode(), uuid4())
    async with resources.database.transaction() as connection:
        for document_id, file in zip(ids, files, strict=True):
            await documents.insert(connection, document_id, owner, f"{words}.pdf", "pdf", file.size, file.sha256)
            await documents.attach(connection, document_id, owner, file)
            await documents.complete(connection, document_id, [f"a {words}", "of two pages"])
        asked = {"looks_for": ["risks"], "question": words, "model": "", "language": "en", "report_formats": ["md"]}
        await comparisons.insert(connection, comparison_id, owner, ids, title=f"On a {words}", **asked)
        found = Finding(
            1, "risk", "high", f"A {words}", words, [{"document_id": str(ids[0]), "page": 1, "text": words}]
        )
        await comparisons.finish(connection, comparison_id, Found([found], words, 0, [], "small"))
        stored = await reports.read(connection, comparison_id)
        assert stored
        await reports.enter(connection, stored, {"md": report}, job_id=None, ttl=600)
        await report_preferences.write(connection, owner, report_formats=["md"], language="en")
        root = NewJob("init_world_creation", {"prompt": f"A world of {words}", "users": 1, "posts": 1}, owner)
        job = await resources.intake.submit(connection, root)
        await worlds.create(connection, job.id, owner, prompt=words, users=1, posts=1, pictures=True)
    await execute(
        resources.database,
        "INSERT INTO characters (id, world_id, position, username, role, social_group, concept, posts)"
        f" VALUES (gen_random_uuid(), '{job.id}', 1, '{words}', 'r', 'g', 'c', 1)",
        "INSERT INTO chat_analyses (id, user_id, status, question, created_at, touched_at)"
        f" VALUES (gen_random_uuid(), {user}, 'collecting', '{words}', now(), now())",
        # so that nothing has to be stopped first
        f"UPDATE jobs SET status = 'cancelled' WHERE id = '{job.id}'",
    )
    return files[0].id


async def test_erasing_a_person_left_their_documents_comparisons_and_worlds_behind(
    door: Door, database: Database, resources: Resources, tmp_path: Path
) -> None:
    for user, words in ((ANNA, MARKER), (BORIS, "blackbird")):
        await door.says("Hello", user=user)
        await compare(resources, user, words)
    theirs = {table: await one(database, f"SELECT count(*) FROM {table}") for table in OWNED}
    assert all(theirs.values())

    await door.says("/delete_me", user=ANNA)
    await press(door, "erase:export", user=ANNA)
    await lifecycle.run_job(resources, (await open_job(database, "export_person")).id)
    sent = (await chat_payloads(database, ANNA))[-1]
    async with database.transaction() as connection:
        row = await media.get(connection, UUID(sent["media_id"]))
    assert row
    whole = (await resources.media.get(row.key)).decode()
    found: dict[str, Any] = json.loads(whole)
    assert "blackbird" not in whole
    assert [each["file_name"] for each in found["documents"]] == [f"{MARKER}.pdf"] * 2
    [compared] = found["comparisons"]
    assert (compared["title"], compared["findings"][0]["title"]) == (f"On a {MARKER}", f"A {MARKER}")
    assert sorted(compared["documents"]) == sorted(each["id"] for each in found["documents"])
    assert set(compared["reports"].values()) < {each["id"] for each in found["files"]}
    assert found["report_preferences"][0]["report_formats"] == ["md"]
    assert found["worlds"][0]["characters"][0]["username"] == MARKER
    assert [each["question"] for each in found["chat_analyses"]] == [MARKER]
    assert found["page_sessions"] == []

    await press(door, "erase:confirm", user=ANNA)
    erasing = await open_job(database, "erase_person")
    for _ in range(2):  # what waits for what was just cancelled looks again
        await lifecycle.run_job(resources, erasing.id)
    assert await places_of(database, MARKER) == []
    left = {table: await one(database, f"SELECT count(*) FROM {table}") for table in OWNED}
    assert left == {table: count // 2 for table, count in theirs.items()}, "those of somebody else"
    kept = {row["key"] for row in await rows(database, "SELECT key FROM media WHERE owner = 'telegram:8'")}
    on_disk = {str(path.relative_to(tmp_path / "media")) for path in (tmp_path / "media").rglob("*") if path.is_file()}
    assert on_disk == kept, "the same bytes of somebody else are files of theirs"
    assert len(kept) == 3
