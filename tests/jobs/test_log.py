"""Log lines, as a process writes them: readable, or JSON; never a secret."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

FAILING = """
import structlog
from jobs.log import configure
configure("test")
def call(token="1000:very-secret"):
    raise ValueError("the reason")
try:
    call()
except ValueError:
    structlog.get_logger().exception("it failed", job_id="j1")
"""


def logged(code: str, **settings: str) -> str:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **settings}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "", "what is logged goes to stderr"
    return done.stderr


def test_json_for_machines() -> None:
    code = (
        "import logging, structlog; from jobs.log import configure; configure('test');"
        "structlog.contextvars.bind_contextvars(kind='k');"
        "structlog.get_logger().info('привет', job_id='j1'); logging.getLogger('other').warning('theirs %d', 5);"
        "structlog.get_logger().debug('not asked for'); logging.getLogger('httpx').info('noise')"
    )
    first, second = (json.loads(line) for line in logged(code, LOG_FORMAT="json").splitlines())
    assert {name: first[name] for name in ("event", "job_id", "kind", "process", "level")} == {
        "event": "привет", "job_id": "j1", "kind": "k", "process": "test", "level": "info"
    }  # fmt: skip
    assert first["timestamp"].endswith("Z")
    assert (second["event"], second["process"]) == ("theirs 5", "test")


def test_an_exception_in_json_is_one_line() -> None:
    [line] = logged(FAILING, LOG_FORMAT="json").splitlines()
    said = json.loads(line)
    assert "ValueError: the reason" in said["exception"]
    assert "very-secret" not in line


def test_a_traceback_in_the_console_shows_no_local_variables() -> None:
    """structlog's own way prints every variable of every frame: tokens, what people write, and for seconds."""
    said = logged(FAILING, LOG_FORMAT="console")
    assert "it failed" in said
    assert "ValueError: the reason" in said
    assert "locals" not in said
    assert "'1000:very-secret'" not in said


def test_at_debug_the_bots_token_is_still_a_secret() -> None:
    """Every call to Telegram has the token in its address, and httpx logs addresses."""
    code = (
        "import asyncio, httpx; from jobs.log import configure; from jobs.delivery.telegram import Telegram\n"
        "configure('test')\n"
        "async def main():\n"
        "    transport = httpx.MockTransport(lambda request: httpx.Response(200, json={'ok': True}))\n"
        "    async with httpx.AsyncClient(transport=transport) as client:\n"
        "        telegram = Telegram(client, token='1000:very-secret', api_base='http://telegram')\n"
        "        await telegram.send('sendMessage', {})\n"
        "asyncio.run(main())\n"
    )
    assert "very-secret" not in logged(code, LOG_LEVEL="DEBUG")
