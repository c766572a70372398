"""A demo as a process of its own: what it says, what it started, and whether any of that is left."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent.parent


@contextlib.contextmanager
def demo_folder() -> Iterator[Path]:
    """With a space in its path, and open to the account that runs PostgreSQL for root."""
    folder = Path(tempfile.mkdtemp(prefix="postgen demo "))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class RunningDemo:
    """Started on free ports. `output` grows while it runs."""

    def __init__(self, folder: Path, *arguments: str, **environment: str) -> None:
        options = ["--folder", str(folder)]
        for name in ("--api-port", "--webhook-port", "--chat-port"):
            options += [] if name in arguments else [name, "0"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox.demo", *options, *arguments],
            cwd=ROOT, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.output = ""
        self.reader = threading.Thread(target=self._read)
        self.reader.start()
        self.known: set[psutil.Process] = set()

    def wait_for(self, words: str, timeout: float = 60) -> None:
        """Returns when it has said these words."""
        deadline = time.monotonic() + timeout
        while words not in self.output:
            assert self.process.poll() is None, f"ended before it said {words!r}:\n{self.output}"
            assert time.monotonic() < deadline, f"did not say {words!r}:\n{self.output}"
            time.sleep(0.02)
        self.known |= set(psutil.Process(self.process.pid).children(recursive=True))

    def wait_for_end(self, timeout: float) -> int:
        try:
            return self.process.wait(timeout)
        finally:
            self.reader.join(5)

    def child(self, words: str) -> psutil.Process:
        """The process that has these words in its command line."""
        found = [process for process in self.known if words in _command_line(process)]
        assert len(found) == 1, f"{words!r} is in {len(found)} command lines"
        return found[0]

    def left(self, patience: float = 0) -> list[str]:
        """The command lines of what it started and what still lives after so many seconds."""
        _, alive = psutil.wait_procs(list(self.known), timeout=patience)
        return [line for process in alive if (line := _command_line(process))]

    def clear_away(self) -> None:
        """Whatever a failed test would leave behind."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(15)
            self.process.kill()
        for process in self.known:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait()
        self.reader.join(5)
        assert self.process.stdout is not None, "it was opened with a pipe"
        self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None, "it was opened with a pipe"
        for line in self.process.stdout:
            self.output += line


@contextlib.contextmanager
def running_demo(folder: Path, *arguments: str, **environment: str) -> Iterator[RunningDemo]:
    demo = RunningDemo(folder, *arguments, **environment)
    try:
        yield demo
    finally:
        demo.clear_away()


def _command_line(process: psutil.Process) -> str:
    """Empty for one that has ended, also where nobody has asked yet how."""
    try:
        return " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return ""
