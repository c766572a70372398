"""Which text do the parameters of a call describe, and is it too long?"""

from sandbox.bot_api.errors import bad_request
from sandbox.bot_api.formatted_text import FormattedText, finished
from sandbox.bot_api.html_text import parse_html
from sandbox.bot_api.markdown_text import parse_markdown, parse_markdown_v2
from sandbox.bot_api.params import Params
from sandbox.bot_api.wire import Wire

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024


def formatted(source: str, parse_mode: str, entities: list[Wire] | None) -> FormattedText:
    match parse_mode.lower():
        case "html":
            text, found = parse_html(source)
        case "markdownv2":
            text, found = parse_markdown_v2(source)
        case "markdown":
            text, found = parse_markdown(source)
        case "" | "none":
            text, found = source, [checked_entity(entity) for entity in entities or []]
        case _:
            raise bad_request("unsupported parse_mode")
    return finished(text, found)


def checked_entity(entity: object) -> Wire:
    if not isinstance(entity, dict) or not isinstance(entity.get("type"), str):
        raise bad_request("can't parse MessageEntity: expected an Object with a type")
    if not isinstance(entity.get("offset"), int) or not isinstance(entity.get("length"), int):
        raise bad_request("can't parse MessageEntity: offset and length must be of type Number")
    return entity


def text_of(params: Params, name: str = "text", *, entities: str = "entities") -> FormattedText:
    given = params.json_array(entities, "entities") if entities else None
    return formatted(params.text(name), params.text("parse_mode"), given)


def message_text(params: Params, too_long: str = "message is too long") -> FormattedText:
    text = text_of(params)
    if not text.text:
        raise bad_request("message text is empty")
    if len(text.text) > TEXT_LIMIT:
        raise bad_request(too_long)
    return text


def caption_of(params: Params) -> FormattedText:
    return checked_caption(text_of(params, "caption", entities="caption_entities"))


def checked_caption(caption: FormattedText) -> FormattedText:
    if len(caption.text) > CAPTION_LIMIT:
        raise bad_request("message caption is too long")
    return caption
