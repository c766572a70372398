"""How the door starts: what it loads, what it wants to know, and what it says when something is missing."""

import json
import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

import webhook.app
from jobs.companion.operating.registration import ALLOWED_UPDATES, MAX_CONNECTIONS
from tests.factories import NOWHERE, TOKEN, webhook_app

ROOT = Path(__file__).parents[2]
SETTINGS = {"DATABASE_URL": NOWHERE, "TELEGRAM_BOT_TOKEN": TOKEN, "TELEGRAM_WEBHOOK_SECRET": "s"}


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs with these variables alone, in the project's folder."""
    basic = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env={**basic, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Callable[..., str]]:
    """Asks for the app as uvicorn does, in an environment of these settings; what it exits with."""

    def begin(**settings: str) -> str:
        for name in SETTINGS:
            monkeypatch.delenv(name, raising=False)
        for name, text in settings.items():
            monkeypatch.setenv(name, text)
        with pytest.raises(SystemExit) as left:
            webhook.app.__getattr__("app")
        return str(left.value)

    monkeypatch.chdir(tmp_path)  # no .env of the developer
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield begin
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()
    structlog.contextvars.unbind_contextvars("process")


def test_what_cannot_start_exits_with_one_sentence() -> None:
    done = python("from webhook.app import app")
    assert done.returncode == 1
    assert done.stderr.startswith("webhook: DATABASE_URL is not set.") or "TELEGRAM_BOT_TOKEN" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", SETTINGS)
def test_a_missing_setting_is_named(start: Callable[..., str], name: str) -> None:
    said = start(**{key: text for key, text in SETTINGS.items() if key != name})
    assert said.startswith(f"webhook: {name} is not set.")


@pytest.mark.parametrize(
    ("name", "text"), [("TELEGRAM_BOT_TOKEN", "no-number:x"), ("TELEGRAM_WEBHOOK_SECRET", "with space")]
)
def test_a_wrong_setting_is_named_and_not_repeated(start: Callable[..., str], name: str, text: str) -> None:
    said = start(**{**SETTINGS, name: text})
    assert said.startswith(f"webhook: {name} is not valid:")
    assert text not in said


def test_several_missing_settings_are_named_together(start: Callable[..., str]) -> None:
    said = start(DATABASE_URL=NOWHERE)
    assert "TELEGRAM_BOT_TOKEN is not set" in said
    assert "TELEGRAM_WEBHOOK_SECRET is not set" in said


def test_the_door_loads_neither_the_queue_nor_a_client_nor_all_of_aiogram() -> None:
    """A handler was imported first once, and aiogram whole: the start took four times as long and twice the memory."""
    code = (
        "import json, sys; from webhook.app import app; import aiogram.types; "
        "print(json.dumps([n for n in ('procrastinate', 'psycopg', 'httpx', 'PIL', 'websockets', 'xllamacpp')"
        " if n in sys.modules] + [aiogram.types.Message.__pydantic_complete__]))"
    )
    done = python(code, **SETTINGS)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [False]


def test_it_asks_for_what_its_handlers_listen_to() -> None:
    app = webhook_app(NOWHERE)
    used = app.state.updates.dispatch.dispatcher.resolve_used_update_types()
    assert sorted(ALLOWED_UPDATES) == sorted(used)


def test_telegram_posts_no_more_at_once_than_there_are_connections() -> None:
    app = webhook_app(NOWHERE)
    assert app.state.database.engine.pool.size() == MAX_CONNECTIONS


MODELS = """
import json, sys
{load}
import aiogram, importlib, pkgutil
from pydantic import BaseModel
import aiogram.types, aiogram.methods
def below(cls):
    for each in cls.__subclasses__():
        yield each
        yield from below(each)
bad, count = {{}}, 0
for model in set(below(BaseModel)):
    if not model.__module__.startswith("aiogram"):
        continue
    count += 1
    try:
        model.model_rebuild(force=True)
        model.model_json_schema if model.__pydantic_complete__ else bad.setdefault(model.__name__, "not complete")
    except Exception as error:
        bad[model.__name__] = repr(error)[:200]
print(json.dumps([count, bad]))
"""


@pytest.mark.slow
def test_every_model_of_aiogram_can_be_built_on_first_use() -> None:
    done = python(MODELS.format(load="from webhook.aiogram_import import import_lazily; import_lazily()"))
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stderr == "", "no fall back to the slow import"
    count, bad = json.loads(done.stdout)
    assert count > 300
    assert bad == {}


def test_the_lazy_import_builds_nothing_yet_and_leaves_pydantic_as_it_was() -> None:
    code = (
        "from pydantic import BaseModel; before = BaseModel.__dict__['model_rebuild'];"
        "from webhook.aiogram_import import import_lazily; import_lazily(); import_lazily(); from aiogram import types;"
        "print(types.Update.__pydantic_complete__, types.Sticker.__pydantic_complete__);"
        "print(types.User(id=1, is_bot=False, first_name='A').first_name);"
        "print(BaseModel.__dict__['model_rebuild'] is before)"
    )
    done = python(code)
    assert done.stdout.split() == ["False", "False", "A", "True"], done.stderr


@pytest.mark.slow
def test_a_model_means_the_same_with_the_lazy_import_as_without() -> None:
    update = {
        "update_id": 1,
        "message": {
            "message_id": 2, "date": 3, "chat": {"id": 4, "type": "private"}, "text": "/start x",
            "from": {"id": 4, "is_bot": False, "first_name": "A"},
            "entities": [{"type": "bot_command", "offset": 0, "length": 6}],
            "reply_markup": {"inline_keyboard": [[{"text": "b", "callback_data": "c"}]]},
        },
    }  # fmt: skip
    code = f"from aiogram.types import Update; print(Update.model_validate({update!r}).model_dump_json())"
    plain = python(code)
    lazy = python("from webhook.aiogram_import import import_lazily; import_lazily(); " + code)
    assert plain.stdout, plain.stderr
    assert json.loads(lazy.stdout) == json.loads(plain.stdout)
