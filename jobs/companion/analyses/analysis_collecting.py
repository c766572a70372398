"""Shows in the chat how a collection of documents is now: in one message, which changes as the collection does.

The message and its changes are deliveries, so that the last word always arrives; what has not left yet is renewed
instead of being followed by another change.
"""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.analyses.analysis_panel import buttons, words
from jobs.companion.messages.chat_messages import Buttons, ChatEdit, ChatText
from jobs.companion.messages.chat_payloads import payloads
from jobs.companion.messages.outbox import ChatDelete, send_to_chat
from jobs.companion.wallet.accounts import Sum, Wallet
from jobs.companion.wallet.wording import money
from jobs.companion.wording import locale_for
from jobs.db.chats import chat_analyses as rows
from jobs.db.chats.chat_analyses import Collection
from jobs.db.chats.chat_message_renewal import renew


async def show_anew(connection: AsyncConnection, found: Collection, wallet: Wallet | None) -> None:
    """At the end of the chat, where the person looks: the message that showed it before goes."""
    now = await rows.change(connection, found.id, panel=found.panel + 1)
    await send_to_chat(connection, found.user_id, [ChatDelete(of=f"{_key(found)}:0")], key=f"{_key(found)}:gone")
    await show_first(connection, now, wallet)


async def show_first(connection: AsyncConnection, found: Collection, wallet: Wallet | None) -> None:
    await send_to_chat(connection, found.user_id, [ChatText(*_shown(found, wallet))], key=_key(found))


async def redraw(connection: AsyncConnection, found: Collection, wallet: Wallet | None) -> None:
    """As it was read while its row was held. `wallet`: None where nothing is offered any more."""
    text, below = _shown(found, wallet)
    await change_message(connection, found, _key(found), text, below)


async def change_message(
    connection: AsyncConnection, found: Collection, key: str, text: str, below: Buttons, *, job_id: UUID | None = None
) -> None:
    """The message that was sent under `key` says this from now on. The row of `found` is held."""
    edit = ChatEdit(f"{key}:0", text, below)
    [payload] = payloads(edit)
    shown: dict[str, object] = {name: value for name, value in payload.items() if name in ("text", "reply_markup")}
    latest = await rows.edits(connection, found.id)
    if await renew(connection, [f"{key}:0", f"{key}:edit{latest}:0"], shown):
        return
    number = await rows.count_edit(connection, found.id)
    await send_to_chat(connection, found.user_id, [edit], key=f"{key}:edit{number}", job_id=job_id)


def price_words(wallet: Wallet) -> str:
    """What a comparison costs; nothing where it is free."""
    price = wallet.price("analysis")
    return money(Sum(price.unit, price.amount)) if price.amount else ""


def _shown(found: Collection, wallet: Wallet | None) -> tuple[str, Buttons]:
    locale = locale_for(found.locale, found.language_code)
    return words(locale, found), buttons(locale, found, price_words(wallet) if wallet else "")


def _key(found: Collection) -> str:
    return f"analysis:{found.id}:{found.panel}"
