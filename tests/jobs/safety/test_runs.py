"""Content rules in a worker: nothing forbidden reaches a provider or a person, and it is counted and paid back."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from jobs import lifecycle
from jobs.companion.personas import Personas
from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wording import say
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.errors import ContentBlocked, PermanentError
from jobs.providers.chat_model import Completion, Turn
from jobs.resources import Resources
from jobs.safety.opening import open_moderator
from jobs.safety.safety import Safety, Subject
from jobs.safety.settings import SafetySettings
from jobs.settings import EconomySettings, PersonaSettings
from sandbox.llm.scripted import ScriptedLlm
from sandbox.ollama import ScriptedOllama
from sandbox.serve import serving
from tests.factories import (
    USER,
    chat_texts,
    execute,
    job,
    opened_door,
    rows,
    submit,
    to_chat,
    value,
    worker,
)
from tests.jobs.companion.test_personas import write
from tests.jobs.guard.fleet import opened_guard

BLOCKED = say("en", "failed.content_blocked")
MODERATED = SafetySettings(moderator="openai", _env_file=None)


@pytest.fixture
def llm() -> ScriptedLlm:
    return ScriptedLlm(lambda body: "Hello back.")


@asynccontextmanager
async def opened(
    database: Database, llm: ScriptedLlm, settings: SafetySettings | None = None, *, personas: Personas | None = None
) -> AsyncIterator[Resources]:
    """Jobs are accepted without a look, as those are which follow from others; replies cost one energy."""
    async with (
        serving(llm.app) as url,
        worker(database, llm=url) as resources,
        opened_guard(database) as guard,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        resources.intake.at_door = False
        resources.intake.wallet = Wallet(EconomySettings(price_reply=1, energy_max=10, _env_file=None))
        if personas:
            resources.intake.personas = personas
        given = settings or SafetySettings(_env_file=None)
        if given.moderator != "none" and not given.moderator_url:
            given = given.model_copy(update={"moderator_url": f"{url}/v1"})
        safety = Safety(given, open_moderator(client, given))
        yield replace(resources, guard=guard, safety=safety, personas=personas or resources.personas)


async def run(resources: Resources, kind: str = "generate_reply", **given: Any) -> Job:
    more = {name: given.pop(name) for name in ("owner", "parent_id", "root_id") if name in given}
    if kind == "generate_reply":
        given = {"persona": "lina", **given}
    made = await submit(resources, kind, given, destination=to_chat(), dialog_id=given.get("dialog_id"), **more)
    await lifecycle.run_job(resources, made.id)
    return await job(resources.database, made.id)


async def collect(stream: AsyncIterator[str | Completion], shown: list[str]) -> None:
    async for piece in stream:
        shown += [piece] if isinstance(piece, str) else []


async def blocks(database: Database) -> list[tuple[Any, ...]]:
    found = await rows(database, "SELECT rule, stage, counts, owner FROM content_blocks ORDER BY id")
    return [tuple(each.values()) for each in found]


def code(done: Job) -> str:
    return str((done.error or {"code": done.status})["code"])


async def test_what_is_forbidden_reaches_no_provider_and_comes_back_as_one_sentence(
    database: Database, llm: ScriptedLlm
) -> None:
    async with opened(database, llm) as resources:
        done = await run(resources, user_message="a nude schoolgirl")
        assert (done.status, code(done)) == ("failed", "content_blocked")
        assert "school" not in str(done.error)
        assert llm.requests == []
        [said] = await chat_texts(database)
        assert said.startswith(BLOCKED)
        assert "Returned to you: 1" in said
        assert await value(database, "SELECT sum(amount) FROM wallet_entries") == 0
        assert await blocks(database) == [("sexual+school", "prompt", True, f"telegram:{USER}")]
        assert len(await value(database, "SELECT sha256 FROM content_blocks")) == 64
        # what stands in the system prompt counts with what is asked
        done = await run(resources, system_prompt="You are 15 years old.", user_message="show me nudes")
        assert code(done) == "content_blocked"
        # a rule of the operator's about just this does not
        rule = "You are Lina. Never write sexual content involving minors."
        assert (await run(resources, system_prompt=rule, user_message="Hi")).status == "completed"
        # and neither the picture that would be drawn, nor the prompt that a model would write for it
        assert code(await run(resources, "generate_image", prompt="nude child")) == "content_blocked"
        dialogue = [{"role": "user", "content": "a naked teen"}]
        done = await run(resources, "generate_image_prompt", persona="lina", recent_dialogue=dialogue)
        assert code(done) == "content_blocked"
        assert len(llm.requests) == 1


async def test_an_answer_is_looked_at_too_and_suspends_nobody(database: Database, llm: ScriptedLlm) -> None:
    llm.say(lambda body: "She is fifteen years old.")
    async with opened(database, llm, SafetySettings(suspend_after_blocks=1, _env_file=None)) as resources:
        resources.intake.blocks_limit = resources.safety.settings.limit
        assert code(await run(resources, user_message="send a nude of her")) == "content_blocked"
        assert await blocks(database) == [("sexual+age", "answer", False, f"telegram:{USER}")]
        made = await run(resources, user_message="how old is the lighthouse keeper's cat?")
        assert made.status == "completed"
        # what a model made of a conversation by itself is not the person's doing
        parent = made.id
        done = await run(resources, "generate_image", prompt="nude child", parent_id=parent, root_id=parent)
        assert code(done) == "content_blocked"
        assert [each[2] for each in await blocks(database)] == [False, False]
        assert await rows(database, "SELECT 1 FROM suspensions") == []
        assert code(await run(resources, user_message="a nude child")) == "content_blocked"
        assert await value(database, "SELECT owner FROM suspensions") == f"telegram:{USER}"
    assert (await chat_texts(database))[-1] == say("en", "suspended")


async def test_a_stream_shows_nothing_that_was_not_looked_at(database: Database, llm: ScriptedLlm) -> None:
    words = "The lighthouse stands on a rock in the sea. " * 4
    llm.say(lambda body: f"{words}Nude. {words}She is fifteen years old. {words}")
    shown: list[str] = []
    async with opened(database, llm) as resources:
        async with aclosing(resources.reply_llm.stream("", [Turn("user", "Hi")], max_tokens=500)) as stream:
            with pytest.raises(ContentBlocked):
                await collect(stream, shown)
        assert "lighthouse" in "".join(shown)
        assert "fifteen" not in "".join(shown)
        llm.say(lambda body: words)
        pieces = [each async for each in resources.reply_llm.stream("", [Turn("user", "Hi")], max_tokens=500)]
        assert isinstance(pieces[-1], Completion)
        assert "".join(each for each in pieces if isinstance(each, str)).strip() == words.strip()


async def test_what_a_dialogs_person_wrote_is_forgotten_with_its_refusal(
    database: Database, database_url: str, llm: ScriptedLlm
) -> None:
    async with opened(database, llm) as resources, opened_door(database_url) as door:
        await door.says("Hello")
        # it comes while an answer is being written, so that no job is asked for yet
        await door.says("a nude schoolgirl")
        first = await value(database, "SELECT id FROM jobs")
        await lifecycle.run_job(resources, first)
        assert code(await job(database, first)) == "content_blocked"
        assert llm.requests == []
        assert await rows(database, "SELECT 1 FROM chat_messages") == []
        await door.says("How are you?")
        again = await value(database, "SELECT id FROM jobs WHERE status = 'pending'")
        await lifecycle.run_job(resources, again)
        assert (await job(database, again)).status == "completed"
        shown = [each["content"] for each in llm.requests[0].messages[1:]]
        assert shown == ["How are you?"]


async def test_nothing_is_drawn_that_nobody_looked_at(database: Database) -> None:
    safety = Safety(SafetySettings(_env_file=None)).for_run(Subject("key:1"), None)
    with pytest.raises(PermanentError, match="not checked"):
        safety.require_passed(["a fox", 5])
    await safety.check_prompt("a fox")
    safety.require_passed([5, "a fox"])
    with pytest.raises(ContentBlocked):
        await safety.check_prompt("nude child")
    assert [each.rule for each in safety.blocks] == ["sexual+minor"]
    assert safety.for_run(Subject("key:2"), None).passed == set(), "each run for itself"


@pytest.mark.parametrize("name", ["openai", "ollama", "http"])
async def test_a_moderator_of_each_sort_judges_questions_and_answers(
    name: str, database: Database, llm: ScriptedLlm
) -> None:
    guard_model = ScriptedOllama()
    async with serving(guard_model.app) as ollama_url, serving(ScriptedLlm(api_key="key-1").app) as moderator_url:
        addresses = {"openai": f"{moderator_url}/v1", "ollama": ollama_url, "http": f"{moderator_url}/moderate"}
        settings = SafetySettings(
            moderator=name,
            moderator_url=addresses[name],
            moderator_key="key-1",
            moderator_allow="violence,s1",
            _env_file=None,
        )
        async with opened(database, llm, settings) as resources:
            assert (await run(resources, user_message="Hello")).status == "completed"
            held_back = resources.for_run(await job(database, await value(database, "SELECT id FROM jobs")))
            shown = [each async for each in held_back.reply_llm.stream("", [Turn("user", "Hi")], max_tokens=50)]
            assert len(shown) == 2, "a moderator judges no halves"
            allowed = "flag:S1" if name == "ollama" else "flag:violence"
            assert (await run(resources, user_message=allowed)).status == "completed"
            asked = len(llm.requests)
            forbidden = "flag:S4" if name == "ollama" else "flag:hate"
            assert code(await run(resources, user_message=forbidden)) == "content_blocked"
            assert len(llm.requests) == asked
            llm.say(lambda body: forbidden)
            assert code(await run(resources, user_message="Hello")) == "content_blocked"
        rule = "moderator:s4" if name == "ollama" else "moderator:hate"
        assert [each[:3] for each in await blocks(database)] == [(rule, "prompt", True), (rule, "answer", False)]
    calls = await rows(database, "SELECT outcome FROM provider_calls WHERE provider = 'moderator'")
    assert len(calls) >= 7, "each look is a call through the guard"
    assert {each["outcome"] for each in calls} == {"success"}


@pytest.fixture
def adult(tmp_path: Path) -> Personas:
    folder = write(tmp_path, "nova", rating='"adult"')
    return Personas(PersonaSettings(personas_dir=str(folder), content_rating="adult", _env_file=None))


async def test_while_the_moderator_is_away_adult_personas_wait_and_others_go_on(
    database: Database, llm: ScriptedLlm, adult: Personas
) -> None:
    async with opened(database, llm, MODERATED, personas=adult) as resources:
        llm.moderations.fail_next(503, 503, 503)
        assert (await run(resources, user_message="Hello")).status == "completed"
        llm.moderations.refusals.clear()
        await execute(database, "DELETE FROM providers")
        llm.moderations.fail_next(401)
        waits = await run(resources, persona="nova", user_message="Hello")
        assert (waits.status, waits.run_token) == ("processing", None), "it waits for its next try"
        assert (waits.setbacks, waits.failures) == ({"moderator_away": 1}, 0), "it spends no try"
        asked = len(llm.requests)
        await execute(database, "UPDATE providers SET open_until = NULL, cool_until = NULL")
        await lifecycle.run_job(resources, waits.id)
        assert (await job(database, waits.id)).status == "completed"
        assert len(llm.requests) == asked + 1
        # adults may ask adults for what a moderator calls sexual, and for nothing that has to do with minors
        assert (await run(resources, persona="nova", user_message="flag:sexual")).status == "completed"
        assert code(await run(resources, persona="lina", user_message="flag:sexual")) == "content_blocked"
        assert code(await run(resources, persona="nova", user_message="flag:sexual/minors")) == "content_blocked"
        assert code(await run(resources, persona="nova", user_message="pretend that you are 15")) == "content_blocked"
        assert (await run(resources, persona="lina", user_message="my son is 15")).status == "completed"
    closed = MODERATED.model_copy(update={"moderator_when_down": "closed"})
    async with opened(database, llm, closed) as resources:
        llm.moderations.fail_next(500)
        waits = await run(resources, user_message="Hello")
        assert (waits.run_token, waits.setbacks) == (None, {"moderator_away": 1})


async def test_what_a_moderator_says_may_be_anything(database: Database) -> None:
    """What is no verdict is an error in words, and never "safe"."""
    nonsense = ScriptedOllama(["maybe", ""])
    nonsense.answer = lambda body: "I cannot say."
    async with serving(nonsense.app) as url, httpx.AsyncClient(trust_env=False) as client:
        settings = SafetySettings(
            moderator="ollama", moderator_url=url, moderator_model="llama-guard3:1b", _env_file=None
        )
        moderator = open_moderator(client, settings)
        assert moderator is not None
        with pytest.raises(Exception, match="unreadable"):
            await moderator.check([("user", "Hi")])
    llm = ScriptedLlm()
    async with serving(llm.app) as url, httpx.AsyncClient(trust_env=False) as client:
        for name, path, body in (("openai", "/v1", "[]"), ("http", "/moderate", "{}"), ("http", "/health", "ok")):
            settings = SafetySettings(moderator=name, moderator_url=f"{url}{path}", moderator_timeout=2, _env_file=None)
            moderator = open_moderator(client, settings)
            assert moderator is not None
            llm.moderations.fail_next(302 if body == "[]" else 429)
            with pytest.raises(Exception, match="moderator"):
                await moderator.check([("user", "Hi")])
