"""An update that never works is set aside, and its chat goes on."""

import pytest

from jobs.db.session import Database
from tests.factories import USER, Door, all_jobs, message, refuse_words, rows, sender, value

# each of them is refused by aiogram's models
MALFORMED = {
    "a message without a date": {"message_id": 1, "chat": {"id": USER, "type": "private"}, "text": "Hi"},
    "a message without a chat": {"message_id": 1, "date": 1, "text": "Hi"},
    "a text that is a number": {"message_id": 1, "date": 1, "chat": {"id": USER, "type": "private"}, "text": 5},
    "a chat that is a list": {"message_id": 1, "date": 1, "chat": [], "text": "Hi"},
}


async def test_after_five_tries_it_is_set_aside_and_answered_with_200(door: Door, database: Database) -> None:
    await refuse_words(database, "boom")
    update = door.text("boom")
    answers = [await door.post(update) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [503, 503, 503, 503, 200]
    waits = [int(answer.headers["Retry-After"]) for answer in answers[:4]]
    assert waits == sorted(waits)
    assert waits[0] < waits[-1] <= 30
    [dead] = await rows(database, "SELECT * FROM failed_updates")
    assert dead["tries"] == 5
    assert dead["dead_at"] is not None
    assert dead["payload"] == update, "kept whole, for a person to read"
    assert "refused" in dead["error"]


async def test_the_chat_goes_on_after_it(door: Door, database: Database) -> None:
    await refuse_words(database, "boom")
    update = door.text("boom")
    for _ in range(5):
        await door.post(update)
    assert (await door.says("Are you there?")).status_code == 200
    [job] = await all_jobs(database)
    assert job.input["user_message"] == "Are you there?"


async def test_what_was_set_aside_is_not_tried_again(door: Door, database: Database) -> None:
    await refuse_words(database, "boom")
    update = door.text("boom")
    for _ in range(5):
        await door.post(update)
    assert (await door.post(update)).status_code == 200
    assert await value(database, "SELECT tries FROM failed_updates") == 5


async def test_two_poisonous_updates_are_counted_each_for_itself(door: Door, database: Database) -> None:
    await refuse_words(database, "boom")
    first, second = door.text("boom"), door.text("boom", user=8)
    for _ in range(3):
        await door.post(first)
    assert (await door.post(second)).headers["Retry-After"] == "2"
    assert [row["tries"] for row in await rows(database, "SELECT tries FROM failed_updates ORDER BY update_id")] == [
        3,
        1,
    ]


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_update_is_set_aside_at_once(
    door: Door, database: Database, content: dict[str, object]
) -> None:
    answer = await door.post(door.update("message", {"from": sender(), **content}))
    assert answer.status_code == 200
    assert answer.content == b""
    assert await value(database, "SELECT dead_at IS NOT NULL FROM failed_updates") is True
    assert await all_jobs(database) == []
    assert (await door.says("Next")).status_code == 200
    assert len(await all_jobs(database)) == 1


async def test_a_sender_whose_fields_have_wrong_types_is_no_reason_to_try_for_long(
    door: Door, database: Database
) -> None:
    update = door.update("message", message({**sender(), "username": 5}, text="Hi"))
    codes = [(await door.post(update)).status_code for _ in range(5)]
    assert codes[-1] == 200
    assert await value(database, "SELECT dead_at IS NOT NULL FROM failed_updates") is True


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400"])
async def test_a_number_that_json_does_not_have_cannot_block_its_chat(
    door: Door, database: Database, number: str
) -> None:
    """Python reads these, jsonb refuses them: an update that fails with one in it could never be set aside."""
    await refuse_words(database, "boom")
    body = (
        '{"update_id": 1, "message": {"message_id": 1, "date": 1, "text": "boom", "extra": %s,'
        ' "chat": {"id": 7, "type": "private"}, "from": {"id": 7, "is_bot": false, "first_name": "A"}}}'
    )
    codes = [(await door.raw(body % number)).status_code for _ in range(5)]
    assert codes[-1] in (200, 400)
