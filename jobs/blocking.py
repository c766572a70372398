"""A person blocks the bot, or lets it in again: what was on its way to them waits, and comes when they are back."""

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import delivery_ticket
from jobs.db.chats import chat_deliveries
from jobs.db.people import telegram_users
from jobs.enqueue import enqueue
from jobs.owners import of_person
from jobs.submit import Intake

log = structlog.get_logger()

# only what makes something for the chat: that somebody asked to be forgotten still holds when they are gone
MADE_FOR_CHATS = ("generate_reply", "regenerate_reply", "generate_image", "generate_image_prompt", "summarize_dialog")
# a tree is given up at its root
WAITING = text(
    "SELECT DISTINCT coalesce(job.root_id, job.id) AS id FROM jobs AS job"
    " JOIN jobs AS root ON root.id = coalesce(job.root_id, job.id)"
    " WHERE job.owner = :owner AND job.status = 'pending' AND root.kind = ANY(:kinds)"
)
# Everybody holds jobs before dialogs before purses. Who gives up many jobs holds all of them first, then all dialogs:
# one after the other, the purse of the first would be held when the second is waited for.
HOLD_JOBS = text(
    "SELECT 1 FROM jobs WHERE id IN (SELECT unnest(CAST(:ids AS uuid[])) UNION"
    " SELECT id FROM jobs WHERE root_id = ANY(:ids) AND status = 'pending')"
    " ORDER BY parent_id IS NOT NULL, id FOR UPDATE"
)
HOLD_DIALOGS = text("SELECT 1 FROM dialogs WHERE user_id = :user_id ORDER BY id FOR UPDATE")


async def block(connection: AsyncConnection, intake: Intake, user_id: int) -> None:
    await telegram_users.set_blocked(connection, user_id, blocked=True)
    await give_up_waiting(connection, intake, user_id)


async def give_up_waiting(connection: AsyncConnection, intake: Intake, user_id: int) -> None:
    """Cancel, and so refund, what nobody has begun for this person."""
    owner = of_person(user_id)
    found = await connection.execute(WAITING, {"owner": owner, "kinds": list(MADE_FOR_CHATS)})
    if not (waiting := list(found.scalars())):
        return
    await connection.execute(HOLD_JOBS, {"ids": waiting})
    await connection.execute(HOLD_DIALOGS, {"user_id": user_id})
    for job_id in waiting:
        await intake.cancel(connection, job_id, owner)
        log.info("cancelled, its person has blocked the bot", job_id=str(job_id))


async def let_in(connection: AsyncConnection, user_id: int) -> None:
    """Their messages go out in the order in which they were written; what is no news any more does not."""
    await telegram_users.set_blocked(connection, user_id, blocked=False)
    held = await chat_deliveries.release(connection, user_id)
    if held:
        await enqueue(connection, [delivery_ticket(user_id, number, bulk=bulk) for number, bulk in held])
