"""Who may post, and what: everything else is refused before it costs anything."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from jobs.db.session import Database
from sandbox.serve import serving
from tests.factories import (
    SECRET,
    SECRET_HEADER,
    USER,
    Door,
    all_jobs,
    chat_texts,
    message,
    rows,
    sender,
    value,
    webhook_app,
)

MEGABYTE = 1_000_000


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {SECRET_HEADER: ""},
        {SECRET_HEADER: "wrong"},
        {SECRET_HEADER: SECRET[:-1]},
        {SECRET_HEADER: SECRET + "x"},
        {SECRET_HEADER: SECRET.upper()},
        {SECRET_HEADER: "секрет".encode()},
        {SECRET_HEADER: b"\xff\xfe"},
    ],
    ids=["missing", "empty", "wrong", "shorter", "longer", "other case", "not ascii", "not text"],
)
async def test_a_wrong_secret_is_401_without_a_hint(
    door: Door, database: Database, headers: dict[str, str | bytes]
) -> None:
    answer = await door.http.post("/telegram/webhook", json=door.text("Hi"), headers=headers)  # type: ignore[arg-type]  # bytes are allowed as values
    assert answer.status_code == 401
    assert answer.content == b""
    assert "www-authenticate" not in answer.headers
    assert await value(database, "SELECT count(*) FROM telegram_updates") == 0


async def test_a_wrong_secret_is_refused_before_the_body_is_looked_at(door: Door) -> None:
    answer = await door.http.post("/telegram/webhook", content=b"not json", headers={SECRET_HEADER: "wrong"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"{",
        b"\xff\xfe\x00",
        b'{"update_id": 1} {"update_id": 2}',
        b"[]",
        b'[{"update_id": 1}]',
        b"null",
        b'"text"',
        b"{}",
        b'{"message": {}}',
        b'{"update_id": null}',
        b'{"update_id": "1"}',
        b'{"update_id": 1.0}',
        b'{"update_id": true}',
        b'{"update_id": -1}',
        b'{"update_id": 9223372036854775808}',
        b'{"update_id": ' + b"9" * 5000 + b"}",
        b'{"update_id": 1, "message": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"update_id": 1, "message": ' + b'{"a":' * 900 + b"1" + b"}" * 900 + b"}",
    ],
    ids=lambda body: body[:40].decode(errors="replace"),
)
async def test_what_is_not_an_update_is_400(door: Door, database: Database, body: bytes) -> None:
    answer = await door.raw(body)
    assert answer.status_code == 400
    assert "update" in answer.text
    assert await value(database, "SELECT count(*) FROM telegram_updates") == 0


@pytest.mark.parametrize("depth", [50, 200, 400])
async def test_a_nested_update_that_python_can_read_is_answered(door: Door, depth: int) -> None:
    answer = await door.raw(b'{"update_id": 1, "message": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}")
    assert answer.status_code in (200, 400)


async def test_the_largest_number_that_the_database_has(door: Door) -> None:
    assert (await door.raw(b'{"update_id": 9223372036854775807}')).status_code == 200


async def test_a_body_over_a_megabyte_is_413(door: Door, database: Database) -> None:
    answer = await door.raw(b" " * (MEGABYTE + 1))
    assert answer.status_code == 413
    assert "1 MB" in answer.text


async def test_a_body_of_a_megabyte_is_read(door: Door) -> None:
    update = json.dumps(door.text("Hi")).encode()
    assert (await door.raw(update.ljust(MEGABYTE))).status_code == 200


async def test_a_body_that_does_not_say_how_long_it_is_is_cut_off_at_a_megabyte(door: Door) -> None:
    sent = []

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            sent.append(1)
            yield b" " * 100_000

    answer = await door.raw(pieces())
    assert answer.status_code == 413
    assert len(sent) < 15, "the rest is not read"


async def test_a_real_server_answers_413_too(database_url: str) -> None:
    app = webhook_app(database_url)
    async with serving(app) as url, httpx.AsyncClient(base_url=url, verify=False) as http:
        headers = {SECRET_HEADER: SECRET}
        announced = await http.post("/telegram/webhook", content=b" " * (MEGABYTE + 1), headers=headers)
        small = await http.post("/telegram/webhook", json={"update_id": 1}, headers=headers)
    assert (announced.status_code, small.status_code) == (413, 200)


async def test_a_length_that_is_no_number_is_not_believed(door: Door) -> None:
    answer = await door.raw(b'{"update_id": 1}', content_length="many")
    assert answer.status_code == 200


@pytest.mark.filterwarnings("ignore:Detected unknown update type")
@pytest.mark.parametrize(
    "update",
    [
        {},
        {"something_new": {}},
        {"something_new": {"from": sender(), "chat": {"id": USER, "type": "private"}}},
        {"something_new": [1, 2]},
        {"something_new": None},
        {"poll": {"id": "1"}},
        {"poll_answer": {"poll_id": "1", "option_ids": [0], "user": sender()}},
        {"message_reaction": {"chat": {"id": USER, "type": "private"}, "user": sender()}},
        {"stopped_message_generation": {"chat": {"id": USER, "type": "private"}, "draft_id": 1}},
    ],
    ids=lambda update: " ".join(update) or "empty",
)
async def test_update_types_that_we_do_not_know_are_taken(
    door: Door, database: Database, update: dict[str, object]
) -> None:
    answer = await door.raw(json.dumps({"update_id": 1, **update}))
    assert answer.status_code == 200
    assert await value(database, "SELECT count(*) FROM telegram_updates") == 1
    assert await rows(database, "SELECT * FROM failed_updates") == []
    assert await all_jobs(database) == []


@pytest.mark.parametrize("person", [None, 5, [], {}, {"id": "7"}, {"id": 2**63}, {"id": 1.5}])
async def test_a_sender_that_is_none_is_nobody(door: Door, person: object) -> None:
    """aiogram refuses most of these, at once and for good; none of them may hold up the queue."""
    content = {"message_id": 1, "date": 1, "chat": {"id": 7, "type": "private"}, "text": "Hi", "from": person}
    assert (await door.post(door.update("message", content))).status_code == 200


@pytest.mark.parametrize("kind", ["group", "supergroup"])
async def test_groups_are_ignored(door: Door, database: Database, kind: str) -> None:
    chat = {"id": -100, "type": kind, "title": "Group"}
    for words in ("Hi", "/start", "/generate a fox", "/nonsense"):
        assert (await door.post(door.update("message", {**message(sender(), text=words), "chat": chat}))).content == b""
    assert await all_jobs(database) == []
    assert await chat_texts(database) == []
    assert await value(database, "SELECT count(*) FROM dialogs") == 0


async def test_who_writes_in_a_group_has_not_unblocked_the_bot(door: Door, database: Database) -> None:
    await door.says("/start")
    await database_blocks(database)
    chat = {"id": -100, "type": "group", "title": "Group"}
    await door.post(door.update("message", {**message(sender(), text="Hi all"), "chat": chat}))
    assert await value(database, "SELECT blocked_at IS NOT NULL FROM telegram_users") is True


async def database_blocks(database: Database) -> None:
    from jobs.db.people import telegram_users

    async with database.transaction() as connection:
        await telegram_users.set_blocked(connection, USER, blocked=True)


async def test_channel_posts_are_ignored(door: Door, database: Database) -> None:
    post = {"message_id": 1, "date": 1, "chat": {"id": -100, "type": "channel", "title": "News"}, "text": "Hi"}
    assert (await door.post(door.update("channel_post", post))).status_code == 200
    assert await value(database, "SELECT count(*) FROM telegram_users") == 0


@pytest.mark.parametrize(
    ("words", "stored"),
    [
        ("a\\u0000b", "ab"),
        ("\\u0000", None),
        ("half \\ud83d", "half ?"),
        ("\\udc00 half", "? half"),
        ("whole \\ud83e\\udd8a", "whole 🦊"),
    ],
)
async def test_zero_bytes_and_half_characters(door: Door, database: Database, words: str, stored: str | None) -> None:
    """PostgreSQL stores neither, and a message that cannot be stored would block its chat."""
    body = json.dumps(door.text("WORDS")).replace("WORDS", words)
    assert (await door.raw(body)).status_code == 200
    assert [row["content"] for row in await rows(database, "SELECT content FROM chat_messages")] == (
        [stored] if stored else []
    )


async def test_zero_bytes_in_a_name(door: Door, database: Database) -> None:
    body = json.dumps(door.update("message", message({**sender(), "first_name": "NAME"}, text="/start")))
    assert (await door.raw(body.replace("NAME", "An\\u0000na\\ud800"))).status_code == 200
    assert await value(database, "SELECT first_name FROM telegram_users") == "Anna?"


@pytest.mark.parametrize("kind", ["edited_message", "edited_channel_post"])
async def test_edits_change_nothing(door: Door, database: Database, kind: str) -> None:
    await door.says("First")
    content = message(sender(), text="First, corrected", edit_date=1_760_000_100)
    assert (await door.post(door.update(kind, content))).status_code == 200
    assert [row["content"] for row in await rows(database, "SELECT content FROM chat_messages")] == ["First"]


async def test_other_methods_and_paths(door: Door) -> None:
    assert (await door.http.get("/telegram/webhook")).status_code == 405
    assert (await door.http.post("/")).status_code == 404
    for path in ("/docs", "/openapi.json", "/redoc"):
        assert (await door.http.get(path)).status_code == 404, "the door says nothing about itself"
