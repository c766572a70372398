"""A real S3 server for the tests: SeaweedFS in one process, from a wheel, with a folder of its own.

It takes some seconds to start: several servers in one have to find each other first.
"""

import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from jobs.errors import Misconfigured

# where it puts its sockets, whatever it is told
SOCKETS = Path("/tmp")  # noqa: S108 - it decides, not we
ACCESS_KEY, SECRET_KEY = "sandbox", "sandbox-secret"


def program() -> str | None:
    """Where SeaweedFS is installed; None where it is not."""
    beside = Path(sys.executable).with_name("weed")
    return str(beside) if beside.exists() else shutil.which("weed")


class S3Server:
    """Buckets are made by the first file that is put into them. `folder` keeps files, settings and log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = 0
        self.ports: list[int] = []
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    def start(self, timeout: float = 60) -> None:
        """Raises Misconfigured when it is not installed or does not start."""
        found = program()
        if found is None:
            raise Misconfigured("SeaweedFS is not installed. Run `make install-dev`.")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [found, "server", *self._options()], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
            )
        self._wait_ready(self.process, timeout)

    def stop(self) -> None:
        """At once: nobody wants the files back, and its own farewell takes half a minute. Safe to call twice."""
        if self.process:
            self.process.kill()
            self.process.wait(20)
        for port in self.ports:
            for socket_file in SOCKETS.glob(f"seaweedfs-*-{port}.sock"):
                socket_file.unlink(missing_ok=True)

    def _options(self) -> list[str]:
        data, access = self.folder / "data", self.folder / "access.json"
        data.mkdir(exist_ok=True)
        key = {"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}
        actions = ["Admin", "Read", "Write", "List", "Tagging"]
        access.write_text(json.dumps({"identities": [{"name": "sandbox", "credentials": [key], "actions": actions}]}))
        names = ["master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc"]
        names += ["s3.port", "s3.port.grpc"]
        ports = dict(zip(names, _free_ports(len(names)), strict=True))
        self.port, self.ports = ports["s3.port"], list(ports.values())
        given: dict[str, object] = {
            **ports, "dir": data, "ip": "127.0.0.1", "ip.bind": "127.0.0.1", "filer": "true", "s3": "true",
            "s3.config": access, "s3.port.iceberg": 0, "s3.port.lance": 0, "s3.iam": "false",
            "master.telemetry": "false", "master.volumeSizeLimitMB": 64, "volume.max": 20,
        }  # fmt: skip
        return [f"-{name}={value}" for name, value in given.items()]

    def _wait_ready(self, process: "subprocess.Popen[bytes]", timeout: float) -> None:
        """Ready when a file can be put and read: the ports open long before that."""
        import obstore
        from obstore.exceptions import BaseError
        from obstore.store import S3Store

        store = S3Store(
            "probe", endpoint=self.endpoint, access_key_id=ACCESS_KEY, secret_access_key=SECRET_KEY,
            region="us-east-1", client_options={"allow_http": True}, retry_config={"max_retries": 0},
        )  # fmt: skip
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and process.poll() is None:
            try:
                obstore.put(store, "probe", b"?")
            except (BaseError, OSError):
                time.sleep(0.1)
            else:
                return
        self.stop()
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
        raise Misconfigured(f"SeaweedFS did not start on port {self.port}. Its log {self.log} ends:\n{tail}")


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()
