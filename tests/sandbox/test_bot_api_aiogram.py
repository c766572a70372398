"""aiogram's own client works against the sandbox, and its models accept every update that it emits."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import TelegramBadRequest, TelegramForbiddenError, TelegramNetworkError, TelegramRetryAfter
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    LabeledPrice,
    Message,
    Update,
)
from PIL import Image

from sandbox.bot_api.rehearsal import TOKEN, Stage, rehearsal

KEYBOARD = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Go", callback_data="go")]])


@asynccontextmanager
async def aiogram_bot(stage: Stage) -> AsyncIterator[Bot]:
    session = AiohttpSession(api=TelegramAPIServer.from_base(stage.running.url))
    bot = Bot(TOKEN, session=session)
    try:
        yield bot
    finally:
        await session.close()


def picture() -> BufferedInputFile:
    output = io.BytesIO()
    Image.new("RGB", (400, 300), "teal").save(output, "PNG")
    return BufferedInputFile(output.getvalue(), "a.png")


async def test_aiogram_talks_to_the_sandbox() -> None:
    async with rehearsal() as stage, aiogram_bot(stage) as bot:
        user = await stage.user()
        assert (await bot.get_me()).id == 1000
        sent = await bot.send_message(user, "<b>x</b>", parse_mode="HTML", reply_markup=KEYBOARD)
        edited = await bot.edit_message_text("y", chat_id=user, message_id=sent.message_id, reply_markup=KEYBOARD)
        photo = await bot.send_photo(user, picture(), caption="sea")
        assert photo.photo is not None
        again = await bot.send_photo(user, photo.photo[-1].file_id)
        changed = await bot.edit_message_media(
            InputMediaPhoto(media=picture()), chat_id=user, message_id=photo.message_id
        )
        downloaded = await bot.download(photo.photo[-1].file_id)
        query = await stage.control("POST", f"users/{user}/callbacks", message_id=sent.message_id, data="go")
        assert await bot.answer_callback_query(query["callback_query_id"], text="ok") is True
        assert await bot.send_chat_action(user, "typing") is True
        assert await bot.send_message_draft(user, draft_id=1, text="x", can_stop=True) is True
        assert await bot.set_webhook(stage.webhook.url, secret_token="s", allowed_updates=["message"]) is True
        assert (await bot.get_webhook_info()).url == stage.webhook.url
        assert await bot.delete_webhook() is True
        assert await bot.set_my_commands([BotCommand(command="a", description="b")]) is True
        assert [command.command for command in await bot.get_my_commands()] == ["a"]
        price = [LabeledPrice(label="x", amount=5)]
        invoice = await bot.send_invoice(user, "t", "d", payload="p", currency="XTR", prices=price, provider_token="")
        assert (await bot.get_star_transactions()).transactions == []
        assert (await bot.get_chat(user)).id == user
    assert sent.entities is not None
    assert sent.entities[0].type == "bold"
    assert isinstance(edited, Message)
    assert edited.text == "y"
    assert again.photo == photo.photo
    assert isinstance(changed, Message)
    assert changed.photo != photo.photo
    assert downloaded is not None
    assert Image.open(downloaded).size == (400, 300)
    assert invoice.invoice is not None
    assert invoice.invoice.total_amount == 5


async def test_aiogram_sees_the_right_errors() -> None:
    async with rehearsal() as stage, aiogram_bot(stage) as bot:
        user = await stage.user()
        with pytest.raises(TelegramBadRequest, match="chat not found"):
            await bot.send_message(5, "x")
        await stage.control("POST", "faults", kind="too_many_requests", retry_after=3)
        with pytest.raises(TelegramRetryAfter) as wait:
            await bot.send_message(user, "x")
        assert wait.value.retry_after == 3
        await stage.control("POST", "faults", kind="drop_after")
        with pytest.raises(TelegramNetworkError):
            await bot.send_message(user, "delivered all the same")
        await stage.control("POST", f"users/{user}/block")
        with pytest.raises(TelegramForbiddenError, match="blocked"):
            await bot.send_message(user, "x")
        assert [message["text"] for message in await stage.bot_messages(user)] == ["delivered all the same"]


async def test_aiogram_accepts_every_update() -> None:
    async with rehearsal() as stage, aiogram_bot(stage) as bot:
        user = await stage.user(last_name="K", username="anna")
        own = await stage.says(user, "/start https://e.org")
        await stage.control("PATCH", f"users/{user}/messages/{own['message_id']}", text="edited")
        sent = await bot.send_message(user, "x", reply_markup=KEYBOARD)
        await stage.control("POST", f"users/{user}/callbacks", message_id=sent.message_id, data="go")
        await bot.send_message_draft(user, draft_id=3, text="x", can_stop=True)
        await stage.control("POST", f"users/{user}/drafts/3/stop")
        price = [LabeledPrice(label="x", amount=5)]
        bill = await bot.send_invoice(user, "t", "d", payload="p", currency="XTR", prices=price)
        checkout = await stage.control("POST", f"users/{user}/payments", message_id=bill.message_id)
        await bot.answer_pre_checkout_query(checkout["pre_checkout_query_id"], ok=True)
        transactions = (await bot.get_star_transactions()).transactions
        await bot.refund_star_payment(user, transactions[0].id)
        file = {"file": ("a.png", picture().data, "image/png")}
        for photo in ("true", "false"):
            await stage.http.post(f"/sandbox/users/{user}/files", data={"photo": photo}, files=file)
        await stage.control("POST", f"users/{user}/block")
        await stage.control("POST", f"users/{user}/unblock")
        updates = await stage.call("getUpdates")
        refunds = (await bot.get_star_transactions()).transactions
    kinds = {Update.model_validate(update).event_type for update in updates}
    assert kinds == {
        "message",
        "edited_message",
        "callback_query",
        "stopped_message_generation",
        "pre_checkout_query",
        "my_chat_member",
    }
    assert len(refunds) == 2
