"""What follows when a job ends because its content was refused: it is counted, and what was refused is forgotten."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import ChatText, send_to_chat
from jobs.companion.wording import say
from jobs.db.people import blocks
from jobs.db.people.blocks import Block, Limit
from jobs.db.work.jobs import Job

CODE = "content_blocked"
# kinds that answer what a dialog's person wrote
ANSWERS = frozenset({"generate_reply"})

# shown to a model again, it would be refused again, with whatever was written after it
FORGET = text(
    "DELETE FROM chat_messages WHERE dialog_id = :dialog_id AND role = 'user' AND created_at <= :until"
    " AND id > coalesce((SELECT max(answers) FROM chat_messages WHERE dialog_id = :dialog_id), 0)"
)


async def note(connection: AsyncConnection, job: Job, found: list[Block], limit: Limit) -> None:
    """`job` as it ended, `found` in its run: also what a run had refused that then ended otherwise."""
    suspended = await blocks.note(connection, found, limit)
    if (job.error or {}).get("code") != CODE:
        return
    if job.dialog_id is not None and job.kind in ANSWERS:
        await connection.execute(FORGET, {"dialog_id": job.dialog_id, "until": job.started_at})
    chat = job.destination.get("telegram")
    if suspended and chat:
        words = say(str(chat.get("locale", "en")), "suspended")
        key = f"job:{job.id}:{job.retries}:suspended"
        await send_to_chat(connection, int(chat["chat_id"]), [ChatText(words)], key=key, job_id=job.id)
