"""Does the whole way work? Writes to the bot as a person would, waits for what comes back, says what came and when."""

import httpx
import psycopg

from sandbox.demo.chat_user import Arrival, ChatUser, NothingCame
from sandbox.demo.failure import DemoFailed
from sandbox.demo.progress import Progress

MESSAGE = "Hello! Who are you, and what do you like?"
PICTURE = "/generate a red fox"
# seconds; a small model on a busy machine takes its time
PATIENCE = 45
LONGEST_QUOTE = 160
LAST_JOB = """
    SELECT status, coalesce(error ->> 'detail', '') FROM jobs
    WHERE kind = %s AND destination -> 'telegram' ->> 'chat_id' = %s ORDER BY created_at DESC LIMIT 1
"""


async def try_out(chat_url: str, database_url: str, progress: Progress) -> None:
    """Raises DemoFailed with what did not arrive."""
    # the person's own proxies lead outside, and a wait is answered late on purpose
    async with httpx.AsyncClient(base_url=chat_url, trust_env=False, timeout=PATIENCE + 10) as client:
        tryout = _Tryout(await ChatUser.join(client, "Tryout"), database_url, progress)
        progress.say("trying it out as a new user of the bot")
        await tryout.meeting()
        await tryout.reply()
        await tryout.picture()


class _Tryout:
    def __init__(self, user: ChatUser, database_url: str, progress: Progress) -> None:
        self.user = user
        self.database_url = database_url
        self.progress = progress

    async def meeting(self) -> None:
        """Through the gallery: who is on its first card is chosen, and greets."""
        try:
            card = await self.user.ask("/start", "photo", PATIENCE)
            self._tell("/start", card, _quote(card))
            greeting = await self.user.press(card.message, "meet:", "photo", PATIENCE)
        except NothingCame as nothing:
            raise DemoFailed(f"No picture of a persona came within {PATIENCE} s after /start; {nothing}.") from None
        self._tell("the button below", greeting, _quote(greeting))
        await self.user.until_quiet(greeting.message["message_id"])

    async def reply(self) -> None:
        reply = await self._result_of(MESSAGE, "text", "generate_reply")
        self._tell(MESSAGE, reply, _quote(reply))

    async def picture(self) -> None:
        drawn = await self._result_of(PICTURE, "photo", "generate_image")
        self._tell(PICTURE, drawn, f"a {await self.user.picture_of(drawn.message)}")

    async def _result_of(self, text: str, wanted: str, kind: str) -> Arrival:
        """What came. A sentence about a failure is a message as well: only the job says whether it was the answer."""
        try:
            arrival = await self.user.ask(text, wanted, PATIENCE)
        except NothingCame as nothing:
            state = await self._state_of(kind)
            raise DemoFailed(f"No {wanted} came within {PATIENCE} s after {text!r}; {nothing}. {state}") from None
        state = await self._state_of(kind)
        if state != _state(kind, "completed"):
            raise DemoFailed(f"After {text!r} came {_quote(arrival)!r}. {state}")
        return arrival

    async def _state_of(self, kind: str) -> str:
        async with await psycopg.AsyncConnection.connect(self.database_url, autocommit=True) as connection:
            row = await (await connection.execute(LAST_JOB, [kind, str(self.user.user_id)])).fetchone()
        if row is None:
            return f"There is no {kind} job: see the logs of the chat and of the webhook app."
        return _state(kind, *row)

    def _tell(self, said: str, arrival: Arrival, what: str) -> None:
        self.progress.say(f"{said}  →  {arrival.milliseconds:.0f} ms: {what}")


def _state(kind: str, status: str, problem: str = "") -> str:
    return f"The {kind} job is {status}. {problem}".rstrip()


def _quote(arrival: Arrival) -> str:
    message = arrival.message
    text = " ".join((message.get("text") or message.get("caption", "")).split())
    return text if len(text) <= LONGEST_QUOTE else f"{text[:LONGEST_QUOTE]}…"
