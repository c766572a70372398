"""What is the whole sandbox: users, bots, ordered faults, one log of events?"""

from collections.abc import Sequence

from sandbox.bot_api.bot import Bot
from sandbox.bot_api.calling import call_from_webhook
from sandbox.bot_api.errors import UnknownError
from sandbox.bot_api.events import EventLog
from sandbox.bot_api.faults import FaultPlan
from sandbox.bot_api.options import BotAccount, SandboxOptions
from sandbox.bot_api.person import Person
from sandbox.bot_api.users import User, Users


class Sandbox:
    """Everything is kept in memory and belongs to one event loop."""

    def __init__(self, accounts: Sequence[BotAccount], options: SandboxOptions) -> None:
        if not accounts:
            raise ValueError("The sandbox needs at least one bot token, such as 1000:secret.")
        self.options = options
        self.users = Users()
        self.events = EventLog()
        self.faults = FaultPlan()
        self.bots: dict[int, Bot] = {}
        for account in accounts:
            if account.bot_id in self.bots:
                raise ValueError(f"Two tokens are for the bot {account.bot_id}. Give each bot one token.")
            self.bots[account.bot_id] = Bot(account, options, self.users, self.events, self.faults, call_from_webhook)

    def bot(self, bot_id: int | None = None) -> Bot:
        """The first bot where none is named."""
        if bot_id is None:
            return next(iter(self.bots.values()))
        if bot_id not in self.bots:
            raise UnknownError(f"There is no bot {bot_id}. Known are {', '.join(map(str, self.bots))}.")
        return self.bots[bot_id]

    def bot_with(self, token: str) -> Bot | None:
        return next((bot for bot in self.bots.values() if bot.account.token == token), None)

    def add_user(
        self,
        first_name: str,
        *,
        user_id: int | None = None,
        last_name: str | None = None,
        username: str | None = None,
        language_code: str = "en",
        started: bool = True,
    ) -> User:
        """With `started` the bots may write first, as after an earlier talk; else only after the user's first word."""
        user = self.users.add(
            first_name, user_id=user_id, last_name=last_name, username=username, language_code=language_code
        )
        for bot in self.bots.values():
            bot.chat(user.user_id).started = started
        self.events.publish("user_added", {"user": user.wire()})
        return user

    def person(self, user_id: int, bot_id: int | None = None) -> Person:
        """A user in the chat with a bot."""
        if user_id not in self.users.by_id:
            raise UnknownError(f"There is no user {user_id}. Create one with POST /sandbox/users.")
        return Person(self.bot(bot_id), self.users.by_id[user_id])

    async def close(self) -> None:
        """Ends event streams and deliveries."""
        self.events.close()
        for bot in self.bots.values():
            await bot.close()
