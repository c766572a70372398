"""editMessageText, editMessageCaption, editMessageMedia, editMessageReplyMarkup, deleteMessage(s)."""

from dataclasses import replace
from typing import Any

from sandbox.bot_api.bot import Bot
from sandbox.bot_api.chats import Chat
from sandbox.bot_api.errors import bad_request
from sandbox.bot_api.incoming_files import input_media
from sandbox.bot_api.messages import Body, DocumentBody, InvoiceBody, Message, PaymentBody, PhotoBody, TextBody
from sandbox.bot_api.params import Params
from sandbox.bot_api.posting import known_chat, writable_chat
from sandbox.bot_api.reply_markup import inline_markup_of
from sandbox.bot_api.text_params import caption_of, message_text
from sandbox.bot_api.wire import Wire, now

DELETABLE_SECONDS = 48 * 3600
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)


def message_to_edit(bot: Bot, params: Params) -> tuple[Chat, Message]:
    if not params.has("chat_id") and not params.has("message_id"):
        if params.has("inline_message_id"):
            raise bad_request("MESSAGE_ID_INVALID")
        raise bad_request("message identifier is not specified")
    chat = writable_chat(bot, params)
    message = chat.message(params.integer("message_id"))
    if message is None:
        raise bad_request("message to edit not found")
    if not message.from_bot or isinstance(message.body, PaymentBody):
        raise bad_request("message can't be edited")
    return chat, message


def edited(bot: Bot, chat: Chat, message: Message, body: Body, markup: Wire | None) -> Any:
    """Markup that is left out is taken away, as with Telegram."""
    if body.wire() == message.body.wire() and markup == message.inline_markup:
        raise bad_request(NOT_MODIFIED)
    message.replace(body, markup, now())
    bot.publish_message("message_edited", chat, message)
    return chat.wire(message)


async def edit_message_text(bot: Bot, params: Params) -> Any:
    text = message_text(params, too_long="MESSAGE_TOO_LONG")
    markup = inline_markup_of(params)
    chat, message = message_to_edit(bot, params)
    if not isinstance(message.body, TextBody):
        raise bad_request("there is no text in the message to edit")
    body = TextBody(text, params.json_object("link_preview_options", "link preview options"))
    return edited(bot, chat, message, body, markup)


async def edit_message_caption(bot: Bot, params: Params) -> Any:
    caption, markup = caption_of(params), inline_markup_of(params)
    chat, message = message_to_edit(bot, params)
    match message.body:
        case PhotoBody() as photo:
            above = params.flag("show_caption_above_media")
            return edited(bot, chat, message, replace(photo, caption=caption, caption_above=above), markup)
        case DocumentBody() as document:
            return edited(bot, chat, message, replace(document, caption=caption), markup)
    raise bad_request("there is no caption in the message to edit")


async def edit_message_media(bot: Bot, params: Params) -> Any:
    """Media may take the place of a text too; an invoice stays what it is."""
    markup = inline_markup_of(params)
    media = params.json_object("media", "media")
    if media is None:
        raise bad_request("input media is not specified")
    chat, message = message_to_edit(bot, params)
    if isinstance(message.body, InvoiceBody):
        raise bad_request("message can't be edited")
    return edited(bot, chat, message, await input_media(bot, params, media), markup)


async def edit_message_reply_markup(bot: Bot, params: Params) -> Any:
    markup = inline_markup_of(params)
    chat, message = message_to_edit(bot, params)
    return edited(bot, chat, message, message.body, markup)


async def delete_message(bot: Bot, params: Params) -> Any:
    chat = known_chat(bot, params)
    message = chat.message(params.integer("message_id"))
    if message is None:
        raise bad_request("message to delete not found")
    if now() - message.received_at > DELETABLE_SECONDS:
        raise bad_request("message can't be deleted for everyone")
    remove(bot, chat, message)
    return True


async def delete_messages(bot: Bot, params: Params) -> Any:
    """Those that cannot be found are passed over."""
    numbers = params.integers("message_ids", "message identifiers")
    if not 1 <= len(numbers) <= 100:
        raise bad_request("message identifiers are not specified" if not numbers else "too many messages specified")
    chat = known_chat(bot, params)
    for number in numbers:
        if (message := chat.message(number)) is not None:
            remove(bot, chat, message)
    return True


def remove(bot: Bot, chat: Chat, message: Message) -> None:
    message.deleted_at = now()
    bot.publish("message_deleted", chat, {"message_id": message.message_id, "deleted_at": message.deleted_at})
