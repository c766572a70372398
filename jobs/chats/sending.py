"""One delivery to a chat: marked as being sent, sent outside any transaction, and what is known of it written down.

What may have arrived is never sent again by itself, unless doing it twice does no more than once.
"""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs import blocking
from jobs.chats import files
from jobs.chats.calls import REPEATABLE, Call, call_of, make
from jobs.chats.files import File
from jobs.chats.recording import final, is_single, record
from jobs.chats.turns import hold_back
from jobs.db.chats import chat_deliveries
from jobs.db.commit import commit
from jobs.db.delivery.deliveries import Begun, Delivery
from jobs.db.dialog import dialog_pictures
from jobs.delivery.telegram import Answer, NotSent, Telegram, Unknown
from jobs.errors import TemporaryError
from jobs.resources import Resources

FILE_GONE = NotSent("The file is gone: it was kept for its time and then deleted.")
CUT_OFF = Unknown("The worker was stopped between sending and hearing the answer.")


@dataclass(frozen=True)
class Prepared:
    """`known`: what is known without asking Telegram."""

    call: Call
    known: Answer | None = None


async def send(resources: Resources, telegram: Telegram, delivery: Delivery, prepared: Prepared) -> None:
    """Raises TemporaryError when nothing arrived and another try is due: its ticket keeps its place in the chat."""
    answer = final(delivery, prepared.known or await make(telegram, prepared.call))
    status = ""

    async def write(connection: AsyncConnection) -> None:
        nonlocal status
        status = await record(connection, delivery, prepared.call, answer, arrived)

    await commit(resources.database, write, alone=is_single(delivery, prepared.call, answer))
    if status == "held":
        await _gone(resources, prepared.call.chat_id)
    if isinstance(answer, NotSent) and status == "pending":
        if answer.misconfigured or answer.unreachable:
            hold_back(resources.gates, answer.retry_in or 0.0)
        raise TemporaryError(answer.reason, retry_in=answer.retry_in or 0.0, code="not_delivered")


def plain(begun: Begun) -> Prepared:
    """What had no file to look for, and was not cut off before."""
    delivery, of = begun.delivery, begun.delivery.payload.get("of")
    earlier = begun.earlier if isinstance(of, str) else of
    return Prepared(call_of(int(delivery.destination), delivery.payload, None, earlier, cut_off=False))


async def prepare(connection: AsyncConnection, resources: Resources, delivery: Delivery) -> Prepared | None:
    """In the transaction that marks it. None when it is held: its person has blocked the bot."""
    chat_id, payload = int(delivery.destination), delivery.payload
    if delivery.status == "pending" and delivery.recipient_blocked:
        if await chat_deliveries.hold(connection, delivery.id, chat_id):
            return None
        raise TemporaryError("This person has just let the bot in again.", retry_in=0.0, code="not_delivered")
    earlier = await _earlier(connection, chat_id, payload.get("of"))
    cut_off = delivery.status == "sending"
    file, missing = await _file(connection, resources, delivery)
    call = call_of(chat_id, payload, file, earlier, cut_off=cut_off)
    if cut_off and (call.method not in REPEATABLE or (call.about_earlier and earlier is None)):
        return Prepared(call, CUT_OFF)
    return Prepared(call, missing)


async def arrived(connection: AsyncConnection, delivery: Delivery) -> None:
    """Whatever shall be counted once for each message that arrived."""
    if delivery.job_id and delivery.payload["method"] == "sendPhoto":
        await dialog_pictures.count_delivered(connection, delivery.id)


async def _earlier(connection: AsyncConnection, chat_id: int, of: str | int | None) -> int | None:
    return await chat_deliveries.find_message(connection, chat_id, of) if isinstance(of, str) else of


async def _file(
    connection: AsyncConnection, resources: Resources, delivery: Delivery
) -> tuple[File | None, Answer | None]:
    payload = delivery.payload
    if "media_id" in payload:
        stored = await files.stored_media(connection, resources, payload)
        return stored, None if stored else FILE_GONE
    if "greeting" in payload:
        return await files.greeting(connection, resources, payload["greeting"]), None
    return None, None


async def _gone(resources: Resources, chat_id: int) -> None:
    """Nobody is there to read what would be made for them."""

    async def write(connection: AsyncConnection) -> None:
        await blocking.give_up_waiting(connection, resources.intake, chat_id)

    await commit(resources.database, write)
