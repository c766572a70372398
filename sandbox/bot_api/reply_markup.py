"""Which keyboards does Telegram accept under a message?"""

from typing import Any

from sandbox.bot_api.errors import bad_request
from sandbox.bot_api.params import Params
from sandbox.bot_api.wire import Wire

CALLBACK_DATA_LIMIT = 64
BUTTON_LIMIT = 100
BUTTON_ACTIONS = (
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
    "disabled",
)
URL_PREFIXES = ("http://", "https://", "tg://")


def reply_markup_of(params: Params) -> Wire | None:
    """Any keyboard, checked: inline, reply, removal of a reply keyboard, forced reply."""
    markup = params.json_object("reply_markup", "reply markup")
    if not markup:
        return None
    if "inline_keyboard" in markup:
        return checked_inline(markup)
    if "keyboard" in markup:
        return {**markup, "keyboard": reply_rows(markup["keyboard"])}
    if markup.get("remove_keyboard") or markup.get("force_reply"):
        return markup
    return None


def inline_markup_of(params: Params) -> Wire | None:
    """Edits take inline keyboards only. An empty one means none."""
    markup = params.json_object("reply_markup", "reply markup")
    if not markup:
        return None
    if "inline_keyboard" not in markup:
        raise bad_request("inline keyboard expected")
    return checked_inline(markup)


def checked_inline(markup: Wire) -> Wire | None:
    rows = [
        [checked_button(button) for button in row] for row in rows_of(markup["inline_keyboard"], "InlineKeyboardButton")
    ]
    rows = [row for row in rows if row]
    if sum(len(row) for row in rows) > BUTTON_LIMIT:
        raise bad_request("reply markup is too long")
    return {"inline_keyboard": rows} if rows else None


def rows_of(keyboard: Any, of_what: str) -> list[list[Any]]:
    if not isinstance(keyboard, list) or not all(isinstance(row, list) for row in keyboard):
        raise bad_request(f"can't parse reply markup: field of type Array of Array of {of_what} expected")
    return keyboard


def checked_button(button: Any) -> Wire:
    if not isinstance(button, dict):
        raise bad_request("can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    if not isinstance(button.get("text"), str) or not button["text"].strip():
        raise bad_request("can't parse inline keyboard button: Can't find field \"text\"")
    given = {name: value for name, value in button.items() if value is not None}
    if not any(action in given for action in BUTTON_ACTIONS):
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if "callback_data" in given and not 1 <= len(str(given["callback_data"]).encode()) <= CALLBACK_DATA_LIMIT:
        raise bad_request("BUTTON_DATA_INVALID")
    if "url" in given and not str(given["url"]).startswith(URL_PREFIXES):
        raise bad_request(f"inline keyboard button URL '{given['url']}' is invalid: Wrong HTTP URL")
    return given


def reply_rows(keyboard: Any) -> list[list[Wire]]:
    return [[reply_button(button) for button in row] for row in rows_of(keyboard, "KeyboardButton")]


def reply_button(button: Any) -> Wire:
    if isinstance(button, str):
        return {"text": button}
    if not isinstance(button, dict) or not isinstance(button.get("text"), str):
        raise bad_request("can't parse keyboard button: KeyboardButton must be a String or an Object")
    return button


def button_with_data(markup: Wire | None, data: str) -> Wire | None:
    """The button of an inline keyboard that carries this callback data."""
    buttons = (button for row in (markup or {}).get("inline_keyboard", []) for button in row)
    return next((button for button in buttons if button.get("callback_data") == data), None)
