"""sendMessage, sendPhoto, sendDocument, sendMediaGroup."""

import secrets
from dataclasses import replace
from typing import Any

from sandbox.bot_api.bot import Bot
from sandbox.bot_api.chats import Chat
from sandbox.bot_api.errors import bad_request
from sandbox.bot_api.incoming_files import document_of, input_media, photo_of
from sandbox.bot_api.messages import DocumentBody, PhotoBody, TextBody
from sandbox.bot_api.params import Params
from sandbox.bot_api.posting import SendOptions, post, reply_target, send_options, writable_chat
from sandbox.bot_api.text_params import caption_of, message_text

ALBUM = range(2, 11)


def allowed_chat(bot: Bot, params: Params, options: SendOptions) -> Chat:
    """Checked before a file is taken in: a refused message leaves nothing behind."""
    chat = writable_chat(bot, params)
    reply_target(chat, options)
    return chat


async def send_message(bot: Bot, params: Params) -> Any:
    body = TextBody(message_text(params), params.json_object("link_preview_options", "link preview options"))
    options = send_options(params)
    chat = writable_chat(bot, params)
    return chat.wire(post(bot, chat, body, options))


async def send_photo(bot: Bot, params: Params) -> Any:
    caption, options = caption_of(params), send_options(params)
    chat = allowed_chat(bot, params, options)
    body = PhotoBody(
        await photo_of(bot, params, "photo"),
        caption,
        spoiler=params.flag("has_spoiler"),
        caption_above=params.flag("show_caption_above_media"),
    )
    return chat.wire(post(bot, chat, body, options))


async def send_document(bot: Bot, params: Params) -> Any:
    caption, options = caption_of(params), send_options(params)
    chat = allowed_chat(bot, params, options)
    body = DocumentBody(await document_of(bot, params, "document"), caption)
    return chat.wire(post(bot, chat, body, options))


async def send_media_group(bot: Bot, params: Params) -> Any:
    """All items are checked and stored before the first one is posted: an album arrives whole or not at all."""
    media = params.json_array("media", "media")
    if not media or len(media) not in ALBUM:
        raise bad_request("the number of media in an album must be from 2 to 10")
    options = send_options(params)
    chat = allowed_chat(bot, params, options)
    bodies = [await input_media(bot, params, item) for item in media]
    if len({type(body) for body in bodies}) > 1:
        raise bad_request("can't use the media of the specified type in the album")
    group = {"media_group_id": str(secrets.randbits(53))}
    album = replace(options, markup=None, extras={**options.extras, **group})
    return [chat.wire(post(bot, chat, body, album)) for body in bodies]
