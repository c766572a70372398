"""One process of the demo: its log, its end, and what it had started."""

import asyncio
import os
import sys
import time
from pathlib import Path

import psutil
import pytest

from sandbox.demo.failure import DemoFailed
from sandbox.demo.folder import DemoFolder
from sandbox.demo.part import Command, Part
from sandbox.demo.processes import Processes
from sandbox.demo.readiness import answering
from sandbox.demo.together import together

STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def command(*arguments: str, name: str = "thing") -> Command:
    return Command(name, "The thing", arguments, {"PATH": os.environ["PATH"]}, Path("/"))


def python(code: str) -> Command:
    return command(sys.executable, "-c", code)


async def first_line(log: Path) -> str:
    def look() -> str:
        while not (lines := log.read_text().splitlines()):
            time.sleep(0.02)
        return lines[0]

    async with asyncio.timeout(20):
        return await asyncio.to_thread(look)


async def test_a_failed_command_is_told_with_status_and_last_words(tmp_path: Path) -> None:
    part = Part(python("import sys; print('first', flush=True); sys.exit('the last word')"), tmp_path / "thing.log")
    await part.start()
    with pytest.raises(DemoFailed) as failure:
        await part.succeed()
    assert str(failure.value) == (
        f"The thing ended with status 1. Its log {tmp_path}/thing.log ends:\n    first\n    the last word"
    )


async def test_a_program_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(DemoFailed, match=r"The thing cannot be started: /no/such: No such file or directory\."):
        await Part(command("/no/such"), tmp_path / "thing.log").start()


async def test_stopping_kills_what_does_not_listen_and_what_it_had_started(tmp_path: Path) -> None:
    part = Part(python(STUBBORN), tmp_path / "thing.log")
    await part.start()
    grandchild = psutil.Process(int(await first_line(part.log)))
    await part.stop(0.2)
    assert part.process is not None
    assert part.process.returncode == -9
    assert psutil.wait_procs([grandchild], timeout=5)[1] == []
    await part.stop(0.2)


async def test_the_first_part_that_ends_by_itself_is_the_crash(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path / "demo")
    with folder.locked():
        processes = Processes(folder)
        await processes.start([python("import time; time.sleep(60)"), command("false", name="other")])
        async with asyncio.timeout(10):
            assert "ended with status 1" in str(await processes.crash)
        await processes.stop()


async def test_a_part_that_never_gets_ready_is_told_with_its_log(tmp_path: Path) -> None:
    part = Part(python("print('I am thinking', flush=True); import time; time.sleep(60)"), tmp_path / "thing.log")
    await part.start()
    await first_line(part.log)
    try:
        with pytest.raises(DemoFailed) as failure:
            await answering(part, "http://127.0.0.1:9/healthz", patience=0.3)
    finally:
        await part.stop(1)
    assert "The thing was not ready after 0.3 s: http://127.0.0.1:9/healthz said nothing." in str(failure.value)
    assert "    I am thinking" in str(failure.value)


async def test_the_first_failure_breaks_the_rest_off() -> None:
    cancelled = asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            cancelled.set()

    async def fails() -> None:
        await asyncio.sleep(0)
        raise DemoFailed("no")

    with pytest.raises(DemoFailed, match="no"):
        await together(waits(), fails())
    assert cancelled.is_set()


def test_a_folder_keeps_its_secrets_and_forgets_the_rest(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path / "demo")
    with folder.locked():
        secret = folder.kept_secret("webhook-secret")
        assert folder.kept_secret("webhook-secret") == folder.read("webhook-secret") == secret
        assert (folder.path / "webhook-secret").stat().st_mode & 0o777 == 0o600
        (folder.media / "picture").touch()
        folder.forget()
        assert list(folder.media.iterdir()) == []
        assert folder.kept_secret("webhook-secret") != secret
