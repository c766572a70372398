"""Is the worker of production whole: its command, its tasks, its words when it cannot start?"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jobs.housekeeping import STALLED_SECONDS
from jobs.worker import app, grace_time, queue_room
from tests.jobs.queue_probe import rows, tickets, until

ROOT = Path(__file__).parents[2]


def start(*arguments: str, **environment: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [Path(sys.executable).parent / "procrastinate", "--app=jobs.worker.app", *arguments],
        cwd=ROOT, env={**os.environ, **environment}, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(process: "subprocess.Popen[str]", seconds: float = 30) -> tuple[int, str]:
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, out + err


def said(output: str) -> list[str]:
    """Without procrastinate's own greeting."""
    return [line for line in output.splitlines() if not line.startswith("Launching a worker")]


def test_it_registers_exactly_these_tasks() -> None:
    ours = {name for name in app.tasks if "builtin" not in name}
    assert ours == {"run_job", "deliver", "cancel_order", "sweep", "prune", "tidy_media", "reconcile"}
    assert {task.task.queue for task in app.periodic_registry.periodic_tasks.values()} == {"housekeeping"}


def test_a_lane_admits_two() -> None:
    assert queue_room("gpu-0", 10) == queue_room("gpu-12", 2) == 2
    assert queue_room("gpu-0", 1) == 1
    assert queue_room("llm", 7) == 7


def test_receivers_of_webhooks_that_hang_leave_room_for_others() -> None:
    assert queue_room("webhooks", 10) == 500


def test_the_grace_time_is_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_SHUTDOWN_GRACE", "7")
    assert grace_time() == {"shutdown_graceful_timeout": 7.0}
    assert STALLED_SECONDS + 5 + 5 <= 45, "a killed worker's tickets run elsewhere within 45 s"


def test_importing_it_needs_no_environment() -> None:
    done = subprocess.run([sys.executable, "-c", "import jobs.worker"], cwd=ROOT, env={}, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "DATABASE_URL is not set. Say where PostgreSQL is: postgresql://user:password@host/database"),
        ("postgresql://postgres@127.0.0.1:1/none", "PostgreSQL does not answer at DATABASE_URL: "),
    ],
)
def test_without_a_database_it_says_one_sentence(url: str, sentence: str) -> None:
    code, output = finish(start("worker", "--queues=housekeeping", DATABASE_URL=url))
    assert code == 1
    [line] = said(output)
    assert line.startswith(sentence)


def test_on_a_database_without_tables_it_says_what_to_run(postgres: object, database_url: str) -> None:
    empty = database_url.rsplit("/", 1)[0] + "/template1"
    code, output = finish(start("worker", "--queues=housekeeping", DATABASE_URL=empty))
    assert code == 1
    assert said(output) == ["The database has no tables yet. Run: alembic upgrade head"]


def test_a_missing_setting_of_a_queue_is_one_sentence(database_url: str) -> None:
    code, output = finish(start("worker", "--queues=telegram", DATABASE_URL=database_url, TELEGRAM_WEBHOOK_SECRET="s"))
    assert code == 1
    [line] = said(output)
    assert "TELEGRAM_BOT_TOKEN" in line


async def test_sigterm_stops_an_idle_worker_which_says_nothing_and_leaves_nothing(database_url: str) -> None:
    process = start("worker", "--queues=housekeeping,gpu-0", DATABASE_URL=database_url, COMFYUI_HOSTS="127.0.0.1:1")
    try:
        await until(lambda: rows(database_url, "SELECT id FROM procrastinate_workers"), 20)
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        code, output = finish(process)
    finally:
        process.kill()
    assert code == 0
    assert said(output) == []
    assert time.monotonic() - started < 10
    assert await rows(database_url, "SELECT id FROM procrastinate_workers") == []
    assert set((await tickets(database_url)).values()) <= {"todo"}


def test_a_worker_without_queues_serves_all_of_them_and_each_lane_within_its_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from jobs.worker import all_queues

    monkeypatch.setenv("COMFYUI_HOSTS", "one:8188,two:8188")
    queues = all_queues()
    assert {"llm", "telegram", "housekeeping", "gpu-0", "gpu-1"} <= set(queues)
    assert [queue_room(queue, 10) for queue in ("gpu-0", "gpu-1", "llm")] == [2, 2, 10]
