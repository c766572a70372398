"""/settings: one message that changes itself; and the question of age, where somebody is for adults."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from jobs.companion.wording import say
from jobs.db.session import Database
from tests.factories import Door, chat_payloads, chat_texts, opened_door, rows, value
from tests.jobs.companion.test_personas import write
from tests.webhook.pressing import buttons, press

CHOSEN = "SELECT locale, auto_pictures, age_confirmed_at FROM telegram_users"


async def test_language_and_pictures_are_chosen_in_one_message(door: Door, database: Database) -> None:
    await door.says("/settings")
    [shown] = await chat_payloads(database)
    of_reports = ["Reports as: PDF", "Language of reports: as in the chat"]
    assert shown["text"].splitlines() == [
        "Settings", "", "Language: English", "Pictures without being asked: on", *of_reports,
    ]  # fmt: skip
    assert buttons(shown)[:3] == ["settings:locale:ru", "settings:locale:en", "settings:pictures:off"]
    for _ in range(2):  # pressed twice, it is done once
        await press(door, "settings:pictures:off", of=31)
    await press(door, "settings:locale:ru", of=31)
    edit = (await chat_payloads(database))[-1]
    assert (edit["method"], edit["of"]) == ("editMessageText", 31)
    assert edit["text"].splitlines()[2:4] == ["Язык: Русский", "Картинки без просьбы: выключены"]
    assert buttons(edit)[2] == "settings:pictures:on"
    [row] = await rows(database, CHOSEN)
    assert (row["locale"], row["auto_pictures"]) == ("ru", False)
    # from now on everything is said in it, whatever the phone speaks
    await door.says("/nonsense")
    assert (await chat_texts(database))[-1].startswith("Я не знаю команды /nonsense")
    # buttons of another version, and of nobody
    for data in ("settings:locale:xx", "settings:", "settings:age:yes", "settings:pictures:on"):
        await press(door, data, of=31)
    [row] = await rows(database, CHOSEN)
    assert (row["locale"], row["auto_pictures"], row["age_confirmed_at"]) == ("ru", True, None)


@pytest.fixture
async def adult_door(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    monkeypatch.setenv("CONTENT_RATING", "adult")
    write(tmp_path, "vera", rating='"adult"', age="30")
    async with opened_door(database_url, personas_dir=tmp_path) as opened:
        yield opened


async def test_age_is_asked_for_dated_and_can_be_taken_back(adult_door: Door, database: Database) -> None:
    door = adult_door
    await door.says("/start vera")
    question = (await chat_payloads(database))[-1]
    assert question["text"].startswith("This is for adults")
    assert buttons(question) == ["age:yes:vera", "age:no"]
    assert await rows(database, "SELECT 1 FROM dialogs") == []
    await press(door, "age:no", of=8)
    assert (await chat_payloads(database))[-1]["text"] == say("en", "age.declined")
    assert await value(database, "SELECT age_confirmed_at FROM telegram_users") is None
    await press(door, "age:yes:vera", of=8)
    assert await value(database, "SELECT age_confirmed_at FROM telegram_users") is not None
    assert await value(database, "SELECT persona FROM dialogs") == "vera"
    await door.says("/settings")
    shown = (await chat_payloads(database))[-1]
    assert "You confirmed that you are 18 or older" in shown["text"]
    await press(door, buttons(shown)[-1])
    assert await value(database, "SELECT age_confirmed_at FROM telegram_users") is None
    before = len(await rows(database, "SELECT 1 FROM chat_messages"))
    await door.says("Hello, Vera")
    assert len(await rows(database, "SELECT 1 FROM chat_messages")) == before, "without it she is not talked to"
    assert buttons((await chat_payloads(database))[-1]) == ["age:yes:vera", "age:no"]
