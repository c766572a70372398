"""A new world: what it is like, how many people live there, and how much they write."""

from dataclasses import dataclass
from uuid import UUID

from pydantic import ValidationError
from starlette.datastructures import FormData
from starlette.responses import Response

from api.content_blocks import note
from api.pages.rendering import page, page_router, seen
from api.pages.visits import Member, MemberVisit, form_of
from api.pages.worlds.words import LONGEST_PROMPT, world_words
from api.requests.acceptance import Acceptance
from api.requests.job_request import InitWorldCreation
from jobs.errors import ContentBlocked, InvalidInput, TooManyRequests
from jobs.kinds.world.init_world_creation import Input
from jobs.kinds.world.inputs import MOST_POSTS, MOST_USERS
from jobs.safety.blocked import Blocked

router = page_router("/worlds")


@dataclass(frozen=True)
class Given:
    """The form as it stands."""

    prompt: str = ""
    users: str = "5"
    posts: str = "20"
    pictures: str = "yes"


@router.get("/new")
async def show(visit: Member) -> Response:
    return _form_page(visit, Given())


@router.post("")
async def make(visit: Member) -> Response:
    given = _given(await form_of(visit))
    if problem := _problem(given):
        return _form_page(visit, given, said=world_words(visit.locale)[problem])
    try:
        world_id = await _begin(visit, given)
    except (InvalidInput, ContentBlocked, TooManyRequests) as error:
        if isinstance(error, Blocked):
            await note(visit.request, error)
        return _form_page(visit, given, said=error.detail)
    return seen(f"/worlds/{world_id}")


async def _begin(visit: MemberVisit, given: Given) -> UUID:
    """Raises InvalidInput, ContentBlocked, Forbidden, TooManyRequests."""
    state = visit.request.app.state
    try:
        # where nothing draws, that is decided when it begins
        pictures = given.pictures == "yes" if state.intake.draws else None
        asked = Input(prompt=given.prompt, users=int(given.users), posts=int(given.posts), pictures=pictures)
    except ValidationError as error:
        [first, *_] = error.errors()
        raise InvalidInput(str(first["msg"])) from None
    async with state.database.transaction() as connection:
        acceptance = Acceptance(connection, visit.caller, state.intake, state.personas)
        job = await acceptance.accept(InitWorldCreation(kind="init_world_creation", input=asked))
    return job.id


def _form_page(visit: MemberVisit, given: Given, said: str | None = None) -> Response:
    shown = {"w": world_words(visit.locale), "given": given, "most_people": MOST_USERS, "most_posts": MOST_POSTS}
    shown |= {"longest_prompt": LONGEST_PROMPT, "draws": visit.request.app.state.intake.draws}
    return page(visit, "worlds/making.html", status=422 if said else 200, said=said, **shown)


def _given(form: FormData) -> Given:
    return Given(*(_text(form, name) for name in Given.__dataclass_fields__))


def _problem(given: Given) -> str | None:
    """What is wrong, as the name of a text."""
    if not given.prompt:
        return "no_prompt"
    if len(given.prompt) > LONGEST_PROMPT:
        return "prompt_too_long"
    if not _is_number(given.users, 1, MOST_USERS):
        return "people_wrong"
    return None if _is_number(given.posts, 0, MOST_POSTS) else "posts_wrong"


def _is_number(words: str, least: int, most: int) -> bool:
    return words.isascii() and words.isdigit() and len(words) < 10 and least <= int(words) <= most


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value.strip() if isinstance(value, str) else ""
