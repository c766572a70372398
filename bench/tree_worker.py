"""Our worker with a kind of steps that ask nobody: what is measured is the tree. `--app=bench.tree_worker.app`."""

import asyncio
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel

from bench import tree_worker as this_module
from bench.trees import KIND
from jobs.kinds import registry
from jobs.kinds.contract import Kind, Outcome, Run
from jobs.worker import app

if TYPE_CHECKING:
    from jobs.resources import Resources

__all__ = ["KIND", "app"]

QUEUE = "housekeeping"
CHAT_ACTION = "typing"
ATTEMPTS = 1


class Input(BaseModel):
    seconds: float


class Result(BaseModel):
    made: str


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    del resources
    await asyncio.sleep(run.input.seconds)
    return Outcome(Result(made="nothing"), {"calls": 1})


registry.KINDS[KIND] = cast(Kind, this_module)
