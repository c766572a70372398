"""What was said is said differently, taken away, or comes with a file: as deliveries, in their order."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from jobs.companion.messages.outbox import (
    Button,
    ChatButtons,
    ChatDelete,
    ChatDocument,
    ChatEdit,
    ChatGreeting,
    ChatPhoto,
    ChatText,
)
from jobs.db.session import Database
from jobs.deliver import deliver
from jobs.errors import TemporaryError
from sandbox.bot_api.faults import FaultKind, FaultOrder
from sandbox.bot_api.messages import DocumentBody, PhotoBody
from tests.factories import execute, value
from tests.jobs.chats.chat_stage import Stage, opened_stage

AGAIN = ((Button("Again", "again"),),)


@pytest.fixture
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    async with opened_stage(database, tmp_path) as opened:
        yield opened


async def test_a_message_is_changed_loses_its_buttons_and_goes(stage: Stage) -> None:
    await stage.send(ChatText("Wait", AGAIN), key="job:1:0")
    [first] = stage.shown()
    await stage.send(ChatEdit("job:1:0:0", "Done", AGAIN), key="job:1:1")
    assert stage.texts() == ["Done"]
    assert stage.shown()[0].inline_markup == {"inline_keyboard": [[{"text": "Again", "callback_data": "again"}]]}
    assert (await stage.delivery("job:1:1:0"))["message_id"] == first.message_id, "it can be spoken of under both keys"

    await stage.send(ChatEdit("job:1:1:0", "Done", AGAIN), key="same")
    same = await stage.delivery("same:0")
    assert (same["status"], same["message_id"], same["error"]) == ("sent", first.message_id, None), "not modified"

    await stage.send(ChatButtons("job:1:0:0"), key="bare")
    assert not (stage.shown()[0].inline_markup or {}).get("inline_keyboard")
    await stage.send(ChatDelete(first.message_id), key="gone")
    assert stage.texts() == []
    statuses = [(await stage.delivery(f"{key}:0"))["status"] for key in ("bare", "gone")]
    assert statuses == ["sent", "sent"]


async def test_what_changes_a_message_that_is_gone(stage: Stage) -> None:
    await stage.send(ChatText("Wait"), key="a")
    await stage.send(ChatDelete("a:0"), key="b")
    before = len(stage.calls())
    await stage.send(
        ChatButtons("a:0"), ChatDelete("a:0"), ChatButtons("never:0", AGAIN), ChatDelete("never:0"), key="c"
    )
    assert stage.texts() == []
    assert len(stage.calls()) == before + 2, "of what was never sent Telegram is not asked"
    assert {(await stage.delivery(f"c:{number}"))["status"] for number in range(4)} == {"sent"}

    await stage.send(ChatEdit("a:0", "Here", AGAIN), key="d")
    await stage.send(ChatEdit("never:0", "And here"), key="e")
    assert stage.texts() == ["Here", "And here"], "a text is not lost: it is sent anew"
    await stage.send(ChatEdit("a:0", "Changed"), key="f")
    assert stage.texts() == ["Changed", "And here"], "the old key speaks of the message that took its place"

    picture = await stage.picture()
    await stage.send(ChatPhoto(picture), key="g")
    await stage.send(ChatEdit("g:0", "Words for a picture"), key="h")
    assert stage.texts()[-2:] == ["", "Words for a picture"]


async def test_a_long_text_in_the_place_of_a_short_one(stage: Stage) -> None:
    await stage.send(ChatText("Wait"), key="a")
    await stage.send(ChatEdit("a:0", "x" * 4000 + "\n\n" + "y" * 300, AGAIN), key="b")
    first, last = stage.shown()
    assert [len(text) for text in stage.texts()] == [4000, 300]
    assert (first.inline_markup, bool(last.inline_markup)) == (None, True)


@pytest.mark.parametrize("change", [ChatEdit("a:0", "Done"), ChatButtons("a:0", AGAIN), ChatDelete("a:0")], ids=type)
async def test_what_does_no_more_when_it_is_done_twice_is_done_again(
    stage: Stage, change: ChatEdit | ChatButtons | ChatDelete
) -> None:
    """A crash after the call, and an answer that was lost: neither leaves it unknown."""
    await stage.send(ChatText("Wait"), key="a")
    stage.sandbox.faults.order(FaultOrder(kind=FaultKind.DROP_AFTER))
    await stage.plan(change, key="b")
    number = (await stage.delivery("b:0"))["id"]
    with pytest.raises(TemporaryError):
        await deliver(stage.resources, number)
    await execute(stage.database, "UPDATE deliveries SET status = 'sending' WHERE key = 'b:0'")
    await deliver(stage.resources, number)
    assert (await stage.delivery("b:0"))["status"] == "sent"
    assert len(stage.calls()) == 3


async def test_a_crash_in_an_edit_that_may_have_become_a_message_is_unknown(stage: Stage) -> None:
    await stage.plan(ChatEdit("never:0", "Here"), key="a")
    await execute(stage.database, "UPDATE deliveries SET status = 'sending', attempt = 1, sending_at = now()")
    await deliver(stage.resources, (await stage.delivery("a:0"))["id"])
    assert (await stage.delivery("a:0"))["status"] == "unknown"
    assert stage.texts() == []


async def test_a_photo_and_the_same_as_a_document(stage: Stage) -> None:
    """Telegram has two names for them, and takes neither for the other."""
    picture = await stage.picture()
    await stage.send(
        ChatPhoto(picture, "a fox", AGAIN, spoiler=True), ChatDocument(picture, "fox.png", "whole"), key="a"
    )
    await stage.send(ChatPhoto(picture), ChatDocument(picture, "other.png"), key="b")
    photo, document, *again = (each.body for each in stage.shown())
    assert isinstance(photo, PhotoBody)
    assert photo.spoiler
    assert stage.shown()[0].inline_markup
    assert isinstance(document, DocumentBody)
    assert document.document.filename == "fox.png"
    assert document.document.content.startswith(b"\x89PNG")
    assert [type(each) for each in again] == [PhotoBody, DocumentBody]
    assert [call.status for call in stage.calls()] == [200] * 4
    uploads = [
        name
        for call in stage.calls()
        for name, given in call.params.items()
        if isinstance(given, dict) and "size" in given
    ]
    assert uploads == ["photo", "document"], "the second time by Telegram's own names"
    assert await value(stage.database, "SELECT telegram_file_id <> telegram_document_id FROM media")
    await stage.send(ChatDocument(uuid4(), "x.png"), key="c")
    assert "deleted" in (await stage.delivery("c:0"))["error"]["detail"]


async def test_a_greeting_is_uploaded_once_for_everybody(database: Database, tmp_path: Path) -> None:
    async with opened_stage(database, tmp_path, 7, 8) as stage:
        persona = next(each for each in stage.resources.personas.all.values() if each.greeting_picture)
        await stage.send(ChatGreeting(persona.key, "Hello", AGAIN), key="a")
        await stage.send(ChatGreeting(persona.key, "Hi"), key="b", user=8)
        first, second = (stage.shown(user)[0].body for user in (7, 8))
        assert isinstance(first, PhotoBody)
        assert isinstance(second, PhotoBody)
        assert [call.params["photo"]["size"] > 0 if isinstance(call.params.get("photo"), dict) else call.params["photo"]
                for call in stage.calls("sendPhoto")] == [True, first.photo.sizes[-1].file_id]  # fmt: skip
        await execute(database, "UPDATE greeting_files SET file_id = 'AgACAgIAAforgotten'")
        other = next(
            key for key, each in stage.resources.personas.all.items() if each.greeting_picture and key != persona.key
        )
        await stage.send(ChatGreeting(persona.key, "Hello"), key="c")
        assert await value(database, "SELECT file_id <> 'AgACAgIAAforgotten' FROM greeting_files"), "uploaded anew"
        await stage.send(ChatGreeting(other, "And I", of="a:0"), key="d")
        await stage.send(ChatGreeting(persona.key, "And I again", of="a:0"), key="e")
        assert stage.texts() == ["And I again", "Hello"]
        await execute(database, "UPDATE greeting_files SET sha256 = 'of another picture'")
        uploads = len(
            [
                call
                for call in stage.calls()
                if any(isinstance(given, dict) and "size" in given for given in call.params.values())
            ]
        )
        await stage.send(ChatGreeting(persona.key, "Hello"), key="f")
        assert (
            len(
                [
                    call
                    for call in stage.calls()
                    if any(isinstance(given, dict) and "size" in given for given in call.params.values())
                ]
            )
            == uploads + 1
        )
        await stage.send(ChatGreeting("nobody", "Without a picture", AGAIN), key="g")
        assert stage.texts()[-1] == "Without a picture"
