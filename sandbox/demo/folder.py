"""What the demo keeps between runs, and where: `.demo/` with data, pictures, secrets and logs."""

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from sandbox.demo.failure import DemoFailed


class DemoFolder:
    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def postgres(self) -> Path:
        return self.path / "postgres"

    @property
    def media(self) -> Path:
        return self.path / "media"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def comfyui(self) -> Path:
        return self.path / "comfyui"

    @property
    def documents(self) -> Path:
        return self.path / "documents"

    @property
    def chats(self) -> Path:
        return self.path / "chats.pickle"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """One demo at a time in one folder. Raises DemoFailed for the second one, and where nothing can be written."""
        try:
            for folder in (self.path, self.media, self.logs, self.comfyui):
                folder.mkdir(parents=True, exist_ok=True)
            lock = (self.path / "lock").open("a+")
        except OSError as error:
            raise DemoFailed(
                f"The demo cannot write to {self.path} ({error.strerror}). An earlier run as another user may own it."
            ) from None
        with lock:
            self._take(lock.fileno())
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield

    def log(self, part: str) -> Path:
        return self.logs / f"{part}.log"

    def kept_secret(self, name: str) -> str:
        """Random at the first run, the same at each later one."""
        return self.write_secret(name, self.read(name) or secrets.token_urlsafe(24))

    def read(self, name: str) -> str:
        """Empty where there is no such file."""
        with contextlib.suppress(FileNotFoundError):
            return (self.path / name).read_text().strip()
        return ""

    def write_secret(self, name: str, value: str) -> str:
        path = self.path / name
        path.touch(mode=0o600)
        path.chmod(0o600)
        path.write_text(value)
        return value

    def forget(self) -> None:
        """Everything but the lock, which is held."""
        for entry in self.path.iterdir():
            if entry.name != "lock":
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        for folder in (self.media, self.logs, self.comfyui):
            folder.mkdir()

    def _take(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoFailed(
                f"The demo runs already (pid {self.read('lock') or 'unknown'}). Stop it first: Ctrl-C in its terminal."
            ) from None
