"""The files that CI cannot run: do they at least agree with the code and with each other?"""

import importlib
import re
import tomllib
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings

import jobs.settings
from jobs.settings import SettingsGroup

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = (ROOT / ".env.example").read_text()
COMPOSE = (ROOT / "compose.yaml").read_text()
DESIGNED = """
    DATABASE_URL DB_HOST DB_PORT DB_USER DB_PASSWORD DB_NAME DATABASE_LISTEN_URL DATABASE_POOLED PUBLIC_URL
    TELEGRAM_BOT_TOKEN TELEGRAM_WEBHOOK_SECRET TELEGRAM_API_BASE COMFYUI_HOSTS GENERATION_TIMEOUT MODEL_LOAD_TIMEOUT
    COMFYUI_RESTART_COMMAND PERSONAS_DIR IMAGE_DEFAULT_NEGATIVE_PROMPT IMAGE_PROVIDERS REPLICATE_API_TOKEN
    REPLICATE_MODEL REPLICATE_BASE_URL LOCAL_IMAGE_URL REPLY_LLM IMAGE_PROMPT_LLM WORLD_LLM ANALYSIS_LLM
    VENICE_API_KEY VENICE_BASE_URL VENICE_MODEL GEMINI_API_KEY GEMINI_BASE_URL GEMINI_MODEL OLLAMA_URL OLLAMA_MODEL
    MAX_CONCURRENT_IMAGE_REQUESTS MAX_CONCURRENT_LLM_REQUESTS MAX_CONCURRENT_TASKS VENICE_MAX_CONCURRENT
    IMAGE_EVERY_MIN IMAGE_EVERY_MAX MEDIA_URL S3_ENDPOINT S3_ACCESS_KEY S3_SECRET_KEY RESULT_TTL STARS_PACKS
    TELEGRAM_ADMINS ANALYSIS_TIMEOUT MODERATOR SUSPEND_AFTER_BLOCKS WEBHOOK_ALLOW_PRIVATE CONTENT_RATING LOG_LEVEL
    LOG_FORMAT
"""


def example_values() -> dict[str, str]:
    found = re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=(.*)$", EXAMPLE, re.MULTILINE)
    assert len(found) == len(dict(found)), "a setting is in .env.example twice"
    return dict(found)


def read_settings() -> dict[str, str]:
    """Every setting that the code reads, with its default as a person would write it."""
    modules = [
        importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
        for file in sorted((ROOT / "jobs").rglob("*.py")) if "SettingsGroup" in file.read_text()
    ]  # fmt: skip
    groups = [
        group for module in modules for group in vars(module).values()
        if isinstance(group, type) and issubclass(group, SettingsGroup) and group is not SettingsGroup
    ]  # fmt: skip
    return {
        name.upper(): written(field.get_default()) for group in groups for name, field in group.model_fields.items()
    }


def written(default: object) -> str:
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default is None or repr(default) == "PydanticUndefined" else f"{default}"


def test_the_example_has_every_setting_that_the_code_reads_with_its_default() -> None:
    example, read = example_values(), read_settings()
    assert len(read) > 20
    assert {name: example.get(name) for name in read} == read


def test_the_example_has_every_setting_of_the_design_and_marks_those_that_nothing_reads_yet() -> None:
    assert set(DESIGNED.split()) - example_values().keys() == set()
    for_compose = {"SITE_ADDRESS"}
    assert marked_as_to_come() == example_values().keys() - read_settings().keys() - for_compose


def marked_as_to_come() -> set[str]:
    """A mark holds for the settings below it until the next comment; one in a heading, for the whole section."""
    marked, section, comment = set(), False, False
    for line in EXAMPLE.splitlines():
        setting = re.match(r"(?:# )?([A-Z][A-Z0-9_]+)=", line)
        if setting:
            marked |= {setting[1]} if section or comment else set()
        elif line.startswith("# ──"):
            section, comment = "(to come)" in line, False
        elif line.startswith("#"):
            comment = "(to come)" in line
    return marked


def test_the_example_as_it_stands_is_a_valid_env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text(EXAMPLE.replace("# LOG_LEVEL=INFO", "LOG_LEVEL=DEBUG"))
    monkeypatch.chdir(tmp_path)
    assert issubclass(jobs.settings.LogSettings, BaseSettings)
    assert jobs.settings.load(jobs.settings.LogSettings).log_level == "DEBUG"
    assert jobs.settings.load(jobs.settings.LaneSettings).hosts == []


def test_the_image_gets_all_that_the_package_is_made_of() -> None:
    sent = [line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    needed = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert set(sent) >= {*needed, "alembic", "alembic.ini", "pyproject.toml", "requirements.lock", "README.md"}
    assert [path for path in sent if not (ROOT / path).exists()] == []


def test_compose_waits_longer_for_a_worker_than_the_worker_for_its_jobs() -> None:
    grace = re.search(r'WORKER_SHUTDOWN_GRACE: "(\d+)"', COMPOSE)
    worker = re.search(r"x-worker:.*?stop_grace_period: (\d+)s", COMPOSE, re.DOTALL)
    assert grace
    assert worker
    assert int(worker[1]) > int(grace[1])


def test_compose_serves_every_queue_that_the_demo_serves() -> None:
    from sandbox.demo.parts import WORKERS

    in_demo = [option for options in WORKERS.values() for option in options if option.startswith("--queues=")]
    in_compose = re.findall(r"--queues=[a-z0-9-]+(?:,[a-z0-9-]+)*", COMPOSE)
    assert in_compose == in_demo
