"""A message for everybody: whom it is for, and what the admin sees of it before, while and after it goes out."""

from jobs.companion.messages.outbox import Button, Buttons, ChatEdit, send_to_chat
from jobs.companion.wording import LOCALES, READS_RUSSIAN, locale_for, say
from jobs.db.chats import broadcasts
from jobs.db.chats.broadcasts import Broadcast, Readers, Tally
from jobs.db.people import wallet_payments
from jobs.db.session import Database

BROADCAST = "broadcast:"
LANGUAGES = {"ru": "Русский", "en": "English"}


def readers(locale: str | None) -> Readers:
    return Readers(locale, LOCALES, sorted(READS_RUSSIAN))


def question(locale: str, chosen: str | None, people: dict[str, int]) -> str:
    """Below the message as people will see it. `people` by language, all of them."""
    total = sum(people.values()) if chosen is None else people.get(chosen, 0)
    by_language = ", ".join(f"{LANGUAGES[each]}: {people.get(each, 0)}" for each in LANGUAGES)
    return say(locale, "broadcast.question", count=total, languages=by_language)


def question_buttons(locale: str, broadcast_id: int, chosen: str | None) -> Buttons:
    whom = {"all": say(locale, "broadcast.everybody"), **LANGUAGES}
    filters = tuple(
        Button(f"• {name}" if each == (chosen or "all") else name, f"{BROADCAST}for:{broadcast_id}:{each}")
        for each, name in whom.items()
    )
    send = Button(say(locale, "button.broadcast_send"), f"{BROADCAST}send:{broadcast_id}")
    discard = Button(say(locale, "button.broadcast_discard"), f"{BROADCAST}discard:{broadcast_id}")
    return (filters, (send,), (discard,))


def standing(locale: str, status: str, tally: Tally) -> str:
    values = {"sent": tally.sent, "blocked": tally.blocked, "failed": tally.failed, "left": tally.left}
    if status == "done":
        return say(locale, "broadcast.done", **values)
    if status == "stopped":
        return say(locale, "broadcast.stopped", **values)
    return say(locale, "broadcast.going", **values)


def stop_button(locale: str, broadcast_id: int) -> Buttons:
    return ((Button(say(locale, "button.broadcast_stop"), f"{BROADCAST}stop:{broadcast_id}"),),)


async def tell_all(database: Database) -> None:
    """Periodic care: whoever sends a broadcast sees how far it is, in one message; and one that is over ends."""
    async with database.transaction() as connection:
        found = await broadcasts.going(connection)
    for each in found:
        await _tell(database, each)


async def _tell(database: Database, broadcast: Broadcast) -> None:
    async with database.transaction() as connection:
        tally = await broadcasts.tally(connection, broadcast)
        over = "stopped" if broadcast.status == "stopping" else "done"
        status = broadcast.status if tally.left else over
        if status == broadcast.status and vars(tally) == broadcast.told:
            return
        edit = await broadcasts.tell(connection, broadcast, tally, status)
        language = await wallet_payments.language(connection, broadcast.admin_id)
        if edit is None or language is None or broadcast.message_id is None:
            return
        locale = locale_for(*language)
        buttons = stop_button(locale, broadcast.id) if status == "running" else ()
        message = ChatEdit(broadcast.message_id, standing(locale, status, tally), buttons)
        await send_to_chat(connection, broadcast.admin_id, [message], key=f"broadcast:{broadcast.id}:told:{edit}")
