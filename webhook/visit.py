"""What a handler is given: the open transaction, the person, and the one way to answer and to submit work."""

from collections.abc import Sequence
from itertools import count

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import ChatText, Message, send_to_chat
from jobs.companion.operating.bot_settings import BotSettings
from jobs.companion.personas import Persona, Personas
from jobs.companion.wording import locale_for, say
from jobs.db.dialog import dialogs
from jobs.db.people.telegram_users import TelegramUser
from jobs.db.work.jobs import Job, Json
from jobs.kinds.contract import NewJob
from jobs.owners import of_person
from jobs.safety import ratings
from jobs.submit import Intake
from webhook import limits

# a person waits for it: it goes before whatever comes in through the API
CHAT_PRIORITY = 10


class Visit:
    """One update of one person, whose row is locked until the transaction ends."""

    def __init__(
        self,
        connection: AsyncConnection,
        user: TelegramUser,
        intake: Intake,
        personas: Personas,
        occasion: str,
        rules: BotSettings,
    ) -> None:
        self.connection = connection
        self.user = user
        self.intake = intake
        self.personas = personas
        self.locale = locale_for(user.locale, user.language_code)
        self.occasion = occasion
        self.rules = rules
        self.answers = count()
        # what a handler raised because a rule or a limit refuses it: see webhook/refusals.py
        self.refusal: Exception | None = None

    @property
    def destination(self) -> Json:
        """Where the results of this person's jobs go: a private chat has the id of its person."""
        return {"telegram": {"chat_id": self.user.user_id, "locale": self.locale}}

    async def say(self, key: str, **values: object) -> None:
        await self.send([ChatText(say(self.locale, key, **values))])

    async def send(self, messages: Sequence[Message]) -> None:
        key = f"{self.occasion}:{next(self.answers)}"
        await send_to_chat(self.connection, self.user.user_id, messages, key=key)

    async def submit(self, new: NewJob) -> Job:
        """Raises LimitReached, of which the person is told and nobody else need know."""
        accepted = await self.intake.accept(self.connection, new, apart=limits.PICTURE_KINDS)
        assert accepted.before is not None, "it was asked for"
        limits.require_room(self.rules, new, accepted.before)
        return accepted.job

    def new_job(self, kind: str, given: Json, **more: object) -> NewJob:
        owner = of_person(self.user.user_id)
        fields = {"destination": self.destination, "priority": CHAT_PRIORITY, **more}
        return NewJob(kind, given, owner, **fields)  # type: ignore[arg-type] # the names are NewJob's own

    def persona(self, key: str) -> Persona:
        """The dialog's persona; the default one if the operator took it away since."""
        return self.personas.all.get(key, self.personas.default)

    async def allowed_personas(self) -> Sequence[Persona]:
        """Those that this person may talk to now."""
        everybody = list(self.personas.all.values())
        if not any(ratings.needs_age(each) for each in everybody):
            return everybody
        of_age = await ratings.is_of_age(self.connection, self.user.user_id)
        return ratings.open_to(everybody, of_age=of_age)

    async def open_dialog(self, persona: Persona, greeting: str = "") -> int:
        """`greeting`: the words with which it begins, where it begins with any."""
        return await dialogs.open_dialog(self.connection, self.user.user_id, persona.key, greeting)
