"""Where does a file of a call come from: a field of the form, attach://, a file_id or an address?"""

import asyncio
from typing import Any

import httpx

from sandbox.bot_api.bot import Bot
from sandbox.bot_api.errors import BotApiError, bad_request
from sandbox.bot_api.files import DOCUMENT_LIMIT, Photo, StoredFile, check_photo_size, render_sizes
from sandbox.bot_api.formatted_text import FormattedText
from sandbox.bot_api.messages import DocumentBody, PhotoBody
from sandbox.bot_api.params import Params, Upload
from sandbox.bot_api.text_params import checked_caption, formatted
from sandbox.bot_api.wire import Wire

FETCH_SECONDS = 20
FETCH_LIMIT = 20 * 1024 * 1024


async def photo_of(bot: Bot, params: Params, name: str) -> Photo:
    return await photo_from(bot, params, params.files.get(name) or params.text(name))


async def document_of(bot: Bot, params: Params, name: str) -> StoredFile:
    return await document_from(bot, params, params.files.get(name) or params.text(name))


async def photo_from(bot: Bot, params: Params, source: Upload | str) -> Photo:
    if not source:
        raise bad_request("there is no photo in the request")
    upload = await uploaded(params, source)
    if isinstance(upload, str):
        return bot.files.photo(upload)
    check_photo_size(len(upload.content))
    return bot.files.add_photo(upload, await asyncio.to_thread(render_sizes, upload.content))


async def document_from(bot: Bot, params: Params, source: Upload | str) -> StoredFile:
    if not source:
        raise bad_request("there is no document in the request")
    upload = await uploaded(params, source)
    if isinstance(upload, str):
        return bot.files.find(upload, "document")
    if not upload.content:
        raise bad_request("file must be non-empty")
    if len(upload.content) > DOCUMENT_LIMIT:
        raise BotApiError(413, "Request Entity Too Large")
    return bot.files.add_document(upload)


async def uploaded(params: Params, source: Upload | str) -> Upload | str:
    """The bytes, or the file_id where that was given."""
    if isinstance(source, Upload):
        return source
    if source.startswith("attach://"):
        attached = params.files.get(source.removeprefix("attach://"))
        if attached is None:
            raise bad_request("invalid file HTTP URL specified: attached file is not found")
        return attached
    if source.startswith(("http://", "https://")):
        return await fetched(source)
    return source


async def fetched(url: str) -> Upload:
    try:
        async with httpx.AsyncClient(timeout=FETCH_SECONDS, trust_env=False, follow_redirects=True) as client:
            response = (await client.get(url)).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        raise bad_request("failed to get HTTP URL content") from problem
    if len(response.content) > FETCH_LIMIT:
        raise bad_request("failed to get HTTP URL content")
    name = response.url.path.rpartition("/")[2] or "file"
    return Upload(name, response.headers.get("Content-Type", ""), response.content)


async def input_media(bot: Bot, params: Params, media: Any) -> PhotoBody | DocumentBody:
    """An InputMediaPhoto or InputMediaDocument."""
    if not isinstance(media, dict):
        raise bad_request("can't parse InputMedia: expected an Object")
    source = str(media.get("media") or "")
    caption = checked_caption(caption_in(media))
    match media.get("type"):
        case "photo":
            return PhotoBody(
                await photo_from(bot, params, source),
                caption,
                spoiler=bool(media.get("has_spoiler")),
                caption_above=bool(media.get("show_caption_above_media")),
            )
        case "document":
            return DocumentBody(await document_from(bot, params, source), caption)
    raise bad_request(f"the sandbox takes media of type photo and document, not {media.get('type')!r}")


def caption_in(media: Wire) -> FormattedText:
    entities = media.get("caption_entities")
    if entities is not None and not isinstance(entities, list):
        raise bad_request("can't parse caption entities: Expected an Array")
    return formatted(str(media.get("caption") or ""), str(media.get("parse_mode") or ""), entities)
