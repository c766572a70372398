"""The whole demo: it answers and draws by itself, stops in time, keeps its data."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.sandbox.running_demo import ROOT, demo_folder, running_demo

# promised are ten seconds; a machine on which other tests run may take longer
STOP_SECONDS = 30


@pytest.fixture
def folder() -> Iterator[Path]:
    with demo_folder() as path:
        yield path


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_check_tries_everything_out_and_a_second_run_keeps_the_data(folder: Path) -> None:
    with running_demo(folder, "--check") as demo:
        demo.wait_for("trying it out", 90)
        assert demo.wait_for_end(620) == 0, demo.output
        assert demo.left() == []
    assert "a JPEG of" in demo.output
    assert re.search(
        r"POST /v1/jobs, Prefer: wait  →  \d+ ms: a [A-Z]+ of \d+×\d+, \d+ kB, read by its signed link", demo.output
    )
    assert re.search(r"with 2 people, 2 posts and [4-6] pictures, written by a stand-in", demo.output)
    assert re.search(r"2 documents in 1 part\(s\) by smollm2:135m; findings: \d+, quotations dropped", demo.output)
    assert "its report names both documents in every format: md" in demo.output
    assert "it works" in demo.output
    first = database_files(folder)
    key = (folder / "api-key").read_text()
    assert (folder / "api-key").stat().st_mode & 0o777 == 0o600
    assert [log.name for log in (folder / "logs").iterdir() if key in log.read_text(errors="replace")] == []

    with running_demo(folder) as demo:
        demo.wait_for("Ctrl-C stops everything", 90)
        assert len(demo.known) > 9
        assert photos_of("Tryout", demo.output) == 3, "the card, the greeting, the picture"
        assert f"/docs   with the key {key}\n" in demo.output
        jobs = jobs_of(key, demo.output)
        assert {"generate_image", "init_world_creation", "run_ollama_analysis", "make_report"} <= jobs.keys()
        assert set(jobs.values()) == {"completed"}
        assert_the_contracts_lie_where_it_says(demo.output)
        assert_an_outage_is_shown_and_survived(folder)
        demo.process.send_signal(signal.SIGTERM)
        assert demo.wait_for_end(STOP_SECONDS) == 0
        assert demo.left() == []
    assert first == database_files(folder)


def assert_an_outage_is_shown_and_survived(folder: Path) -> None:
    command = [sys.executable, "-m", "sandbox.demo.outage", "3", "--folder", str(folder)]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert shown.returncode == 0, shown.stdout
    told = [line.split("s  ", 1)[1] for line in shown.stdout.splitlines()]
    assert told[0] == "the language model fails for 3 s; 6 replies are asked for"
    opened = next(number for number, words in enumerate(told) if words.startswith("venice: open, nobody calls it."))
    assert "(503)" in told[opened]
    assert "venice: closed" in told[opened:]
    assert told[-1].startswith("6 of 6 replies are there;")


def photos_of(first_name: str, output: str) -> int:
    """What the chat page shows of the first run."""
    address = re.search(r"Open (http://127\.0\.0\.1:\d+)/", output)
    assert address
    with httpx.Client(base_url=address[1], trust_env=False) as client:
        users = {user["first_name"]: user["id"] for user in client.get("/sandbox/users").json()}
        messages = client.get(f"/sandbox/users/{users[first_name]}/messages").json()
        return len([message for message in messages if "photo" in message])


def assert_the_contracts_lie_where_it_says(output: str) -> None:
    place = re.search(r"then upload two of\n +(.+)/   a contract", output)
    assert place
    files = {file.name: file.read_bytes()[:5] for file in Path(place[1]).iterdir()}
    which = ("old", "old-page1", "new", "new-page1")
    names = [f"{name}-{version}.pdf" for name in ("maintenance-en", "supply-ru") for version in which]
    assert files == dict.fromkeys(names, b"%PDF-")


def jobs_of(key: str, output: str) -> dict[str, str]:
    """What the page that was named, with the key that was named, can tell."""
    address = re.search(r"API +(http://127\.0\.0\.1:\d+)/docs", output)
    assert address
    with httpx.Client(base_url=address[1], trust_env=False) as client:
        assert client.get("/docs").status_code == 200
        found = client.get("/v1/jobs", headers={"Authorization": f"Bearer {key}"}).raise_for_status().json()
        return {job["kind"]: job["status"] for job in found["jobs"]}


def database_files(folder: Path) -> tuple[str, str]:
    """What a new cluster would have another of, and a new secret."""
    return (folder / "postgres.password").read_text(), (folder / "webhook-secret").read_text()
