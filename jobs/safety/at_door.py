"""What a door asks before it takes a job in: the built-in rules on what is known by then, and a person's age."""

from typing import TYPE_CHECKING

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.owners import CHAT, is_of_chat
from jobs.safety.blocked import Blocked
from jobs.safety.hard_block import broken_rule_of
from jobs.safety.known_text import known_text
from jobs.safety.ratings import needs_age, require_age

if TYPE_CHECKING:
    from jobs.companion.personas import Persona


async def require_allowed(connection: AsyncConnection, owner: str, persona: "Persona | None", given: BaseModel) -> None:
    """Raises ContentBlocked, and AgeNotConfirmed where a person in a chat wants an adult persona."""
    adult = persona is not None and needs_age(persona)
    if adult and is_of_chat(owner):
        await require_age(connection, persona, int(owner.removeprefix(CHAT)))
    text = known_text(given)
    if rule := await broken_rule_of(text, adult=adult):
        raise Blocked(rule, text, "submit")
