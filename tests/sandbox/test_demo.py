"""The demo's supervisor: a taken port, a part that crashes, signals at any moment, no process left behind."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sandbox.running_demo import demo_folder, running_demo

STARTED = "The ComfyUI stand-in of gpu-0 is ready"
# promised are ten seconds; a machine on which other tests run may take longer
STOP_SECONDS = 30


@pytest.fixture
def folder() -> Iterator[Path]:
    with demo_folder() as path:
        yield path


def test_a_taken_port_is_one_sentence_that_names_port_purpose_and_holder(folder: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with running_demo(folder, "--webhook-port", str(port)) as demo:
            assert demo.wait_for_end(STOP_SECONDS) == 1
    assert f"Port {port}, which the webhook app needs, is taken by" in demo.output
    assert f"(pid {os.getpid()})" in demo.output
    assert "--webhook-port" in demo.output
    assert "Traceback" not in demo.output


def test_a_crash_is_one_sentence_with_the_end_of_its_log_and_stops_everything(folder: Path) -> None:
    with running_demo(folder) as demo:
        demo.wait_for(STARTED)
        demo.child("/comfyui/0").kill()
        assert demo.wait_for_end(STOP_SECONDS) == 1
        assert demo.left() == []
    sentence = f"FAILED: The ComfyUI stand-in of gpu-0 was ended by SIGKILL. Its log {folder}/logs/comfyui-0.log ends:"
    assert f"{sentence}\n    ComfyUI sandbox on http://127.0.0.1:" in demo.output
    assert "Traceback" not in demo.output


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_start_stops_everything_in_time(folder: Path, number: signal.Signals) -> None:
    with running_demo(folder) as demo:
        demo.wait_for(STARTED)
        demo.process.send_signal(number)
        assert demo.wait_for_end(STOP_SECONDS) == 0
        assert demo.left() == []
    assert "everything has stopped" in demo.output


@pytest.mark.slow
def test_a_signal_while_the_database_is_being_made_leaves_nothing(folder: Path) -> None:
    with running_demo(folder) as demo:
        demo.wait_for("starting PostgreSQL")
        demo.process.send_signal(signal.SIGTERM)
        assert demo.wait_for_end(STOP_SECONDS) == 0
        assert demo.left() == []
    with running_demo(folder) as demo:
        demo.wait_for("PostgreSQL is ready")


def test_a_killed_supervisor_leaves_no_process(folder: Path) -> None:
    with running_demo(folder) as demo:
        demo.wait_for(STARTED)
        demo.wait_for("PostgreSQL is ready")
        assert len(demo.known) > 4
        demo.process.kill()
        assert demo.left(patience=STOP_SECONDS) == []


@pytest.mark.slow
def test_a_second_demo_in_the_same_folder_is_told_of_the_first(folder: Path) -> None:
    with running_demo(folder) as first:
        first.wait_for("are free")
        with running_demo(folder) as second:
            assert second.wait_for_end(STOP_SECONDS) == 1
        assert f"The demo runs already (pid {first.process.pid})" in second.output
        first.process.send_signal(signal.SIGTERM)
        assert first.wait_for_end(STOP_SECONDS) == 0


@pytest.mark.slow
def test_a_database_of_ones_own_is_used_and_none_started(folder: Path, database_url: str) -> None:
    with running_demo(folder, DATABASE_URL=database_url) as demo:
        demo.wait_for("its tables are up to date")
        assert "PostgreSQL: the one that DATABASE_URL names" in demo.output
        assert not any("postgres" in process.name() for process in demo.known)
        demo.process.send_signal(signal.SIGTERM)
        assert demo.wait_for_end(STOP_SECONDS) == 0
    assert not (folder / "postgres").exists()


def test_a_database_that_cannot_be_reached_is_a_sentence(folder: Path) -> None:
    with running_demo(folder, DATABASE_URL="postgresql+asyncpg://nobody@127.0.0.1:9/none") as demo:
        assert demo.wait_for_end(STOP_SECONDS) == 1
    assert "FAILED: The database that DATABASE_URL names does not answer: connection failed" in demo.output
    assert "Traceback" not in demo.output
