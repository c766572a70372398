"""The virtual environment of the rivals: Celery and redis-py stay out of ours."""

import hashlib
import subprocess
import sys
from pathlib import Path

from bench.ground import ROOT

VENV = ROOT / ".venv-bench"
LOCK = ROOT / "requirements-bench.lock"


def bench_python() -> Path | str:
    """Its interpreter, after installing what the lock file lists; or a sentence that says why there is none."""
    python = VENV / "bin" / "python"
    stamp = VENV / "installed-from"
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == digest:
        return python
    print("  installing requirements-bench.lock into .venv-bench", flush=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True, capture_output=True)
        subprocess.run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes",
             "-r", LOCK],
            check=True, capture_output=True,
        )  # fmt: skip
    except subprocess.CalledProcessError as error:
        words = error.stderr.decode(errors="replace").strip().splitlines() or ["it gave no reason"]
        return f"requirements-bench.lock could not be installed: {words[-1]}"
    # git shall not see it, wherever this was run
    (VENV / ".gitignore").write_text("*\n")
    stamp.write_text(digest)
    return python
