"""Which model a use takes, what is said when a setting is missing, and what the doctor finds."""

from collections.abc import AsyncIterator

import httpx
import pytest

from jobs.commands.doctor import check_llm
from jobs.errors import Misconfigured
from jobs.providers.gemini import Gemini
from jobs.providers.ollama import Ollama
from jobs.providers.openai_compatible import OpenAICompatible
from jobs.providers.opening import is_set_up, open_model
from jobs.settings import GeminiSettings, LlmSettings, OllamaSettings, VeniceSettings, load
from sandbox.gemini import ScriptedGemini
from sandbox.ollama import ScriptedOllama
from sandbox.serve import serving

GROUPS = (LlmSettings, VeniceSettings, GeminiSettings, OllamaSettings)


@pytest.fixture
def env(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> pytest.MonkeyPatch:
    monkeypatch.chdir(tmp_path_factory.mktemp("no-dotenv"))
    for group in GROUPS:
        for name in group.model_fields:
            monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(verify=False, trust_env=False) as opened:
        yield opened


async def test_the_defaults(env: pytest.MonkeyPatch, client: httpx.AsyncClient) -> None:
    env.setenv("VENICE_API_KEY", "k")
    env.setenv("GEMINI_API_KEY", "k")
    settings = load(LlmSettings)
    reply, prompt = (open_model(client, settings, use) for use in ("REPLY_LLM", "IMAGE_PROMPT_LLM"))
    world, analysis = (open_model(client, settings, use) for use in ("WORLD_LLM", "ANALYSIS_LLM"))
    assert isinstance(reply, OpenAICompatible)
    assert isinstance(prompt, OpenAICompatible)
    assert isinstance(world, Gemini)
    assert isinstance(analysis, Ollama)
    assert reply.url == "https://api.venice.ai/api/v1/chat/completions"
    assert world.url.startswith("https://generativelanguage.googleapis.com/v1beta/models/gemini-")
    assert analysis.base_url == "http://localhost:11434"
    assert reply.context_tokens == 3000, "a conversation is cut to what a person waits for"
    assert analysis.context_tokens == 32768, "a document may fill the window"


async def test_provider_and_model(env: pytest.MonkeyPatch, client: httpx.AsyncClient) -> None:
    env.setenv("REPLY_LLM", "ollama:qwen2.5:14b")
    env.setenv("ANALYSIS_LLM", "gemini:gemini-9-pro")
    env.setenv("GEMINI_API_KEY", "k")
    settings = load(LlmSettings)
    assert open_model(client, settings, "REPLY_LLM").model == "qwen2.5:14b"
    assert open_model(client, settings, "ANALYSIS_LLM").model == "gemini-9-pro"


@pytest.mark.parametrize(("use", "key"), [("REPLY_LLM", "VENICE_API_KEY"), ("WORLD_LLM", "GEMINI_API_KEY")])
async def test_a_missing_key_is_one_sentence(
    env: pytest.MonkeyPatch, client: httpx.AsyncClient, use: str, key: str
) -> None:
    with pytest.raises(Misconfigured, match=f"{use}=.*{key} is not set"):
        open_model(client, load(LlmSettings), use)


async def test_other_servers_may_need_no_key(env: pytest.MonkeyPatch, client: httpx.AsyncClient) -> None:
    env.setenv("VENICE_BASE_URL", "http://127.0.0.1:8080/v1")
    assert open_model(client, load(LlmSettings), "REPLY_LLM").provider == "venice"


@pytest.mark.parametrize("choice", ["nonsense:7b", ":x", "Venice"])
async def test_a_provider_that_there_is_not(env: pytest.MonkeyPatch, client: httpx.AsyncClient, choice: str) -> None:
    env.setenv("WORLD_LLM", choice)
    with pytest.raises(Misconfigured, match=f"WORLD_LLM={choice}.*venice, gemini, ollama"):
        open_model(client, load(LlmSettings), "WORLD_LLM")


@pytest.mark.parametrize(
    ("name", "value", "group"),
    [
        ("GEMINI_API_KEY", "ключ", GeminiSettings), ("GEMINI_BASE_URL", "localhost", GeminiSettings),
        ("OLLAMA_URL", "localhost:11434", OllamaSettings), ("OLLAMA_URL", "http://[::1", OllamaSettings),
        ("VENICE_BASE_URL", "ftp://host", VeniceSettings), ("OLLAMA_CONTEXT_TOKENS", "0", OllamaSettings),
        ("GEMINI_API_VERSION", "v1/../x", GeminiSettings),
    ],
)  # fmt: skip
def test_what_cannot_work_is_named(
    env: pytest.MonkeyPatch, name: str, value: str, group: type[GeminiSettings | OllamaSettings | VeniceSettings]
) -> None:
    env.setenv(name, value)
    with pytest.raises(Misconfigured, match=name) as raised:
        load(group)
    assert value == "0" or value not in raised.value.detail


def test_what_was_set_up(env: pytest.MonkeyPatch) -> None:
    assert not is_set_up("gemini")
    assert not is_set_up("ollama")
    env.setenv("OLLAMA_URL", "nonsense")
    env.setenv("GEMINI_MODEL", "gemini-9")
    assert is_set_up("ollama"), "in a wrong way, which is to be told"
    assert is_set_up("gemini")


async def findings() -> dict[str, str]:
    return {finding.subject: str(finding) async for finding in check_llm()}


async def test_the_doctor_asks_each_model_that_was_set_up(env: pytest.MonkeyPatch) -> None:
    env.setenv("VENICE_BASE_URL", "http://127.0.0.1:9/v1")
    assert list(await findings()) == ["llm"], "what nobody set up is no fault"
    gemini, ollama = ScriptedGemini(api_key="k"), ScriptedOllama(models={"qwen2.5:7b"})
    async with serving(gemini.app) as gemini_url, serving(ollama.app) as ollama_url:
        for name, value in {
            "REPLY_LLM": "ollama", "IMAGE_PROMPT_LLM": "gemini", "GEMINI_API_KEY": "k",
            "GEMINI_BASE_URL": gemini_url, "OLLAMA_URL": ollama_url,
        }.items():  # fmt: skip
            env.setenv(name, value)
        well = await findings()
        assert set(well) == {"llm", "prompt-llm"}, "a model that two uses share is asked once"
        assert "ollama:qwen2.5:7b (REPLY_LLM, ANALYSIS_LLM) answers" in well["llm"]
        assert all(line.startswith("ok ") for line in well.values())
        env.setenv("OLLAMA_MODEL", "gone")
        env.setenv("GEMINI_API_KEY", "wrong-secret")
        ill = await findings()
    assert all(line.startswith("FAIL") for line in ill.values())
    assert "`ollama pull gone`" in ill["llm"]
    assert "GEMINI_API_KEY" in ill["prompt-llm"]
    assert "wrong-secret" not in str(ill)


async def test_the_doctor_names_a_missing_key(env: pytest.MonkeyPatch) -> None:
    env.setenv("WORLD_LLM", "gemini")
    found = await findings()
    assert found["world-llm"].startswith("FAIL")
    assert "GEMINI_API_KEY is not set" in found["world-llm"]
    assert "VENICE_API_KEY is not set" in found["llm"]
