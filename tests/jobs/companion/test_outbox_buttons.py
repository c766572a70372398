"""Buttons below a message, and invoices: as the Bot API takes them."""

from typing import Any

from jobs.companion.messages.outbox import Button, ChatInvoice, ChatText, Message, send_to_chat
from jobs.companion.wallet.wording import invoice, pack_buttons
from jobs.db.session import Database
from jobs.settings import MOST_MONEY, MOST_STARS, StarsPack
from sandbox.bot_api.rehearsal import rehearsal
from tests.factories import rows

BUTTONS = ((Button("Yes", "yes"), Button("No", "no")), (Button("Later", "later"),))
KEYBOARD = {
    "inline_keyboard": [
        [{"text": "Yes", "callback_data": "yes"}, {"text": "No", "callback_data": "no"}],
        [{"text": "Later", "callback_data": "later"}],
    ]
}


async def planned(database: Database, *messages: Message) -> list[dict[str, Any]]:
    async with database.transaction() as connection:
        await send_to_chat(connection, 7, messages, key="test")
    return [row["payload"] for row in await rows(database, "SELECT payload FROM deliveries ORDER BY id")]


async def test_buttons_are_below_the_last_part(database: Database) -> None:
    first, last = await planned(database, ChatText("a" * 4000 + "\n\n" + "b" * 500, BUTTONS))
    assert "reply_markup" not in first
    assert last["reply_markup"] == KEYBOARD


async def test_telegram_takes_what_is_planned(database: Database) -> None:
    payloads = await planned(database, ChatText("Well?", BUTTONS), ChatInvoice("Diamonds: 60", "For pictures", "p", 50))
    async with rehearsal() as stage:
        user = await stage.user()
        for payload in payloads:
            await stage.call(payload.pop("method"), chat_id=user, **payload)
        question, bill = await stage.bot_messages(user)
    assert question["reply_markup"] == KEYBOARD
    assert (bill["invoice"]["currency"], bill["invoice"]["total_amount"]) == ("XTR", 50)


async def test_the_largest_pack_fits_into_a_button_and_an_invoice(database: Database) -> None:
    packs = [StarsPack(MOST_STARS, MOST_MONEY - 1, unit) for unit in ("energy", "diamonds")]
    messages: list[Message] = [invoice(locale, pack, "x" * 36) for pack in packs for locale in ("en", "ru")]
    messages.append(ChatText("Choose", pack_buttons("ru", packs)))
    async with rehearsal() as stage:
        user = await stage.user()
        for payload in await planned(database, *messages):
            await stage.call(payload.pop("method"), chat_id=user, **payload)
        assert len(await stage.bot_messages(user)) == 5
