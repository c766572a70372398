"""A picture of a world: drawn as any other one, and entered where it belongs in the transaction that stores it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.kinds import generate_image
from jobs.kinds.contract import NewJob, Outcome, Run

if TYPE_CHECKING:
    from jobs.resources import Resources

Keep = Callable[[AsyncConnection, UUID], Awaitable[None]]


class PictureResult(BaseModel):
    media_id: UUID


async def drawn(run: Run[Any], resources: "Resources", prompt: str, keep: Keep) -> Outcome:
    """In the size that its input has. `keep` writes down whose picture the file is."""
    given = generate_image.Input(prompt=prompt, width=run.input.width, height=run.input.height)
    outcome = await generate_image.picture(replace(run, input=given), resources)
    result: generate_image.Result = outcome.result  # type: ignore[assignment] # that kind makes nothing else
    store = outcome.save

    async def save(connection: AsyncConnection) -> Sequence[NewJob]:
        following = await store(connection) if store else []
        await keep(connection, result.media_id)
        return following

    return replace(outcome, result=PictureResult(media_id=result.media_id), save=save)


def there_already(media_id: UUID) -> Outcome:
    return Outcome(PictureResult(media_id=media_id))
