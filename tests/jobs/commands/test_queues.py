"""`postgen queues | lanes | workers | pause | resume | purge`, as a person and as a script read them."""

import os
import re
import subprocess
import sys
from collections.abc import Awaitable
from pathlib import Path

import pytest

from jobs.commands import queues as commands
from jobs.commands.tables import duration, show
from jobs.db.session import Database
from jobs.errors import InvalidInput, Misconfigured, NotFound
from tests.factories import NOWHERE, execute, rows, submit, value, worker

POSTGEN = Path(sys.executable).parent / "postgen"
REPLY = {"system_prompt": "You are a test.", "user_message": "Hi"}
Cells = list[str]


class Terminal:
    """What a command printed, line by line; a table's cells are parted by three spaces at least."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    async def lines(self, work: Awaitable[bool], *, well: bool = True) -> list[str]:
        self.capsys.readouterr()
        assert await work is well
        return self.capsys.readouterr().out.splitlines()

    async def table(self, work: Awaitable[bool]) -> dict[str, Cells]:
        """Rows by their first cell."""
        cells = [re.split(r" {3,}", line.strip()) for line in await self.lines(work)]
        return {row[0]: row[1:] for row in cells}


@pytest.fixture
def terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], database_url: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Terminal:  # fmt: skip
    monkeypatch.chdir(tmp_path_factory.mktemp("no-dotenv"))
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("COMFYUI_HOSTS", "one:1,two:2")
    return Terminal(capsys)


async def add_worker(database: Database, queues: str) -> None:
    await execute(
        database,
        "INSERT INTO procrastinate_workers (id) OVERRIDING SYSTEM VALUE VALUES (1)",
        f"INSERT INTO workers (id, name, queues, host, pid) VALUES (1, 'first', '{{{queues}}}', 'box', 4711)",
    )


def no(question: str) -> bool:
    del question
    return False


def yes(question: str) -> bool:
    del question
    return True


async def test_queues(terminal: Terminal, database: Database) -> None:
    await add_worker(database, "llm,gpu-0")
    await execute(
        database,
        "INSERT INTO jobs (kind, owner, queue, status, created_at, run_token) VALUES"
        " ('generate_reply', 'o', 'llm', 'pending', now() - interval '10 minutes', NULL),"
        " ('generate_reply', 'o', 'llm', 'processing', now(), gen_random_uuid()),"
        " ('k', 'o', 'gpu-9', 'pending', now(), NULL)",
        "INSERT INTO paused_queues (name, mode) VALUES ('gpu-1', 'drain')",
    )
    table = await terminal.table(commands.queues())
    assert next(iter(table)) == "QUEUE"
    assert table["llm"][:5] == ["-", "1", "1", "1", "10 min"]
    assert table["llm"][5].startswith("generate_reply: 1 pending (10 min), generate_reply: 1 processing (")
    assert table["image"] == ["-", "0", "0", "0", "-", "-"]
    assert table["gpu-0"] == ["-", "1", "0", "0", "-", "-"]
    assert table["gpu-1"][0] == "drain"
    assert table["gpu-9"][0] == "not set up"


async def test_lanes(terminal: Terminal, database: Database) -> None:
    await add_worker(database, "gpu-0")
    async with worker(database) as resources:
        made = await submit(resources, "generate_image", {"prompt": "x", "persona": "may"})
    await execute(
        database,
        f"INSERT INTO lanes (queue, host, loaded, stats) VALUES ('gpu-0', 'one:1', '{made.model}',"
        ' \'{"vram_free": 8589934592, "vram_total": 17179869184}\')',
        "INSERT INTO lanes (queue, host, healthy, failure)"
        " VALUES ('gpu-1', 'two:2', false, 'ComfyUI at two:2 cannot be reached.')",
        "INSERT INTO renders (queue, workflow, outcome, seconds)"
        " VALUES ('gpu-0', 'may', 'completed', 30), ('gpu-0', 'may', 'stuck', 30)",
        "INSERT INTO workflow_times (workflow, seconds, load_seconds, samples) VALUES ('may', 4.5, 12, 7)",
        "INSERT INTO paused_queues (name, mode) VALUES ('gpu-1', 'hold')",
    )
    lines = await terminal.lines(commands.lanes())
    table = {line.split()[0]: re.split(r" {3,}", line) for line in lines if line}
    host, state, warm, running, waiting, wait, busy, failures, memory = table["gpu-0"][1:]
    assert (host, state, running, waiting) == ("one:1", "up", "0", "1")
    assert "may" in warm.split(", ")
    assert wait.endswith(" s")
    assert re.fullmatch(r"\d+% \d+% 2%", busy)
    assert failures == "1 stuck"
    assert memory == "8.0 of 16.0"
    assert table["gpu-1"][2] == "down, hold, no worker"
    assert "gpu-1: ComfyUI at two:2 cannot be reached." in lines
    assert table["may"][1:] == ["4.5", "12.0", "7"]


async def test_no_lanes_is_a_sentence(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMFYUI_HOSTS")
    assert "Set COMFYUI_HOSTS" in (await terminal.lines(commands.lanes()))[0]


async def test_workers_and_what_they_run(terminal: Terminal, database: Database) -> None:
    await add_worker(database, "llm,telegram")
    async with worker(database) as resources:
        made = await submit(resources, "generate_reply", REPLY)
    await execute(database, "UPDATE procrastinate_jobs SET status = 'doing', worker_id = 1")
    table = await terminal.table(commands.alive())
    assert table["1"][:4] == ["first", "llm, telegram", "box", "4711"]
    assert table["1"][-1].startswith(f"llm generate_reply {made.id} ")


async def test_no_worker_says_how_to_start_one(terminal: Terminal) -> None:
    assert "procrastinate --app=jobs.worker.app worker" in (await terminal.lines(commands.alive()))[0]


async def test_pause_and_resume(terminal: Terminal, database: Database) -> None:
    [held] = await terminal.lines(commands.pause("llm", drain=False))
    [drained] = await terminal.lines(commands.pause("gpu-0", drain=True))
    assert "nothing more starts" in held
    assert "postgen resume llm" in held
    assert "what waits still runs" in drained
    assert await rows(database, "SELECT name, mode FROM paused_queues ORDER BY name") == [
        {"name": "gpu-0", "mode": "drain"}, {"name": "llm", "mode": "hold"},
    ]  # fmt: skip
    assert await terminal.lines(commands.resume("llm")) == ["llm goes on."]
    assert await terminal.lines(commands.resume("llm")) == ["llm was not paused."]
    with pytest.raises(InvalidInput, match="Only lanes can drain"):
        await commands.pause("llm", drain=True)


async def test_purge_says_how_many_first_and_asks(terminal: Terminal, database: Database) -> None:
    async with worker(database) as resources:
        for _ in range(3):
            await submit(resources, "generate_reply", REPLY)
    asked: list[str] = []

    def refuse(question: str) -> bool:
        asked.append(question)
        return False

    lines = await terminal.lines(commands.purge("llm", None, ask=refuse), well=False)
    assert lines == ["3 jobs wait in llm and would be cancelled.", "Nothing was cancelled."]
    assert asked == ["Cancel 3 jobs?"]
    assert await value(database, "SELECT count(*) FROM jobs WHERE status = 'pending'") == 3
    other = await terminal.lines(commands.purge("llm", "generate_image", ask=no))
    assert other == ["0 jobs of kind generate_image wait in llm and would be cancelled."]
    done = await terminal.lines(commands.purge("llm", "generate_reply", ask=yes))
    assert done[-1] == "Cancelled 3 jobs."
    assert await value(database, "SELECT count(*) FROM jobs WHERE status = 'cancelled'") == 3


async def test_an_unknown_queue(terminal: Terminal) -> None:
    del terminal
    for work in (commands.pause("gpu-5", drain=False), commands.resume("gpu-5"), commands.purge("gpu-5", None, ask=no)):
        with pytest.raises(NotFound, match="There is no queue 'gpu-5'"):
            await work


@pytest.mark.parametrize("url", [NOWHERE, "gone"])
async def test_a_database_that_does_not_answer(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, database_url: str, url: str
) -> None:
    del terminal
    monkeypatch.setenv("DATABASE_URL", database_url + "_gone" if url == "gone" else url)
    with pytest.raises(Misconfigured, match=r"does not answer.*Check DATABASE_URL") as refused:
        await commands.queues()
    assert "secret" not in refused.value.detail


async def test_an_old_schema_is_named(terminal: Terminal, database: Database) -> None:
    del terminal
    await execute(database, "UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(Misconfigured, match="alembic upgrade head"):
        await commands.alive()


def test_names_are_shown_as_they_are_and_no_line_is_cut(capsys: pytest.CaptureFixture[str]) -> None:
    long = "x" * 500
    show(("A", "B"), [("[bold]red[/bold]", long), ("", "b")])
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.split() == ["A", "B"]
    assert second == f"[bold]red[/bold]   {long}"
    assert third.split() == ["-", "b"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_durations_are_short(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def console(*arguments: str, url: str, folder: Path, answer: str = "") -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": url, "COMFYUI_HOSTS": "one:1"}
    return subprocess.run(
        [POSTGEN, *arguments], cwd=folder, env=environment, input=answer, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


async def test_the_console_command_asks_and_takes_no_for_an_answer(
    database_url: str, database: Database, tmp_path: Path
) -> None:
    async with worker(database) as resources:
        await submit(resources, "generate_reply", REPLY)
    for answer in ("n\n", ""):
        refused = console("purge", "llm", url=database_url, folder=tmp_path, answer=answer)
        assert refused.returncode == 1
        assert refused.stdout.startswith("1 job waits in llm and would be cancelled.\nCancel 1 job? [y/N]:")
        assert await value(database, "SELECT status FROM jobs") == "pending"
    agreed = console("purge", "llm", url=database_url, folder=tmp_path, answer="y\n")
    assert (agreed.returncode, agreed.stderr) == (0, "")
    assert await value(database, "SELECT status FROM jobs") == "cancelled"


async def test_a_script_that_is_sure_is_not_asked(database_url: str, database: Database, tmp_path: Path) -> None:
    async with worker(database) as resources:
        await submit(resources, "generate_reply", REPLY)
    done = console("purge", "llm", "--kind", "generate_reply", "--yes", url=database_url, folder=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "Cancelled 1 job.")


@pytest.mark.slow
def test_a_mistake_is_one_sentence_and_exit_status_1(database_url: str, tmp_path: Path) -> None:
    for arguments in (("pause", "llm", "--drain"), ("resume", "gpu-1")):
        done = console(*arguments, url=database_url, folder=tmp_path)
        assert done.returncode == 1
        assert re.fullmatch(r"postgen: [^\n]+\n", done.stderr), done.stderr
