"""Whom a person talks to: several conversations, the way between them, and buttons of any age."""

from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import pytest

from jobs.companion.gallery import LONGEST_DATA
from jobs.companion.messages.outbox import LONGEST_CAPTION
from jobs.companion.personas import SHIPPED, Personas
from jobs.companion.wording import say
from jobs.db.dialog import dialogs
from jobs.db.session import Database
from jobs.settings import PersonaSettings
from tests.factories import (
    USER,
    Door,
    all_jobs,
    chat_payloads,
    chat_texts,
    execute,
    message,
    opened_door,
    rows,
    sender,
    value,
)  # fmt: skip

PERSONAS = Personas(PersonaSettings(_env_file=None))
CURRENT = "SELECT d.id, d.persona FROM telegram_users u JOIN dialogs d ON d.id = u.dialog_id WHERE u.user_id = 7"
Json = dict[str, Any]


async def press(door: Door, data: str, *, user: int = USER, picture: bool = True, language: str = "en") -> str | None:
    """The words with which the button is answered; it always is."""
    photo = {"photo": [{"file_id": "a", "file_unique_id": "b", "width": 9, "height": 9}]} if picture else {"text": "x"}
    query = {"id": "4711", "from": sender(user, language), "chat_instance": "1", "data": data}
    query["message"] = message(sender(user, language), **photo)
    answer = (await door.post(door.update("callback_query", query))).json()
    assert (answer["method"], answer["callback_query_id"]) == ("answerCallbackQuery", "4711")
    words: str | None = answer.get("text")
    return words


async def current(database: Database) -> tuple[int, str]:
    [row] = await rows(database, CURRENT)
    return row["id"], row["persona"]


async def answered(database: Database, words: str) -> None:
    """The open reply of the current dialog is there."""
    dialog_id, _ = await current(database)
    [job] = [each for each in await all_jobs(database) if each.dialog_id == dialog_id and each.status == "pending"]
    async with database.transaction() as connection:
        newest = await value(database, "SELECT max(id) FROM chat_messages")
        await dialogs.add_reply(connection, dialog_id, words, job.id, answers=newest)
        await dialogs.set_reply_job(connection, dialog_id, None)
    await execute(
        database,
        f"UPDATE jobs SET status = 'processing' WHERE id = '{job.id}'",
        f"UPDATE jobs SET status = 'completed' WHERE id = '{job.id}'",
    )


def buttons(payload: Json) -> list[str]:
    return [each["callback_data"] for row in payload["reply_markup"]["inline_keyboard"] for each in row]


async def test_one_goes_on_where_one_was_and_begins_afresh_where_one_wants(door: Door, database: Database) -> None:
    await press(door, "meet:may")
    await door.says("Hello, May")
    await answered(database, "Hello yourself.")
    with_may = await current(database)
    await press(door, "meet:una")
    await door.says("Hello, Una")
    with_una = await current(database)
    assert with_una != with_may

    await door.says("/personas")
    listed = (await chat_payloads(database))[-1]
    assert listed["text"] == say("en", "dialog.list")
    assert buttons(listed) == [f"dialog:{with_una[0]}", f"dialog:{with_may[0]}", "gallery"]
    assert listed["reply_markup"]["inline_keyboard"][0][0]["text"] == "💬 Una"

    await press(door, f"dialog:{with_may[0]}")
    assert await current(database) == with_may
    assert (await chat_texts(database))[-1] == say(
        "en", "dialog.continued_after", persona="May", words="Hello yourself."
    )
    await door.says("Do you know me?")
    assert (await all_jobs(database))[-1].dialog_id == with_may[0], "what was said before is in it"

    await door.says("/new")
    afresh = await current(database)
    assert afresh[1] == "may"
    assert afresh[0] not in (with_may[0], with_una[0])
    assert (await chat_payloads(database))[-1]["caption"] == PERSONAS.find("may").greeting.en
    assert await value(database, "SELECT count(*) FROM chat_messages WHERE dialog_id = :id", id=with_may[0]) == 3
    await door.says("/new")
    assert await current(database) == afresh, "nothing was said yet"
    await press(door, "meet:may")
    assert await current(database) == afresh, "the newest one with her is the open one"
    await press(door, f"dialog:{with_may[0]}")
    assert await current(database) == with_may, "an old button still leads to an old conversation"


async def test_commands_without_a_conversation_lead_to_the_gallery(door: Door, database: Database) -> None:
    for command in ("/new", "/personas"):
        await door.says(command, language="ru")
    assert await chat_texts(database) == [say("ru", "gallery.choose")] * 2
    assert await rows(database, "SELECT 1 FROM dialogs") == []


