"""Erases what is kept of a person who asked for that at /delete_me. An inner kind.

What they paid stays as the law wants it: sums and numbers of payments, under nobody's name.
"""

from functools import partial
from typing import TYPE_CHECKING

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import ChatText
from jobs.companion.operating import erasure
from jobs.companion.wallet import returning
from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wording import say
from jobs.db.people import erasure as rows
from jobs.kinds.attempts import DUTY
from jobs.kinds.contract import NewJob, Outcome, Run
from jobs.kinds.dialogue import KindInput

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "housekeeping"
CHAT_ACTION = "typing"
ATTEMPTS = DUTY


class Input(KindInput):
    user_id: int
    locale: str = "en"


class Result(BaseModel):
    erased: bool


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    user_id = run.input.user_id
    await erasure.stop_work(run.database, resources.intake, user_id)
    await erasure.delete_all(run.database, resources.media, user_id)
    farewell = ChatText(say(run.input.locale, "erasure.done"))
    return Outcome(Result(erased=True), messages=[farewell], save=partial(_save, user_id, resources.intake.wallet))


async def _save(user_id: int, wallet: Wallet, connection: AsyncConnection) -> list[NewJob]:
    # what was answered meanwhile, such as that their data are being erased
    await rows.delete_words(connection, user_id)
    await rows.delete_person(connection, user_id)
    await returning.remember(connection, user_id)
    await wallet.forget(connection, user_id)
    return []
