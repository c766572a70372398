"""sendChatAction, sendMessageDraft: what shows that an answer is on its way?"""

from typing import Any

from sandbox.bot_api.bot import Bot
from sandbox.bot_api.chats import ChatAction, Draft
from sandbox.bot_api.errors import bad_request
from sandbox.bot_api.params import Params
from sandbox.bot_api.posting import writable_chat
from sandbox.bot_api.text_params import TEXT_LIMIT, text_of
from sandbox.bot_api.wire import now

ACTIONS = {
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "record_audio",
    "upload_audio",
    "upload_document",
    "choose_sticker",
    "pick_up_location",
    "find_location",
    "record_video_note",
    "upload_video_note",
    "cancel",
}


async def send_chat_action(bot: Bot, params: Params) -> Any:
    action = params.text("action").lower()
    if action not in ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat = writable_chat(bot, params)
    chat.action = None if action == "cancel" else ChatAction(action, now() + bot.options.action_seconds)
    shown = chat.action.view() if chat.action else {"action": None, "expires_in": 0}
    bot.publish("action", chat, shown)
    return True


async def send_message_draft(bot: Bot, params: Params) -> Any:
    """A draft that the user has stopped is not shown again; the bot learns of it through its update."""
    text = text_of(params)
    if len(text.text) > TEXT_LIMIT:
        raise bad_request("message is too long")
    draft_id = params.integer("draft_id")
    if draft_id == 0:
        raise bad_request("draft_id must be non-zero")
    chat = writable_chat(bot, params)
    if draft_id in chat.stopped_drafts:
        return True
    expires = now() + bot.options.draft_seconds
    chat.draft = Draft(draft_id, text, params.flag("can_stop"), params.flag("keep_on_stop"), expires)
    bot.publish("draft", chat, chat.draft.view())
    return True
