"""What a process says when it cannot start."""

import pytest

from jobs.db.session import Database
from jobs.errors import Misconfigured, PermanentError
from jobs.resources import open_resources
from jobs.startup import or_exit
from tests.factories import NOWHERE, SOME_LANE, TOKEN, execute


def missing() -> None:
    raise Misconfigured("X is not set.")


def bug() -> None:
    raise PermanentError("a bug")


def test_one_sentence_and_status_1() -> None:
    with pytest.raises(SystemExit) as left:
        or_exit("api", missing)
    assert left.value.code == "api: X is not set."
    assert or_exit("api", lambda: 5) == 5


def test_a_bug_is_not_dressed_up_as_a_setting() -> None:
    with pytest.raises(PermanentError):
        or_exit("api", bug)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> pytest.MonkeyPatch:
    monkeypatch.chdir(tmp_path_factory.mktemp("no-dotenv"))
    for name in ("TELEGRAM_BOT_TOKEN", "COMFYUI_HOSTS", "REPLY_LLM", "PERSONAS_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VENICE_API_KEY", "key")
    return monkeypatch


async def refusal(*queues: str) -> str:
    with pytest.raises(Misconfigured) as raised:
        async with open_resources(frozenset(queues)):
            pass
    return raised.value.detail


async def test_a_worker_without_a_database_address(settings: pytest.MonkeyPatch) -> None:
    assert "DATABASE_URL is not set" in await refusal("llm")


async def test_a_worker_whose_database_does_not_answer(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("DATABASE_URL", NOWHERE)
    said = await refusal("llm")
    assert said.startswith("PostgreSQL does not answer at DATABASE_URL")
    assert "secret" not in said


@pytest.mark.parametrize("what", ["no such database", "wrong password"])
async def test_a_worker_whom_the_database_refuses(settings: pytest.MonkeyPatch, database_url: str, what: str) -> None:
    wrong = database_url + "_gone" if what == "no such database" else database_url.replace("postgres:", "postgres:x")
    settings.setenv("DATABASE_URL", wrong)
    said = await refusal("llm")
    assert "DATABASE_URL" in said
    assert "\n" not in said


async def test_a_worker_over_an_old_schema(settings: pytest.MonkeyPatch, database_url: str, database: Database) -> None:
    settings.setenv("DATABASE_URL", database_url)
    await execute(database, "UPDATE alembic_version SET version_num = '0001'")
    assert "alembic upgrade head" in await refusal("housekeeping")


async def test_each_queue_wants_its_own_settings_and_no_others(settings: pytest.MonkeyPatch, database_url: str) -> None:
    settings.setenv("DATABASE_URL", database_url)
    async with open_resources(frozenset({"housekeeping"})) as least:
        assert (least.telegram, least.models, least.lanes) == (None, {}, {})
    assert "TELEGRAM_BOT_TOKEN is not set" in await refusal("telegram")
    assert "gpu-0 needs 1 hosts in COMFYUI_HOSTS" in await refusal("gpu-0")
    async with open_resources(frozenset({"llm"})) as for_replies:
        assert set(for_replies.models) == {"REPLY_LLM", "IMAGE_PROMPT_LLM"}
        assert for_replies.telegram is None, "a bot is no need of replies that come through the API"
        with pytest.raises(Misconfigured, match="gpu-0"):
            for_replies.lane("gpu-0")
    settings.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    settings.setenv("COMFYUI_HOSTS", SOME_LANE)
    async with open_resources(frozenset({"telegram", "gpu-0"})) as both:
        assert both.telegram is not None
        assert set(both.lanes) == {"gpu-0"}
        with pytest.raises(Misconfigured, match="llm"):
            _ = both.reply_llm


async def test_a_language_model_that_does_not_exist(settings: pytest.MonkeyPatch, database_url: str) -> None:
    settings.setenv("DATABASE_URL", database_url)
    settings.setenv("REPLY_LLM", "nonsense:7b")
    assert "REPLY_LLM=nonsense:7b" in await refusal("llm")


async def test_a_model_named_after_its_provider(settings: pytest.MonkeyPatch, database_url: str) -> None:
    settings.setenv("DATABASE_URL", database_url)
    settings.setenv("REPLY_LLM", "venice:org/model:free")
    async with open_resources(frozenset({"llm"})) as opened:
        assert getattr(opened.reply_llm, "model") == "org/model:free"  # noqa: B009 - of this provider, not of every model


async def test_a_worker_with_broken_personas(
    settings: pytest.MonkeyPatch, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Found with the first job, each job of the persona would fail until somebody looks."""
    folder = tmp_path_factory.mktemp("personas")
    (folder / "nova").mkdir()
    (folder / "nova" / "persona.toml").write_text("age = [")
    settings.setenv("DATABASE_URL", database_url)
    settings.setenv("PERSONAS_DIR", str(folder))
    assert "nova" in await refusal("llm")
