"""What an answer asks of the database, counted on the wire: more round trips than these are to be missed by nobody."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from bench.relay import Relay, relaying
from jobs import lifecycle
from jobs.db.session import Database
from jobs.deliver import deliver
from jobs.resources import Resources
from jobs.settings import DatabaseSettings
from sandbox.bot_api.sandbox import Sandbox
from sandbox.bot_api.server import running_sandbox
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from tests.factories import TOKEN, USER, all_jobs, opened_door, rows, tickets, worker

# of a plain message: BEGIN, the person, the message, the payment, the job with its ticket, COMMIT
AT_THE_DOOR = 6
# claimed, read; BEGIN, the result, the answer, what was written meanwhile, its messages with their ticket, COMMIT
OF_THE_RUN = 8
# begun and recorded, each of two: the answer, and the buttons that leave the one before
OF_THE_DELIVERIES = 4


@pytest.fixture
async def relay(database_url: str) -> AsyncIterator[tuple[Relay, str]]:
    address = make_url(database_url)
    async with relaying(address.port or 0) as opened:
        yield opened, address.set(port=opened.port).render_as_string(hide_password=False)


async def test_an_answer_takes_few_round_trips(database: Database, relay: tuple[Relay, str]) -> None:
    counting, through = relay
    llm = ScriptedLlm()
    async with running_sandbox(TOKEN) as bot, serving(llm.app) as model, opened_door(through) as door:
        bot.sandbox.add_user("Anna", user_id=USER)
        counted = Database(DatabaseSettings(database_url=through, _env_file=None))
        async with worker(counted, llm=model, bot_api=bot.url) as resources:
            counts = []
            # the first ones open connections and prepare statements
            for number in range(4):
                start = counting.round_trips
                await door.says(f"message {number}")
                received = counting.round_trips
                await _run(database, resources)
                answered = counting.round_trips
                sent = await _deliver(database, resources)
                counts.append((received - start, answered - received, counting.round_trips - answered))
        await counted.aclose()
        assert sent == [("sendMessage", "sent"), ("editMessageReplyMarkup", "sent")]
        assert _answers_with_buttons(bot.sandbox) == [False, False, False, True]
    assert counts[-1] == (AT_THE_DOOR, OF_THE_RUN, OF_THE_DELIVERIES)


async def _run(database: Database, resources: Resources) -> None:
    [waiting] = [each for each in await all_jobs(database) if each.status == "pending"]
    await lifecycle.run_job(resources, waiting.id)


async def _deliver(database: Database, resources: Resources) -> list[tuple[str, str]]:
    """By the newest ticket, as its task does: what became of its messages."""
    arguments: dict[str, Any] = (await tickets(database))[-1]["args"]
    numbers = [arguments["delivery_id"], *arguments.get("then", [])]
    await deliver(resources, *numbers)
    found = await rows(
        database, "SELECT payload->>'method' AS method, status FROM deliveries WHERE id = ANY(:ids) ORDER BY id",
        ids=numbers,
    )  # fmt: skip
    return [(each["method"], each["status"]) for each in found]


def _answers_with_buttons(sandbox: Sandbox) -> list[bool]:
    messages = sandbox.person(USER).chat.messages.values()
    return [bool(each.inline_markup) for each in messages if each.from_bot]
