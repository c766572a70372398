"""Which personas may be had here, and by whom: by the installation's rating, and by the age that a person confirmed."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.db.people import consents
from jobs.errors import Blame, PermanentError

if TYPE_CHECKING:
    from jobs.companion.personas import Persona

Rating = Literal["general", "suggestive", "adult"]
# from the mildest on
RATINGS: tuple[Rating, ...] = ("general", "suggestive", "adult")
# the version of the question that people answer: a new one has to be answered anew
AGE_POLICY = "1"


class AgeNotConfirmed(PermanentError):
    """A person in a chat wants an adult persona, and has not said that they are of age. `persona`: its key, if one."""

    code = "age_not_confirmed"
    blame: Blame = "client"

    def __init__(self, detail: str, *, persona: str = "") -> None:
        super().__init__(detail)
        self.persona = persona


def is_within(rating: Rating, most: Rating) -> bool:
    return RATINGS.index(rating) <= RATINGS.index(most)


def needs_age(persona: "Persona") -> bool:
    """Whether a person in a chat must have confirmed their age for it."""
    return persona.rating == "adult"


def open_to(personas: "Iterable[Persona]", *, of_age: bool) -> "Sequence[Persona]":
    """Of those that the installation has, the ones that this person may talk to now."""
    return [persona for persona in personas if of_age or not needs_age(persona)]


async def is_of_age(connection: AsyncConnection, user_id: int) -> bool:
    """By their own word, which they have not taken back, to the question as it is now."""
    return await consents.age_confirmed_at(connection, user_id, AGE_POLICY) is not None


async def confirm_age(connection: AsyncConnection, user_id: int) -> None:
    await consents.confirm_age(connection, user_id, AGE_POLICY)


async def require_age(connection: AsyncConnection, persona: "Persona | None", user_id: int) -> None:
    """Raises AgeNotConfirmed."""
    if persona is not None and needs_age(persona) and not await is_of_age(connection, user_id):
        raise AgeNotConfirmed(f"{persona.name['en']} is for adults: confirm your age first.", persona=persona.key)
