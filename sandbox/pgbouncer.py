"""A real pgbouncer in transaction mode, with nothing in its settings that a stock one would not have.

It refuses to run as root, as PostgreSQL does; root starts it as an unprivileged user.
"""

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jobs.errors import Misconfigured
from sandbox.postgres import EmbeddedPostgres

# daemons live where not everybody's PATH looks
PLACES = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])

SETTINGS = """\
[databases]
* = host=127.0.0.1 port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 500
"""


def program() -> str | None:
    """Where pgbouncer is installed; None where it is not."""
    return shutil.which("pgbouncer", path=PLACES)


class PgBouncer:
    """Before `server`, for all its databases. `folder` must be open to the server's own account.

    `pool_size`: connections to the server for each database. With two or more, statements of one client that are not
    in one transaction do land on different ones.
    """

    def __init__(self, server: EmbeddedPostgres, folder: Path, *, pool_size: int = 4) -> None:
        self.server = server
        self.folder = folder
        self.pool_size = pool_size
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        return f"postgresql://postgres:{self.server.password}@127.0.0.1:{self.port}/{database}"

    def beside(self, direct_url: str) -> str:
        """The address of the same database through this pooler."""
        return self.url(urlsplit(direct_url).path.lstrip("/"))

    @property
    def log(self) -> Path:
        return self.folder / "pgbouncer.log"

    def start(self, timeout: float = 20) -> None:
        """Again on the same port. Raises Misconfigured when it is not installed or does not start."""
        found = program()
        if found is None:
            raise Misconfigured("pgbouncer is not installed. Run: sudo apt-get install pgbouncer")
        self.port = self.port or _free_port()
        settings = self._write_settings()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [found, settings], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/", **self._identity()
            )
        self._wait_ready(self.process, timeout)

    def stop(self) -> None:
        """At once, with whoever is connected. Safe to call twice."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(20)

    def _write_settings(self) -> Path:
        users, settings = self.folder / "users.txt", self.folder / "pgbouncer.ini"
        users.write_text(f'"postgres" "{self.server.password}"\n')
        settings.write_text(
            SETTINGS.format(server_port=self.server.port, port=self.port, users=users, pool_size=self.pool_size)
        )
        for path in (users, settings):
            path.chmod(0o600)
            if self.server.account:
                os.chown(path, self.server.account.pw_uid, self.server.account.pw_gid)
        return settings

    def _identity(self) -> dict[str, Any]:
        account = self.server.account
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []} if account else {}

    def _wait_ready(self, process: "subprocess.Popen[bytes]", timeout: float) -> None:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        self.stop()
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
        raise Misconfigured(f"pgbouncer did not start on port {self.port}. Its log {self.log} ends:\n{tail}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
