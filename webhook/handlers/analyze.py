"""/analyze: documents to compare, sent one by one, as an album, or with the command as their caption; and a question.

A file that comes without the command is noted and offered: in an album the caption may stand below the last one.
"""

from uuid import uuid4

from aiogram import Router
from aiogram.dispatcher.event.bases import SkipHandler
from aiogram.filters import Command, CommandObject
from aiogram.types import Document, Message

from jobs.analysis.entering import LONGEST_QUESTION
from jobs.companion.analyses import analysis_collecting
from jobs.companion.analyses.analysis_panel import LARGEST_FILE, LARGEST_MEGABYTES, MOST_FILES, MOST_LISTED, TOO_LARGE
from jobs.companion.messages.text_limits import shortened
from jobs.companion.wallet.accounts import Wallet
from jobs.db.chats import chat_analyses as rows
from jobs.db.chats.chat_analyses import Collection
from jobs.db.work.jobs import Json
from jobs.errors import InvalidInput
from jobs.kinds.fetch_chat_documents import PRIORITY
from jobs.settings import PublicSettings, load
from jobs.storable import storable
from webhook import filters
from webhook.analysis_questions import require_allowed_question
from webhook.limits import LimitReached
from webhook.visit import Visit

COMMAND = "analyze"
SHOWN_NAME = 100
LONGEST_NAME = 255


async def begin(message: Message, command: CommandObject, visit: Visit, wallet: Wallet) -> None:
    """What is being collected already is shown again, where the person looks; what was only offered is wanted now."""
    del message
    question = await _question(visit, command.args or "")
    found = await rows.hold_open(visit.connection, visit.user.user_id)
    if found is None:
        found = await rows.open_new(visit.connection, uuid4(), visit.user.user_id, "collecting")
        if question:
            found = await rows.change(visit.connection, found.id, question=question)
        await analysis_collecting.show_first(visit.connection, found, wallet)
        return
    found = await want(visit, found)
    if question:
        found = await rows.change(visit.connection, found.id, question=question)
    await analysis_collecting.show_anew(visit.connection, found, wallet)


async def take_file(message: Message, visit: Visit, wallet: Wallet) -> None:
    document = message.document
    if document is None:
        return
    asked, question = await _caption(visit, message.caption or "")
    found = await rows.hold_open(visit.connection, visit.user.user_id)
    is_new = found is None
    if found is None:
        status = "collecting" if asked else "offered"
        found = await rows.open_new(visit.connection, uuid4(), visit.user.user_id, status)
    if not await _note(visit, found, document):
        return
    found = await rows.touch(visit.connection, found.id)
    if asked or found.status == "collecting":
        found = await want(visit, found)
    if question and found.status == "collecting":
        found = await rows.change(visit.connection, found.id, question=question)
    show = analysis_collecting.show_first if is_new else analysis_collecting.redraw
    await show(visit.connection, found, wallet)


async def take_question(message: Message, visit: Visit, wallet: Wallet) -> None:
    """In place of the one before."""
    found = await rows.hold_open(visit.connection, visit.user.user_id)
    if found is None or found.status != "collecting":
        raise SkipHandler
    question = await _question(visit, message.text or "")
    found = await rows.change(visit.connection, found.id, question=question)
    await analysis_collecting.show_anew(visit.connection, found, wallet)


async def refuse_other(message: Message, visit: Visit) -> None:
    """A photo of a page, a voice: nothing that has a text."""
    del message
    await visit.say("analysis.only_files")


async def want(visit: Visit, found: Collection) -> Collection:
    """The files are to be compared: from now on they are fetched, by one job for all of them."""
    if found.status == "offered":
        found = await rows.change(visit.connection, found.id, status="collecting")
    if found.is_fetching and not await rows.is_job_open(visit.connection, found.fetch_job_id):
        await require_room(visit, found)
        new = visit.new_job("fetch_chat_documents", {"analysis_id": str(found.id)}, priority=PRIORITY)
        await visit.intake.submit(visit.connection, new)
        await rows.name_fetch_job(visit.connection, found.id, new.id)
    return await rows.again(visit.connection, found.id)


async def require_room(visit: Visit, found: Collection) -> None:
    """For one job more, beside those that fetch and read these files. Raises LimitReached."""
    count, most = await rows.count_beside(visit.connection, found), visit.rules.chat_open_jobs
    if count >= most:
        raise LimitReached("jobs", count=count, most=most)


async def _note(visit: Visit, found: Collection, document: Document) -> bool:
    """False, and the reason is told, where there is no room for it; True also for one that is there already."""
    name = _name(document)
    room = MOST_FILES - sum(not each.is_refused for each in found.files)
    if room <= 0 or len(found.files) >= MOST_LISTED:
        await visit.say("analysis.too_many", most=MOST_FILES, name=shortened(name, SHOWN_NAME))
        return False
    await rows.add_file(
        visit.connection, found.id,
        file_id=document.file_id, unique_id=document.file_unique_id, name=name, error=_too_large(document),
    )  # fmt: skip
    return True


def _too_large(document: Document) -> Json | None:
    """Known before anything is fetched. Where there is a page that takes larger files, it is named."""
    if (document.file_size or 0) <= LARGEST_FILE:
        return None
    error = InvalidInput(f"Telegram lets bots fetch files of at most {LARGEST_MEGABYTES} MB.", code=TOO_LARGE)
    public_url = load(PublicSettings).public_url
    return error.as_json() | ({"page": f"{public_url.rstrip('/')}/analyses"} if public_url else {})


def _name(document: Document) -> str:
    words = " ".join(storable(document.file_name or "").split())
    return words[-LONGEST_NAME:] or "document"


async def _caption(visit: Visit, caption: str) -> tuple[bool, str]:
    """Whether the files are to be compared, and what else is asked: `/analyze which prices changed?`"""
    first, _, rest = caption.strip().partition(" ")
    if first.partition("@")[0].lower() == f"/{COMMAND}":
        return True, await _question(visit, rest)
    return False, "" if first.startswith("/") else await _question(visit, caption)


async def _question(visit: Visit, words: str) -> str:
    """Raises LimitReached, and Blocked: what rules refuse is not kept."""
    question = storable(words).strip()
    if len(question) > LONGEST_QUESTION:
        raise LimitReached("length", count=len(question), most=LONGEST_QUESTION)
    if question:
        await require_allowed_question(visit, question)
    return question


async def is_collecting(message: Message, visit: Visit) -> bool:
    return visit.user.collection == "collecting" and not await filters.any_command(message)


async def has_document(message: Message) -> bool:
    """A GIF comes as a document too."""
    return message.document is not None and message.animation is None


def register(routes: Router) -> None:
    # first: a caption counts as a command too
    routes.message.register(take_file, has_document)
    routes.message.register(begin, Command(COMMAND, ignore_mention=True))
    routes.message.register(take_question, is_collecting, filters.words)
    routes.message.register(refuse_other, is_collecting)
