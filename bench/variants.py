"""Our worker with less to do, to see where its time goes: `--app=bench.variants.app`.

A ticket that does nothing, and a kind that asks no provider.
"""

from typing import TYPE_CHECKING, cast

from pydantic import BaseModel

from bench import variants as this_module
from jobs.kinds import registry
from jobs.kinds.contract import Kind, Outcome, Run
from jobs.worker import app

if TYPE_CHECKING:
    from jobs.resources import Resources

__all__ = ["app"]

KIND = "nothing"
QUEUE = "llm"
CHAT_ACTION = "typing"
ATTEMPTS = 1


class Input(BaseModel):
    user_message: str


class Result(BaseModel):
    reply: str


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    del resources
    return Outcome(Result(reply=run.input.user_message))


registry.KINDS[KIND] = cast(Kind, this_module)


@app.task(name="noop")
async def noop() -> None:
    pass
