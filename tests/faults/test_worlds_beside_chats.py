"""One worker grows a world and serves a chat: however much of the world is under way, the chat waits for none of it."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jobs.db.session import Database
from sandbox.gemini_content import Content
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from tests.factories import job, submit, to_chat, value
from tests.faults.workers import Workers
from tests.jobs.worlds.creation import Creation, creating
from tests.jobs.worlds.test_fairness import OF_CHATS

# of which a world may have four
PLACES = 5


@pytest.fixture
def workers(database_url: str) -> Iterator[Workers]:
    started = Workers(database_url)
    yield started
    started.kill_all()


async def test_a_reply_and_a_picture_for_a_chat_go_before_a_whole_world(
    database: Database, workers: Workers, tmp_path: Path
) -> None:
    llm = ScriptedLlm(["Hello!"])
    async with creating(database, tmp_path, seconds_per_picture=600) as creation, serving(llm.app) as replies:
        creation.gemini.say(only_twice(creation))
        await creation.ask(users=20, posts=200)
        workers.real(
            "world,llm,gpu-0", WORLD_LLM="gemini", GEMINI_BASE_URL=creation.address, GEMINI_API_KEY="key",
            REPLY_LLM="venice", IMAGE_PROMPT_LLM="venice", VENICE_BASE_URL=f"{replies}/v1", VENICE_API_KEY="key",
            COMFYUI_HOSTS=creation.lane.host, MEDIA_URL=f"file:{tmp_path}", MAX_CONCURRENT_LLM_REQUESTS=str(PLACES),
            LOG_LEVEL="ERROR",
        )  # fmt: skip
        # two lists are made, and the first four of its people are asked for: nobody answers, all its places are taken
        await creation.gemini.wait_for_requests(3 + PLACES - 1, timeout=30)
        lane = creation.lane.machine.queue
        async with asyncio.timeout(30):
            while not (lane.running and lane.pending):  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)
        begun = lane.running.prompt_id

        given = {"system_prompt": "You are kind.", "user_message": "Hi"}
        reply = await submit(creation.resources, "generate_reply", given, owner="key:chat", priority=OF_CHATS)
        async with asyncio.timeout(20):
            while (await job(database, reply.id)).status != "completed":  # noqa: ASYNC110 - another process does it
                await asyncio.sleep(0.02)
        assert len(creation.gemini.requests) == 3 + PLACES - 1
        asked = "SELECT count(*) FROM jobs WHERE kind = 'generate_character' AND run_token IS NOT NULL"
        assert await value(database, asked) > PLACES, "others of them wait for a place"

        fox = {"prompt": "a red fox"}
        await submit(creation.resources, "generate_image", fox, destination=to_chat(), priority=OF_CHATS)
        async with asyncio.timeout(20):
            while [fox["prompt"] in json.dumps(each.graph) for each in lane.pending] != [True]:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
        assert lane.running.prompt_id == begun, "what is being drawn is let alone"


def only_twice(creation: Creation) -> Callable[[dict[str, Any]], str]:
    """The description, and two lists of ten people; what comes then is heard, and not answered."""
    answered: list[dict[str, Any]] = []

    def answer(body: dict[str, Any]) -> str:
        answered.append(body)
        if len(answered) == 3:
            creation.gemini.pause()
        return Content()(body)

    return answer
