"""An answer has to wait because something does not work: whoever waits for it is told so, once, if it takes long."""

from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import ChatText, send_to_chat
from jobs.companion.quiet import is_quiet
from jobs.companion.wording import say
from jobs.db.work.jobs import Job

# seconds for which nobody wonders
PATIENCE = 20.0
# pictures have a message of their own
QUEUE = "llm"


async def tell(connection: AsyncConnection, job: Job, wait: float) -> None:
    """`job` is tried again after `wait` seconds. In the transaction that puts it off."""
    chat = job.destination.get("telegram")
    if not chat or is_quiet(job.destination) or job.queue != QUEUE:
        return
    if (datetime.now(UTC) - job.created_at).total_seconds() + wait < PATIENCE:
        return
    words = ChatText(say(str(chat.get("locale", "en")), "delayed"))
    # not as one of the job's own messages, of which its answer is made
    await send_to_chat(connection, int(chat["chat_id"]), [words], key=f"job:{job.id}:{job.retries}:delayed")
