"""Who are the people that write to the bots?"""

from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.bot_api.errors import NotPossibleError
from sandbox.bot_api.wire import Wire, without_none

FIRST_USER_ID = 700000001


@dataclass(frozen=True)
class User:
    user_id: int
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str = "en"

    def wire(self) -> Wire:
        return without_none(
            id=self.user_id,
            is_bot=False,
            first_name=self.first_name,
            last_name=self.last_name,
            username=self.username,
            language_code=self.language_code,
        )

    def chat_wire(self) -> Wire:
        """The private chat with this user, as bots see it."""
        return without_none(
            id=self.user_id,
            first_name=self.first_name,
            last_name=self.last_name,
            username=self.username,
            type="private",
        )


class Users:
    """All users of the sandbox; they are shared by its bots."""

    def __init__(self) -> None:
        self.by_id: dict[int, User] = {}

    def __iter__(self) -> Iterator[User]:
        return iter(self.by_id.values())

    def add(
        self,
        first_name: str,
        *,
        user_id: int | None = None,
        last_name: str | None = None,
        username: str | None = None,
        language_code: str = "en",
    ) -> User:
        """Without `user_id` the next free one is taken."""
        chosen = user_id or max([FIRST_USER_ID - 1, *self.by_id]) + 1
        if chosen in self.by_id:
            raise NotPossibleError(f"A user with the id {chosen} exists already. Choose another id or leave it out.")
        user = User(chosen, first_name, last_name, username, language_code)
        self.by_id[chosen] = user
        return user
