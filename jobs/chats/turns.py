"""When may a message go? Asked of PostgreSQL, so that all workers together keep to Telegram's limits.

A turn of the whole bot is waited for in place: nobody else could send meanwhile. For a chat's turn the ticket waits,
and its lock keeps what comes later in the same chat behind it.
"""

import asyncio

from jobs.db.chats.chat_pace import Turn
from jobs.db.delivery import deliveries
from jobs.db.delivery.deliveries import Begun
from jobs.errors import TemporaryError
from jobs.lanes.gates import Gates
from jobs.resources import Resources

QUEUE = "telegram"
# the gates' word for why nothing is fetched
REASON = "telegram asked to wait"
# seconds; a wait that is shorter is not worth a way through the queue
SHORT = 0.25
# what nobody waits for asks again after this at most, so that it notices when there is room
LONGEST_LOOK = 1.0


async def take_turn(resources: Resources, delivery_id: int) -> Begun | None:
    """Returns when the message may go: the delivery, where it is marked as being sent already.

    Raises TemporaryError where that is not soon.
    """
    while asked := await _ask(resources, delivery_id):
        turn, begun = asked
        if turn.verdict == "go":
            await asyncio.sleep(turn.wait)
            return begun
        if turn.verdict == "bot_busy":
            await asyncio.sleep(min(turn.wait, LONGEST_LOOK))
        elif turn.verdict == "chat_busy" and turn.wait <= SHORT:
            await asyncio.sleep(turn.wait)
        else:
            raise _later(resources, turn)
    return None


def hold_back(gates: Gates, seconds: float) -> None:
    """This worker takes no deliveries to chats for so long: each would only be put back."""
    gates.close(QUEUE, REASON)
    asyncio.get_running_loop().call_later(seconds, gates.open, QUEUE, REASON)


async def _ask(resources: Resources, delivery_id: int) -> tuple[Turn, Begun | None] | None:
    async with resources.database.statement() as connection:
        return await deliveries.begin_in_turn(connection, delivery_id, resources.pace)


def _later(resources: Resources, turn: Turn) -> TemporaryError:
    if turn.verdict == "bot_paused":
        hold_back(resources.gates, turn.wait)
        return TemporaryError("Telegram asked the bot to wait.", retry_in=turn.wait, code="not_delivered")
    return TemporaryError("This chat gets no more messages for now.", retry_in=turn.wait, code="not_delivered")
