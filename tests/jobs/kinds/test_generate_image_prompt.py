"""A prompt for a picture: what the model is told, and how its words are trimmed."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from jobs import lifecycle
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.resources import Resources
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from tests.factories import chat_texts, job, submit, to_chat, worker


@pytest.fixture
def llm() -> ScriptedLlm:
    return ScriptedLlm()


@pytest.fixture
async def resources(database: Database, llm: ScriptedLlm) -> AsyncIterator[Resources]:
    async with serving(llm.app) as url, worker(database, llm=url) as opened:
        yield opened


async def run(resources: Resources, **given: Any) -> Job:
    made = await submit(resources, "generate_image_prompt", given, destination=to_chat())
    await lifecycle.run_job(resources, made.id)
    return await job(resources.database, made.id)


@pytest.mark.parametrize(
    ("said", "prompt"),
    [
        ("A fox in the snow.", "A fox in the snow."),
        ('  "A fox\n\n in   the snow."  ', "A fox in the snow."),
        ("«Лиса в снегу»", "Лиса в снегу"),
        ("“A fox”", "A fox"),
        ("x" * 3000, "x" * 1000),
    ],
)
async def test_the_words_of_the_model_are_trimmed(
    resources: Resources, llm: ScriptedLlm, said: str, prompt: str
) -> None:
    llm.say([said])
    done = await run(resources, persona="lina")
    assert done.result == {"prompt": prompt}
    assert await chat_texts(resources.database) == [prompt]


@pytest.mark.parametrize("said", ["", '""', " « » ", "\n"])
async def test_no_words_are_asked_for_again(resources: Resources, llm: ScriptedLlm, said: str) -> None:
    llm.say([said])
    waiting = await run(resources, persona="lina")
    assert (waiting.status, waiting.failures) == ("processing", 1)


async def test_a_persona_is_described_by_its_style(resources: Resources, llm: ScriptedLlm) -> None:
    await run(resources, persona="lina", recent_dialogue=[{"role": "user", "content": "Where are you?"}])
    [system, dialogue, request] = llm.requests[0].messages
    assert "Lina" in system["content"]
    assert resources.personas.find("lina").image_style in system["content"]
    assert dialogue["content"] == "Where are you?"
    assert request["role"] == "user"


async def test_a_name_and_a_description_with_braces(resources: Resources, llm: ScriptedLlm) -> None:
    await run(resources, name="{Ann}", description="a baker {0} %s")
    assert "{Ann}: a baker {0} %s" in llm.requests[0].messages[0]["content"]
