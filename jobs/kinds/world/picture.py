"""A picture of a world: drawn as any other one, and entered where it belongs in the transaction that stores it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.kinds import generate_image
from jobs.kinds.contract import NewJob, Outcome, Run

if TYPE_CHECKING:
    from jobs.resources import Resources


class Keep(Protocol):
    def __call__(self, connection: AsyncConnection, /, *, media_id: UUID) -> Awaitable[None]: ...


class PictureResult(BaseModel):
    media_id: UUID


@dataclass(frozen=True)
class Subject:
    """`made`: the file, if it is there already. `keep` writes down whose picture a file is."""

    made: UUID | None
    prompt: str
    keep: Keep


def drawing(
    subject_of: Callable[[Run[Any]], Awaitable[Subject]],
) -> "Callable[[Run[Any], Resources], Awaitable[Outcome]]":
    """The `run` of a kind that draws one picture, in the size that its Input has."""

    async def run(run: Run[Any], resources: "Resources") -> Outcome:
        subject = await subject_of(run)
        if subject.made:
            return Outcome(PictureResult(media_id=subject.made))
        given = generate_image.Input(prompt=subject.prompt, width=run.input.width, height=run.input.height)
        drawn = await generate_image.picture(replace(run, input=given), resources)
        return _kept(drawn, subject.keep)

    return run


def _kept(drawn: Outcome, keep: Keep) -> Outcome:
    result: generate_image.Result = drawn.result  # type: ignore[assignment] # that kind makes nothing else
    store = drawn.save

    async def save(connection: AsyncConnection) -> Sequence[NewJob]:
        following = await store(connection) if store else []
        await keep(connection, media_id=result.media_id)
        return following

    return replace(drawn, result=PictureResult(media_id=result.media_id), save=save)