async def test_buttons_of_any_age_and_of_strangers_are_answered(door: Door, database: Database) -> None:
    await press(door, "meet:may", user=8)
    [theirs] = await rows(database, "SELECT id FROM dialogs")
    for data in (f"dialog:{theirs['id']}", "dialog:", "dialog:x", "dialog:²", f"dialog:{'9' * 40}", "dialog:-1"):
        await press(door, data)
    assert await chat_texts(database) == [say("en", "dialog.gone")] * 6
    for data in ("meet:nobody", "meet:"):
        await press(door, data)
    assert (await chat_texts(database))[-2:] == [say("en", "persona.gone")] * 2
    for data in ("see:nobody", "see:"):
        await press(door, data)
    assert [each["greeting"] for each in (await chat_payloads(database))[-2:]] == ["lina"] * 2, "the first card instead"
    for data in ("again:", "again:x", "again:6f5c3f0e-6a2d-4a49-9c4f-0d6f3f7d8a11"):
        assert await press(door, data) == say("en", "again.too_old")
    await press(door, "nonsense")
    assert await rows(database, "SELECT 1 FROM dialogs WHERE user_id = 7") == []
    assert await rows(database, "SELECT 1 FROM failed_updates") == []


async def test_a_card_that_is_turned_round_and_round_shows_everybody_once(door: Door, database: Database) -> None:
    await door.says("/start")
    first = (await chat_payloads(database))[-1]
    seen, data = [first["greeting"]], buttons(first)[1]
    while data != f"see:{seen[0]}":
        await press(door, data, language="ru")
        card = (await chat_payloads(database))[-1]
        assert (card["method"], card["of"]) == ("editMessageMedia", 5)
        seen.append(card["greeting"])
        data = buttons(card)[1]
    assert sorted(seen) == list(PERSONAS.all)
    assert f"{len(seen)} из {len(seen)}" in " ".join(each.get("caption", "") for each in await chat_payloads(database))


@pytest.fixture
def own_personas(tmp_path: Path) -> Path:
    """One whose folder's name fits into no button, without a picture; one for adults; one who greets at length."""
    for name, changes in (
        ("faceless-" + "x" * 90, []),
        ("velvet", [('rating = "general"', 'rating = "adult"')]),
        ("wordy", [('[greeting]\nen = "', '[greeting]\nen = "' + "Well… " * 250)]),
    ):
        copytree(SHIPPED / "ash", tmp_path / name, ignore=ignore_patterns("greeting.*" if "x" in name else ""))
        description = (tmp_path / name / "persona.toml").read_text(encoding="utf-8")
        for old, new in changes:
            assert old in description
            description = description.replace(old, new)
        (tmp_path / name / "persona.toml").write_text(description, encoding="utf-8")
    return tmp_path


async def test_personas_of_ones_own(
    database_url: str, database: Database, own_personas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONTENT_RATING", "adult")
    personas = Personas(PersonaSettings(personas_dir=str(own_personas), content_rating="adult", _env_file=None))
    faceless = next(each for each in personas.all.values() if each.greeting_picture is None)
    async with opened_door(database_url, personas_dir=own_personas) as door:
        await door.says("/start")
        first = (await chat_payloads(database))[-1]
        assert buttons(first)[-1] == "adults"
        assert first["caption"].endswith("1 of 10") or f"of {len(personas.all) - 1}" in first["caption"]

        # from picture to picture until there is none: a text takes its place, and turns back into a picture
        data = buttons(first)[1]
        while (card := (await chat_payloads(database))[-1]).get("greeting") != faceless.key:
            await press(door, data)
            card = next(each for each in reversed(await chat_payloads(database)) if "caption" in each)
            assert card["greeting"] != "velvet", "not before they said that they are of age"
            data = buttons(card)[1]
            if card["greeting"] == faceless.key:
                break
        assert all(len(each.encode()) <= LONGEST_DATA for each in buttons(card))
        assert (await chat_payloads(database))[-1]["method"] == "deleteMessage"
        await press(door, buttons(card)[0], picture=False)
        assert [each["method"] for each in (await chat_payloads(database))[-2:]] == ["sendPhoto", "deleteMessage"]

        await press(door, next(each for each in buttons(card) if each.startswith("meet:")), picture=False)
        assert (await current(database))[1] == faceless.key

        await press(door, "meet:wordy")
        picture, words = (await chat_payloads(database))[-2:]
        assert "caption" not in picture
        assert len(words["text"]) > LONGEST_CAPTION

        for data in ("meet:velvet", "adults"):
            await press(door, data)
            assert (await current(database))[1] == "wordy"
        await door.says("/start velvet")
        assert (await current(database))[1] == "wordy"
        await press(door, "age:yes:velvet")
        assert (await current(database))[1] == "velvet"
        await press(door, "meet:wordy")
        # who had confirmed their age, and took it back in the middle of a conversation
        await execute(database, "UPDATE telegram_users SET age_confirmed_at = NULL, age_policy = NULL")
        await execute(database, "UPDATE dialogs SET persona = 'velvet' WHERE persona = 'wordy'")
        await door.says("Still there?")
        assert await all_jobs(database) == []
        assert await rows(database, "SELECT 1 FROM failed_updates") == []
