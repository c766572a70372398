"""Worker processes that a test may kill."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


class Workers:
    def __init__(self, url: str) -> None:
        self.url = url
        self.processes: list[subprocess.Popen[bytes]] = []

    def probe(self, queues: str, **environment: str) -> "subprocess.Popen[bytes]":
        """A worker of tests/jobs/queue_probe.py."""
        return self._start([sys.executable, "-m", "tests.jobs.queue_probe", queues], environment)

    def real(
        self, queues: str, *options: str, app: str = "jobs.worker.app", **environment: str
    ) -> "subprocess.Popen[bytes]":
        """A worker as in production."""
        program = str(Path(sys.executable).parent / "procrastinate")
        return self._start([program, f"--app={app}", "worker", f"--queues={queues}", *options], environment)

    def kill_all(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()

    def _start(self, command: list[str], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "DATABASE_URL": self.url, **environment})
        self.processes.append(process)
        return process


def terminate(process: "subprocess.Popen[bytes]", times: int = 1) -> None:
    for _ in range(times):
        process.send_signal(signal.SIGTERM)
