"""What admins do from a chat, and what others then hear: gifts, bans, maintenance, figures, limits."""

from collections.abc import AsyncIterator

import pytest

from jobs.companion.wording import say
from jobs.db.session import Database
from tests.factories import Door, all_jobs, chat_texts, execute, message, opened_door, rows, sender, value
from tests.webhook.pressing import press

ADMIN, ANNA, BORIS = 1, 7, 8
LOG = "SELECT admin_id, act, subject, details FROM admin_acts ORDER BY id"


@pytest.fixture
async def door(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Door]:
    monkeypatch.setenv("TELEGRAM_ADMINS", f"{ADMIN}, 99")
    monkeypatch.setenv("CHAT_OPEN_JOBS", "3")
    monkeypatch.setenv("CHAT_OPEN_PICTURES", "2")
    monkeypatch.setenv("CHAT_WAITING_MESSAGES", "3")
    monkeypatch.setenv("CHAT_LONGEST_MESSAGE", "50")
    async with opened_door(database_url) as opened:
        yield opened


async def last(database: Database, user: int = ADMIN) -> str:
    return (await chat_texts(database, user))[-1]


def payment(charge_id: str = "c1") -> dict[str, object]:
    return {
        "currency": "XTR", "total_amount": 5, "invoice_payload": "what?", "telegram_payment_charge_id": charge_id,
        "provider_payment_charge_id": "",
    }  # fmt: skip


async def test_for_others_these_commands_do_not_exist(door: Door, database: Database) -> None:
    for words in ("/stats", "/give 7 5 diamonds", "/ban 8", "/maintenance on", "/broadcast x", "/refund c1", "/admin"):
        await door.says(words, user=ANNA)
        unknown = say("en", "unknown_command", command=words.split()[0])
        assert await last(database, ANNA) == unknown, words
    await press(door, "broadcast:send:1", user=ANNA)
    assert await rows(database, LOG) == []
    assert await rows(database, "SELECT 1 FROM wallet_entries") == []


async def test_each_asks_for_what_is_missing(door: Door, database: Database) -> None:
    expected = {
        "/give": "To whom", "/give 7 many diamonds": "To whom", "/give 7 0 diamonds": "To whom",
        "/give 7 5 stars": "To whom", "/give 12345 5 energy": "12345 has never", "/refund": "Which payment",
        "/refund stx": "There is no payment stx", "/ban": "Whom?", "/ban @nobody": "@nobody has never",
        "/unban": "Whom?", "/maintenance": "On or off?", "/maintenance maybe": "On or off?",
        "/maintenance off": "There was no maintenance", "/broadcast": "What shall everybody read?",
        "/ban 1": "An admin cannot be banned", "/admin": "For admins:", "/unban 1": "Anna (1) is not banned",
    }  # fmt: skip
    for words, answer in expected.items():
        await door.says(words, user=ADMIN)
        assert (await last(database)).startswith(answer), words
    assert await rows(database, LOG) == []


async def test_a_gift_arrives_once_and_is_written_down(door: Door, database: Database) -> None:
    person = sender(ANNA, "ru", username="Anna_A")
    await door.post(door.update("message", message(person, text="/balance")))
    gift = door.text("/give @anna_a 50 diamonds", user=ADMIN)
    for _ in range(2):  # Telegram posts it again
        await door.post(gift)
    assert await last(database) == "50 💎 went to Anna @Anna_A (7)."
    assert await last(database, ANNA) == "Тебе подарок: 50 💎."
    [entry] = await rows(database, "SELECT user_id, amount, reason FROM wallet_entries")
    assert (entry["user_id"], entry["amount"], entry["reason"]) == (ANNA, 50, "gift")
    [act] = await rows(database, LOG)
    assert (act["admin_id"], act["act"], act["subject"]) == (ADMIN, "give", "7")
    assert act["details"] == {"amount": 50, "unit": "diamonds"}
    await door.says("/stats", user=ADMIN)
    assert (await last(database)).startswith("People: 2; in 24 hours: 2, in 7 days: 2\n")
    assert "gpu-0: does not answer, or has no worker" in await last(database)


