"""The load of the chat, short: twenty people at once through the true door and workers; and its judge, which must see
what is lost, doubled or out of order.
"""

import asyncio
from pathlib import Path

import psycopg
import pytest

from bench import chat_load_ledger as ledger
from bench import chat_load_people
from bench.chat_load_people import Crowd, Writer
from bench.chat_load_round import Came, Round
from bench.chat_load_scene import PRICE, play
from bench.chat_load_table import complaints, table
from bench.chat_load_verdict import Answer, Talk, judged, talk_of
from bench.chat_load_words import answer, answered_in, message, reply, written_in
from bench.ground import Ground
from bench.updates import TOKEN
from sandbox.bot_api.formatted_text import finished
from sandbox.bot_api.messages import TextBody
from sandbox.bot_api.options import BotAccount, SandboxOptions
from sandbox.bot_api.posting import SendOptions, post
from sandbox.bot_api.sandbox import Sandbox
from sandbox.postgres import EmbeddedPostgres

LOST, DOUBLED, SWAPPED, FINE = 1, 2, 3, 4
ONE_FOR_ALL = {"all": ("llm,telegram,housekeeping",)}


@pytest.mark.slow
async def test_twenty_people_at_once_are_answered_once_in_order_and_pay_once(
    postgres: EmbeddedPostgres, template: str, tmp_path: Path
) -> None:
    ground = Ground(postgres, tmp_path, quick=True)
    came = await play(ground, Round("short", 20, fleet=ONE_FOR_ALL, patience=40, aftermath=0.3, template=template))
    assert complaints(came) == []
    assert (came.verdict.messages, came.books.replies) == (60, came.verdict.answers)
    assert 40 <= came.verdict.answers <= 60
    assert len(came.verdict.waits) == 60
    assert "messages without an answer" in table([came])


def test_the_judge_sees_what_is_lost_doubled_and_out_of_order() -> None:
    written = {1: 10.0, 2: 11.0, 3: 15.0}
    talks = [
        Talk(LOST, written, [Answer((1, 2), 12.0)]),
        Talk(DOUBLED, written, [Answer((1, 2), 12.0), Answer((2, 3), 16.0)]),
        Talk(SWAPPED, written, [Answer((3,), 16.0), Answer((1, 2), 17.0)]),
        Talk(FINE, written, [Answer((1, 2), 12.0, has_buttons=True), Answer((3,), 16.5)], 2, ["Try again later."]),
    ]
    verdict = judged(talks)
    assert verdict.lost == [(LOST, 3)]
    assert verdict.doubled == [(DOUBLED, 2)]
    assert verdict.out_of_order == [SWAPPED]
    assert verdict.greeted_not_once == verdict.stale_buttons == [FINE]
    assert (verdict.messages, verdict.answers, verdict.together, verdict.seconds) == (12, 7, 5, 7.0)
    assert verdict.others == ["Try again later."]
    # what a delivery of which nobody knows would have answered is shown as that
    assert judged(talks, {(LOST, 3), (FINE, 3)}).in_doubt == [(LOST, 3)]
    assert judged(talks, {(LOST, 3)}).lost == []


def test_the_books_tell_of_a_reply_that_was_not_paid_and_of_an_account_that_drifted(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        columns = "user_id, unit, number, reason, amount, came, balance, counted_at, job_id, retry"
        add = f"INSERT INTO wallet_entries ({columns})"
        gift = "(5, 'energy', 1, 'gift', 4, 96, 100, now(), NULL, NULL)"
        paid = f"(5, 'energy', 2, 'charge', -{PRICE}, 0, {100 - PRICE}, now(), gen_random_uuid(), 0)"
        connection.execute(f"{add} VALUES {gift}".encode())
        assert ledger.books(database_url, PRICE).drifted == 0
        connection.execute(f"{add} VALUES {paid}".encode())
        # what a bug in the database's own guard would let through
        connection.execute(b"ALTER TABLE wallet_entries DISABLE TRIGGER USER")
        connection.execute(b"UPDATE wallet_entries SET balance = 99 WHERE number = 2")
        job = (
            "INSERT INTO jobs (id, kind, owner, queue, status) VALUES (gen_random_uuid(), 'generate_reply', 'x', 'llm',"
        )
        connection.execute(f"{job} 'completed')".encode())
    books = ledger.books(database_url, PRICE)
    assert (books.drifted, books.unpaid_for, books.wrongly_charged, books.replies) == (1, 1, 1, 1)


async def test_nobody_waits_for_an_answer_of_which_nobody_knows_whether_it_arrived(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(chat_load_people, "BETWEEN", 0.0)
    monkeypatch.setattr(chat_load_people, "THINKS", 0.0)
    sandbox = Sandbox([BotAccount(TOKEN)], SandboxOptions())
    crowd = Crowd(sandbox, 1)
    [(user, writer)] = crowd.writers.items()
    chat = sandbox.bot().chat(user)
    listening, talking = asyncio.create_task(crowd.listen()), asyncio.create_task(writer.talk())
    try:
        async with asyncio.timeout(10):
            await until_waiting_for(writer, {1, 2})
            crowd.doubt([(user, (1, 2)), (user + 1, (1,))])
            await until_waiting_for(writer, {3})
            post(sandbox.bot(), chat, TextBody(finished(answer([3]), [])), SendOptions())
            await talking
    finally:
        listening.cancel()
    verdict = judged([talk_of(chat)], {(user, 1), (user, 2)})
    assert (verdict.messages, verdict.answers, crowd.answers) == (3, 1, 1)
    assert (verdict.in_doubt, verdict.lost) == ([(user, 1), (user, 2)], [])


async def until_waiting_for(writer: Writer, numbers: set[int]) -> None:
    while writer.open != numbers:  # noqa: ASYNC110 - nobody tells when somebody writes
        await asyncio.sleep(0)


def test_an_answer_names_what_was_written_since_the_last_one() -> None:
    said = [("user", message(1)), ("assistant", "I have read (1)."), ("user", message(2)), ("user", message(3))]
    words = reply({"messages": [{"role": role, "content": content} for role, content in said]})
    assert answered_in(words) == (2, 3)
    assert written_in(message(3)) == 3
    assert written_in("/start lina") is None
    assert answered_in("Something went wrong (500).") == ()


def test_a_round_that_lost_something_is_complained_about() -> None:
    lost = judged([Talk(7, {1: 1.0}, [])])
    books = ledger.Books(0, 0, 1, 0, 0, 0, 0, frozenset(), 0, 0)
    said = "\n".join(complaints(Came(Round("bad", 1), lost, books, 0, 0, 0, ["job 1 failed"])))
    assert "bad: messages without an answer: 1" in said
    assert "bad: replies not paid exactly once: 1" in said
    assert "(7, 1)" in said
    assert "job 1 failed" in said
