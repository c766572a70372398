"""May this be asked of documents? Known before it is kept, and once more with the title when the comparison begins."""

from pydantic import BaseModel

from jobs.owners import of_person
from jobs.safety import at_door
from webhook.visit import Visit


class Question(BaseModel):
    words: str


async def require_allowed_question(visit: Visit, words: str) -> None:
    """Raises Blocked."""
    owner = of_person(visit.user.user_id)
    await at_door.require_allowed(visit.connection, owner, None, Question(words=words))