async def test_who_is_banned_hears_it_once_a_day_and_payments_pass(door: Door, database: Database) -> None:
    await door.says("Hello", user=ANNA)
    await door.says(f"/ban {ANNA} too much spam", user=ADMIN)
    assert (await last(database)).startswith("Anna (7) is banned")
    before = len(await chat_texts(database, ANNA))
    for words in ("Hello?", "/start", "/generate a fox", "/buy", "/settings", "/delete_me"):
        assert (await door.says(words, user=ANNA)).content == b""
    assert await press(door, "settings:locale:ru", user=ANNA) == {
        "method": "answerCallbackQuery", "callback_query_id": "4711",
    }  # fmt: skip
    assert (await chat_texts(database, ANNA))[before:] == [say("en", "closed.ban")]
    assert [job.owner for job in await all_jobs(database)] == ["telegram:7"]
    yesterday = "jsonb_build_object('ban', now() - interval '25 hours')"
    await execute(database, f"UPDATE telegram_users SET notices = {yesterday}")
    await door.says("Hello?", user=ANNA)
    assert (await chat_texts(database, ANNA))[before:] == [say("en", "closed.ban")] * 2
    await door.post(door.update("message", message(sender(ANNA), successful_payment=payment())))
    assert await value(database, "SELECT stars FROM star_payments") == 5
    await door.post(door.update("message", message(sender(ANNA), refunded_payment=payment())))
    assert await value(database, "SELECT refunded_at IS NOT NULL FROM star_payments")
    await door.says(f"/unban {ANNA}", user=ADMIN)
    await door.says("/help", user=ANNA)
    assert (await last(database, ANNA)) != say("en", "closed.ban")
    assert [(row["act"], row["details"]) for row in await rows(database, LOG)] == [
        ("ban", {"reason": "too much spam"}), ("unban", {}),
    ]  # fmt: skip


async def test_in_maintenance_nothing_new_begins_and_everybody_is_told_once(door: Door, database: Database) -> None:
    await door.says("Hello", user=ANNA)
    [running] = await all_jobs(database)
    await door.says("/maintenance on Back at noon, friends.", user=ADMIN)
    told = len(await chat_texts(database, ANNA))
    for words in ("Are you there?", "/generate a fox", "/start una"):
        await door.says(words, user=ANNA)
    await door.says("Привет", user=BORIS, language="ru")
    assert (await chat_texts(database, ANNA))[told:] == ["Back at noon, friends."]
    assert await chat_texts(database, BORIS) == ["Back at noon, friends."]
    assert (await press(door, "again:x", user=ANNA))["text"] == "Back at noon, friends."
    assert [job.id for job in await all_jobs(database)] == [running.id], "what was begun goes on"
    # what makes no work is answered, and payments pass
    await door.says("/balance", user=ANNA)
    assert (await last(database, ANNA)).startswith("Energy:")
    await door.post(door.update("message", message(sender(ANNA), successful_payment=payment())))
    assert await value(database, "SELECT stars FROM star_payments") == 5
    await door.says("Hello from the admin", user=ADMIN)
    assert len(await all_jobs(database)) == 2
    await door.says("/maintenance off", user=ADMIN)
    await door.says("And now?", user=BORIS)
    assert len(await all_jobs(database)) == 3
    # another time is told of again
    await door.says("/maintenance on", user=ADMIN)
    await door.says("And now?", user=BORIS, language="ru")
    assert await last(database, BORIS) == say("ru", "closed.maintenance")


async def test_too_much_at_once_is_refused_in_words_and_not_kept(door: Door, database: Database) -> None:
    await door.says("/generate a fox")
    await door.says("/generate an owl")
    for _ in range(3):
        await door.says("/generate a hare")
    refused = say("en", "limit.pictures", count=2)
    assert (await chat_texts(database)).count(refused) == 1, "it is not said each time"
    assert len(await all_jobs(database)) == 2
    for words in ("One", "Two", "Three", "Four"):
        await door.says(words)
    stored = [row["content"] for row in await rows(database, "SELECT content FROM chat_messages ORDER BY id")]
    assert stored == ["One", "Two", "Three"]
    assert await last(database, ANNA) == say("en", "limit.messages", count=3)
    await door.says("/new")
    await door.says("Five")
    assert await last(database, ANNA) == say("en", "limit.jobs", count=3)
    assert len(await all_jobs(database)) == 3
    await door.says("x" * 51)
    assert await last(database, ANNA) == say("en", "limit.length", count=51, most=50)
    # somebody else has all the room there is
    await door.says("/generate a fox", user=BORIS)
    assert len(await all_jobs(database)) == 4
