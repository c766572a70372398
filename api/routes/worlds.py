"""/v1/worlds: how far worlds are, and what is in them. A world is asked for as a job, `init_world_creation`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.encoders import jsonable_encoder
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import JSONResponse, Response

from api.answers import world_answer
from api.answers.paging import cursor_of, place_of
from api.answers.world_answer import Links
from api.answers.world_schema import CharacterPage, PostPage, WholeWorld, WorldPage
from api.authentication import JobsCaller
from api.media_secret import media_secret
from jobs.db.work.jobs import Json
from jobs.db.world import characters, world_report
from jobs.db.world.world_report import Grown
from jobs.errors import NotFound

router = APIRouter(prefix="/v1/worlds", tags=["worlds"])

Limit = Annotated[int, Query(ge=1, le=100)]
# the position with which the page before ended
Place = Annotated[str | None, Query(pattern="^[1-9][0-9]{0,5}$")]


@router.get("", summary="List worlds, the newest first", response_model=WorldPage)
async def list_worlds(
    request: Request,
    caller: JobsCaller,
    limit: Limit = 50,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
) -> Response:
    async with request.app.state.database.transaction() as connection:
        found = await world_report.page(connection, caller.owner, limit + 1, before=place_of(cursor))
    shown, more = found[:limit], len(found) > limit
    views = [world_answer.view(each, await _links(request, each)) for each in shown]
    following = cursor_of(shown[-1].world.created_at, shown[-1].world.id) if more else None
    return _answer(world_answer.listed("worlds", views, following))


@router.get("/{world_id}", summary="Read a world", response_model=WholeWorld)
async def read(request: Request, caller: JobsCaller, world_id: UUID) -> Response:
    """As far as it is: what was written of it, each stage, what is missing. Its job's events tell of changes."""
    async with request.app.state.database.transaction() as connection:
        found = await world_report.report(connection, caller.owner, world_id)
    if found is None:
        raise _unknown(world_id)
    return _answer(world_answer.whole_view(found, await _links(request, found)))


@router.get("/{world_id}/characters", summary="List the people of a world", response_model=CharacterPage)
async def list_characters(
    request: Request, caller: JobsCaller, world_id: UUID, limit: Limit = 50, cursor: Place = None
) -> Response:
    async with request.app.state.database.transaction() as connection:
        world = await _own(connection, caller, world_id)
        found = await characters.page(connection, world_id, after=int(cursor or 0), limit=limit + 1)
    shown, links = found[:limit], await _links(request, world)
    following = str(shown[-1].position) if len(found) > limit else None
    views = [world_answer.character_view(each, links) for each in shown]
    return _answer(world_answer.listed("characters", views, following))


@router.get("/{world_id}/posts", summary="List the posts of a world", response_model=PostPage)
async def list_posts(
    request: Request,
    caller: JobsCaller,
    world_id: UUID,
    character: Annotated[UUID | None, Query(description="Only those that this one wrote.")] = None,
    limit: Limit = 50,
    cursor: Place = None,
) -> Response:
    async with request.app.state.database.transaction() as connection:
        world = await _own(connection, caller, world_id)
        place = int(cursor or 0)
        found = await world_report.feed(connection, world_id, limit + 1, after=place, character_id=character)
    shown, links = found[:limit], await _links(request, world)
    following = str(shown[-1].post.position) if len(found) > limit else None
    return _answer(world_answer.listed("posts", [world_answer.post_view(each, links) for each in shown], following))


async def _own(connection: AsyncConnection, caller: JobsCaller, world_id: UUID) -> Grown:
    found = await world_report.get(connection, caller.owner, world_id)
    if found is None:
        raise _unknown(world_id)
    return found


async def _links(request: Request, world: Grown) -> Links:
    return Links(await media_secret(request.app), world.job.expires_at, request.app.state.public_url)


def _unknown(world_id: UUID) -> NotFound:
    return NotFound(f"There is no world {world_id}.")


def _answer(shown: Json) -> Response:
    return JSONResponse(jsonable_encoder(shown))
