"""`postgen world` beside a real API and a worker's functions: begun, followed, left, made whole, cancelled."""

import asyncio
import io
import sys
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from typer.testing import CliRunner

from jobs.commands import world as world_command
from jobs.commands.main import app
from jobs.commands.world import DONE, FAILED, LEFT, PARTIAL, Wanted
from jobs.commands.world_bars import Bars, Stage
from jobs.db.session import Database
from jobs.errors import InvalidInput, PermanentError
from jobs.trees.telling import TreeProgress
from sandbox.gemini_content import Content
from tests.api.live_api import LONG, LiveApi, live_api
from tests.factories import rows
from tests.jobs.commands.test_listen import key_of
from tests.jobs.events.writers import new_job
from tests.jobs.queue_probe import until
from tests.jobs.worlds.creation import PROMPT, Creation, creating
from tests.jobs.worlds.test_failures import breaking


@dataclass
class Terminal:
    """Where the command runs. `said`: what it has printed since `clear`."""

    api: LiveApi
    creation: Creation
    out: pytest.CaptureFixture[str]
    said: str = ""

    def __post_init__(self) -> None:
        self.given: dict[str, Any] = {"api": self.api.url, "key": key_of(self.api)}

    def heard(self, words: str) -> bool:
        self.said += self.out.readouterr().out
        return words in self.said

    async def begin(self, command: Coroutine[Any, Any, int]) -> "asyncio.Task[int]":
        """Once it follows: from then on nothing is missed."""
        self.heard("")
        self.said = ""
        task = asyncio.create_task(command)
        await until(lambda: task.done() or self.api.app.state.streams.by_key, LONG)
        assert not task.done(), task.exception()
        return task

    async def ended(self, task: "asyncio.Task[int]") -> int:
        async with asyncio.timeout(LONG):
            status = await task
        self.heard("")
        return status

    async def world(self) -> UUID:
        [root] = await rows(self.api.database, "SELECT id FROM jobs WHERE parent_id IS NULL")
        found: UUID = root["id"]
        return found

    async def work_while_telling(self) -> None:
        """As a worker does it, but more often."""
        telling = TreeProgress(self.api.database, pause=0.01)
        task = asyncio.create_task(telling.run())
        try:
            while await self.creation.work(most=4):
                telling.note(await self.world())
        finally:
            task.cancel()
            await asyncio.wait([task])


@pytest.fixture
async def terminal(
    database: Database, database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Terminal]:
    async with live_api(database_url) as api, creating(database, tmp_path) as creation:
        yield Terminal(api, creation, capsys)


async def test_a_world_is_followed_until_it_is_there_and_then_made_whole(terminal: Terminal) -> None:
    terminal.creation.gemini.say(breaking("Write this post of"))
    task = await terminal.begin(world_command.grow(Wanted(PROMPT, 2, 5), **terminal.given))
    world = str(await terminal.world())
    await terminal.work_while_telling()
    assert await terminal.ended(task) == PARTIAL
    first, read, *lines = terminal.said.splitlines()
    assert (first, read) == (f"World {world}: {PROMPT}", f"  read it     GET {terminal.api.url}/v1/worlds/{world}")
    assert any("characters 2/2" in line for line in lines)
    assert any("posts 4/5, 1 failed" in line for line in lines)
    assert "people, 4 posts." in terminal.said
    assert "It is not whole:" in lines
    [lack] = [line for line in lines if line.startswith("  ") and "GET" not in line]
    assert lack.startswith("  Posts: 1 of 5 missing. The language model's answer was not valid")
    assert lines[-1] == f"Make what is missing: postgen world --retry {world}"

    terminal.creation.gemini.say(Content())
    task = await terminal.begin(world_command.retry(world, **terminal.given))
    await terminal.work_while_telling()
    assert await terminal.ended(task) == DONE
    assert "2 people, 5 posts." in terminal.said
    assert "not whole" not in terminal.said
    # one that is there is told at once
    assert await world_command.follow(world, **terminal.given) == DONE
    assert await world_command.cancel(world, **terminal.given) == FAILED
    assert len(await rows(terminal.api.database, "SELECT id FROM worlds")) == 1


async def test_ctrl_c_leaves_the_world_growing_until_it_is_cancelled(terminal: Terminal) -> None:
    task = await terminal.begin(world_command.grow(Wanted(PROMPT, 2, 2, pictures=False), **terminal.given))
    world = str(await terminal.world())
    task.cancel()
    assert await terminal.ended(task) == LEFT
    assert terminal.said.splitlines()[-2:] == [
        f"-- the world goes on. Follow it: postgen world --follow {world}",
        f"-- or cancel it: postgen world --cancel {world}",
    ]
    await until(lambda: not terminal.api.app.state.streams.by_key, LONG)
    task = await terminal.begin(world_command.follow(world, **terminal.given))
    await terminal.creation.work(most=2)
    assert await world_command.cancel(world, **terminal.given) == DONE
    assert await terminal.ended(task) == FAILED
    assert "The world is cancelled." in terminal.said
    assert f"Try again what failed: postgen world --retry {world}" in terminal.said


async def test_what_is_no_world_is_told_of(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    other = await new_job(terminal.api.database, owner="account:anna")
    with pytest.raises(InvalidInput, match="is no world but a job of kind generate_reply"):
        await world_command.follow(str(other.id), **terminal.given)
    with pytest.raises(PermanentError, match="refuses: There is no job"):
        await world_command.follow(str(UUID(int=1)), **terminal.given)
    with pytest.raises(PermanentError, match="refuses: This key is not known"):
        await world_command.grow(Wanted(PROMPT, 1, 1), api=terminal.api.url, key="pg_wrong")
    monkeypatch.setattr(world_command, "PAUSE", 0.001)
    with pytest.raises(PermanentError, match=r"Nobody answers at http://127\.0\.0\.1:9"):
        await world_command.grow(Wanted(PROMPT, 1, 1), api="http://127.0.0.1:9", key="pg")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "Say what world"),
        (["--follow", "x"], "is not the id of a world"),
        (["--prompt", "x", "--cancel", "y"], "Give one of"),
        (["--prompt", "x", "--api", "nowhere"], "--api nowhere is not an address"),
    ],
)
def test_the_command_says_what_to_give_it(given: list[str], words: str) -> None:
    result = CliRunner().invoke(app, ["world", *given])
    assert result.exit_code == 1
    assert words in result.output


@pytest.mark.parametrize("command", [["world", "--prompt", "x"], ["listen", "--forward", "http://127.0.0.1:9/hook"]])
def test_the_address_that_the_demo_and_the_readme_export_was_not_looked_at(command: list[str]) -> None:
    result = CliRunner().invoke(app, command, env={"POSTGEN_URL": "nowhere", "PUBLIC_URL": "http://127.0.0.1:9"})
    assert "--api nowhere is not an address" in result.output


def test_a_terminal_shows_a_bar_for_each_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stdout", shown)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    with Bars() as bars:
        bars.show([Stage("characters", 5, 5), Stage("posts", 20, 3, 1)])
        bars.say("[the] API is away")
        bars.show([Stage("characters", 5, 5), Stage("posts", 20, 19, 1), Stage("post_images", 4)])
    said = shown.getvalue()
    assert all(words in said for words in ("characters", "5/5", "3/20, 1 failed", "19/20, 1 failed", "post images"))
    assert "[the] API is away" in said
    assert "━" in said
