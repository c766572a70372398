"""Do the migrations go up, match the tables in code, go down and up again? On a PostgreSQL of its own."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox.postgres import EmbeddedPostgres

STEPS = (("upgrade", "head"), ("check",), ("downgrade", "base"), ("upgrade", "head"))


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="postgen-migrations-") as folder:
        Path(folder).chmod(0o755)  # the unprivileged account that runs PostgreSQL must get in
        server = EmbeddedPostgres(Path(folder) / "data", durable=False)
        try:
            server.start()
            url = server.create_database("migrations")
            return next((code for step in STEPS if (code := _alembic(url, *step))), 0)
        finally:
            server.stop()


def _alembic(url: str, *arguments: str) -> int:
    sys.stdout.write(f"alembic {' '.join(arguments)}\n")
    sys.stdout.flush()
    command = [str(Path(sys.executable).with_name("alembic")), *arguments]
    environment = {**os.environ, "DATABASE_URL": url}
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603 - our own words


if __name__ == "__main__":
    sys.exit(main())
