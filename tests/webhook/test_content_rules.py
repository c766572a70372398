"""Content rules at the chat's door: one neutral sentence, nothing kept or charged, and at last a suspension."""

from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from uuid import uuid4

import pytest

from jobs.commands import safety as command
from jobs.companion.wording import say
from jobs.db.people import consents
from jobs.db.session import Database
from jobs.kinds.contract import NewJob
from jobs.safety import ratings
from jobs.safety.ratings import AgeNotConfirmed
from jobs.submit import Intake
from tests.factories import (
    USER,
    Door,
    add_user,
    all_jobs,
    chat_texts,
    message,
    opened_door,
    rows,
    sender,
    value,
    webhook_app,
)
from tests.jobs.companion.test_personas import write

BLOCKED = say("en", "failed.content_blocked")
SUSPENDED = say("en", "suspended")


@pytest.fixture
async def strict_door(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("SUSPEND_AFTER_BLOCKS", "3")
    monkeypatch.setenv("PRICE_PICTURE", "1")
    async with opened_door(database_url) as opened:
        yield opened


async def test_what_is_refused_leaves_no_trace_but_a_count_and_too_much_of_it_suspends(
    strict_door: Door, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    door = strict_door
    update = door.text("/generate a nude schoolgirl")
    assert (await door.post(update)).status_code == 200
    assert await chat_texts(database) == [BLOCKED]
    assert await all_jobs(database) == []
    assert await rows(database, "SELECT 1 FROM wallet_entries") == []
    [block] = await rows(database, "SELECT * FROM content_blocks")
    assert (block["owner"], block["rule"], block["stage"]) == (f"telegram:{USER}", "sexual+school", "submit")
    assert "schoolgirl" not in str(block)
    # posted again by Telegram, it is the same update
    await door.post(update)
    assert len(await rows(database, "SELECT 1 FROM content_blocks")) == 1

    # a message that is refused is not kept either: the dialog goes on as if it had not been written
    await door.says("голая школьница")
    assert await rows(database, "SELECT 1 FROM chat_messages") == []
    await door.says("Hello")
    assert [job.input["user_message"] for job in await all_jobs(database)] == ["Hello"]
    assert await rows(database, "SELECT 1 FROM suspensions") == []

    await door.says("/generate a naked child")
    assert (await chat_texts(database))[-1] == SUSPENDED
    before = len(await chat_texts(database))
    for words in ("Hello?", "/generate a fox", "/start", "a naked child"):
        assert (await door.says(words)).status_code == 200
    assert len(await chat_texts(database)) == before, "it is said once"
    assert len(await all_jobs(database)) == 1
    assert len(await rows(database, "SELECT 1 FROM content_blocks")) == 3
    pressed = {"id": "1", "from": sender(), "chat_instance": "1", "data": "photo:1"}
    answer = await door.post(door.update("callback_query", pressed))
    assert answer.json()["method"] == "answerCallbackQuery"
    # whoever has paid is heard all the same
    await door.says("/paysupport")
    payment = {
        "currency": "XTR", "total_amount": 5, "invoice_payload": "what?", "telegram_payment_charge_id": "c1",
        "provider_payment_charge_id": "",
    }  # fmt: skip
    await door.post(door.update("message", message(sender(), successful_payment=payment)))
    assert len(await chat_texts(database)) == before + 2
    assert await value(database, "SELECT stars FROM star_payments") == 5
    # nobody else is held up
    await door.says("Hello", user=8)
    assert len(await all_jobs(database)) == 2

    assert await command.suspensions()
    assert f"telegram:{USER}" in capsys.readouterr().out
    assert await command.lift(f"telegram:{USER}")
    assert (await chat_texts(database))[-1] == say("en", "suspension_lifted")
    await door.says("/generate a fox")
    assert len(await all_jobs(database)) == 3
    await door.says("/generate a naked child")
    assert (await chat_texts(database))[-1] == BLOCKED, "what was before counts no more"
    assert await command.list_blocks(owner=f"telegram:{USER}", limit=10)
    out = capsys.readouterr().out
    assert out.count("sexual+minor") == 2
    assert "naked" not in out


async def test_a_persona_for_adults_waits_for_the_word_of_whom_it_is_for(
    database_url: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path, "nova", rating='"adult"')
    async with opened_door(database_url, personas_dir=folder) as door:
        await door.says("/start nova")
        await door.says("Hello")
        assert [job.input["persona"] for job in await all_jobs(database)] == ["lina"], "general is the most here"
    monkeypatch.setenv("CONTENT_RATING", "adult")
    async with opened_door(database_url, personas_dir=folder) as door:
        # numbers that were not taken before
        door.numbers = count(800_000_000)
        async with database.transaction() as connection:
            await connection.exec_driver_sql("UPDATE dialogs SET persona = 'nova', reply_job_id = NULL")
        await door.says("Are you there?")
        assert await asked(database) == ["Hello"]
        assert await value(database, "SELECT count(*) FROM chat_messages") == 1, "what is not answered is not kept"
        async with database.transaction() as connection:
            assert not await consents.age_confirmed_at(connection, USER, ratings.AGE_POLICY)
            await ratings.confirm_age(connection, USER)
            said_at = await consents.age_confirmed_at(connection, USER, ratings.AGE_POLICY)
            assert said_at is not None
            assert await consents.age_confirmed_at(connection, USER, "another question") is None
        await door.says("And now?")
        assert await asked(database) == ["Hello", "And now?"]
        async with database.transaction() as connection:
            await ratings.confirm_age(connection, USER)
            assert await consents.age_confirmed_at(connection, USER, ratings.AGE_POLICY) == said_at
            assert await consents.revoke_age(connection, USER)
            assert not await consents.revoke_age(connection, USER)
            await connection.exec_driver_sql("UPDATE dialogs SET reply_job_id = NULL")
        await door.says("Still there?")
        assert await asked(database) == ["Hello", "And now?"]


async def test_no_handler_has_to_remember_the_age(
    database_url: str, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever asks for an adult persona, the intake refuses it, and the person hears why."""
    monkeypatch.setenv("CONTENT_RATING", "adult")
    app = webhook_app(database_url, personas_dir=write(tmp_path, "nova", rating='"adult"'))
    intake: Intake = app.state.updates.intake
    new = NewJob("generate_image", {"prompt": "a fox", "persona": "nova"}, f"telegram:{USER}")
    async with database.transaction() as connection:
        await add_user(connection)
        with pytest.raises(AgeNotConfirmed) as refused:
            await intake.submit(connection, new)
        assert refused.value.persona == "nova"
        await ratings.confirm_age(connection, USER)
        assert (await intake.submit(connection, new)).status == "pending"
        of_an_account = replace(new, owner="account:1", id=uuid4())
        assert (await intake.submit(connection, of_an_account)).status == "pending", "accounts answer for their people"
    await app.state.database.aclose()


async def asked(database: Database) -> list[str]:
    return [job.input["user_message"] for job in await all_jobs(database)]
