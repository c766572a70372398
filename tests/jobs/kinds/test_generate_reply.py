"""What the model is asked for a reply, and what comes of its answer."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from jobs import lifecycle
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.resources import Resources
from sandbox.llm.answers import Answer, Usage
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from tests.factories import add_user, execute, job, submit, value, worker


@pytest.fixture
def llm() -> ScriptedLlm:
    return ScriptedLlm()


@pytest.fixture
async def resources(database: Database, llm: ScriptedLlm) -> AsyncIterator[Resources]:
    async with serving(llm.app) as url, worker(database, llm=url) as opened:
        yield opened


async def run(resources: Resources, **given: Any) -> Job:
    made = await submit(resources, "generate_reply", given, owner="key:1")
    await lifecycle.run_job(resources, made.id)
    return await job(resources.database, made.id)


async def test_a_persona_speaks_with_its_own_prompt(resources: Resources, llm: ScriptedLlm) -> None:
    llm.say([Answer("  Hello.\n", usage=Usage(9, 2))])
    done = await run(resources, persona="May", user_message="Hi")
    assert done.result == {"reply": "Hello.", "dialog_id": None}
    assert done.usage == {"prompt_tokens": 9, "completion_tokens": 2}
    [system, user] = llm.requests[0].messages
    assert system == {"role": "system", "content": resources.personas.find("may").system_prompt}
    assert user == {"role": "user", "content": "Hi"}


async def test_a_system_prompt_of_ones_own_and_a_history(resources: Resources, llm: ScriptedLlm) -> None:
    history = [{"role": "user", "content": "1"}, {"role": "assistant", "content": "2"}]
    await run(resources, persona="may", system_prompt="Be a cat.", user_message="3", history=history)
    assert [each["content"] for each in llm.requests[0].messages] == ["Be a cat.", "1", "2", "3"]


async def test_a_history_of_200_kb(resources: Resources, llm: ScriptedLlm) -> None:
    history = [{"role": "user", "content": f"{number:04} " + "я" * 195} for number in range(1000)]
    done = await run(resources, persona="may", user_message="last", history=history)
    assert done.status == "completed"
    shown = [each["content"] for each in llm.requests[0].messages[1:]]
    assert shown[-1] == "last"
    assert shown[-2].startswith("0999")
    assert sum(map(len, shown)) <= 7500


async def test_an_unknown_persona(resources: Resources, llm: ScriptedLlm) -> None:
    done = await run(resources, persona="nobody", user_message="Hi")
    assert done.status == "failed"
    assert done.error is not None
    assert done.error["code"] == "unknown_persona"
    assert "lina" in done.error["detail"]
    assert llm.requests == []


async def test_a_dialog_that_is_gone_is_answered_from_the_input(resources: Resources, llm: ScriptedLlm) -> None:
    done = await run(resources, persona="may", user_message="Hi", dialog_id=4711)
    assert done.status == "completed"
    assert llm.requests[0].messages[-1]["content"] == "Hi"


async def test_a_history_in_the_input_goes_before_the_dialogs(
    resources: Resources, llm: ScriptedLlm, database: Database
) -> None:
    async with database.transaction() as connection:
        await add_user(connection)
    await execute(database, "INSERT INTO dialogs (user_id, persona) VALUES (7, 'may')")
    await execute(
        database, "INSERT INTO chat_messages (dialog_id, role, content) SELECT id, 'user', 'old' FROM dialogs"
    )
    dialog_id = await value(database, "SELECT id FROM dialogs")
    given = [{"role": "user", "content": "mine"}]
    await run(resources, persona="may", user_message="Hi", dialog_id=dialog_id, history=given)
    assert [each["content"] for each in llm.requests[0].messages[1:]] == ["mine", "Hi"]
    assert await value(database, "SELECT count(*) FROM chat_messages") == 1


async def test_a_worker_without_a_model_says_so(database: Database) -> None:
    async with worker(database) as resources:
        done = await run(resources, persona="may", user_message="Hi")
    assert done.error is not None
    assert done.error["code"] == "misconfigured"
