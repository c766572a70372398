"""How far a world is, in a terminal: a bar for each stage; and in a file or a pipe a line for what has changed."""

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from jobs.worlds.standing import Planned

Json = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """`failed`: so many of its steps ended without a result."""

    name: str
    planned: int
    done: int = 0
    failed: int = 0

    @property
    def words(self) -> str:
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.done}/{self.planned}{failed}"


def stages_of(job: Json) -> list[Stage]:
    """As its job tells, and before that as many as its numbers promise."""
    asked = job["input"]
    # where nobody said, there are pictures wherever something draws them
    pictures = asked.get("pictures") is not False
    plan = Planned(asked["users"], asked["posts"], 0, pictures).by_stage()
    known = {each["stage"]: each for each in job["progress"].get("stages", ())}
    found = [_stage(name, plan.get(name, 0), known.get(name)) for name in [*plan, *(known.keys() - plan.keys())]]
    # what no step was begun for is not coming any more
    return [each for each in found if each.planned and (job["status"] in OPEN or each.name in known)]


OPEN = ("pending", "processing")


def _stage(name: str, planned: int, known: Json | None) -> Stage:
    if known is None:
        return Stage(name, planned)
    return Stage(name, max(planned, known["planned"]), known["done"], known["failed"])


class View(AbstractContextManager["View"], Protocol):
    """Open it around the time in which something is shown."""

    def show(self, stages: Sequence[Stage]) -> None: ...

    def say(self, words: str) -> None: ...


class Bars(View):
    def __init__(self) -> None:
        console = Console(file=sys.stdout, highlight=False, markup=False)
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}"), TimeElapsedColumn(),
            console=console,
        )  # fmt: skip
        self.tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def show(self, stages: Sequence[Stage]) -> None:
        for stage in stages:
            if stage.name not in self.tasks:
                self.tasks[stage.name] = self.progress.add_task(_title(stage), start=False, words="")
            task = self.tasks[stage.name]
            ended = stage.done + stage.failed
            if ended and self.progress.tasks[self.progress.task_ids.index(task)].start_time is None:
                self.progress.start_task(task)
            self.progress.update(task, total=stage.planned, completed=ended, words=stage.words)
        self.progress.refresh()

    def say(self, words: str) -> None:
        self.progress.console.print(words)


class Lines(View):
    def __init__(self) -> None:
        self.told: dict[str, Stage] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def show(self, stages: Sequence[Stage]) -> None:
        changed = [stage for stage in stages if self.told.get(stage.name, Stage(stage.name, stage.planned)) != stage]
        self.told |= {stage.name: stage for stage in changed}
        if changed:
            print(", ".join(f"{_title(stage)} {stage.words}" for stage in changed), flush=True)

    def say(self, words: str) -> None:
        print(words, flush=True)


def view() -> View:
    return Bars() if sys.stdout.isatty() else Lines()


def _title(stage: Stage) -> str:
    return stage.name.replace("_", " ")
