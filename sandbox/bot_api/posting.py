"""How does a message of the bot come into a chat, and which chats may it write to?"""

from dataclasses import dataclass, field

from sandbox.bot_api.bot import Bot
from sandbox.bot_api.chats import Chat
from sandbox.bot_api.errors import bad_request, forbidden
from sandbox.bot_api.messages import Body, Message
from sandbox.bot_api.params import Params
from sandbox.bot_api.reply_markup import reply_markup_of
from sandbox.bot_api.wire import Wire, now


@dataclass(frozen=True)
class SendOptions:
    """What every sending method takes beside its content."""

    markup: Wire | None = None
    reply_to: int | None = None
    reply_may_miss: bool = False
    extras: Wire = field(default_factory=dict)


def known_chat(bot: Bot, params: Params) -> Chat:
    """The private chat that `chat_id` names, blocked or not."""
    given = params.text("chat_id")
    if not given:
        raise bad_request("chat_id is empty")
    chat = bot.chats.get(params.integer("chat_id"))
    if chat is None or not chat.started:
        raise bad_request("chat not found")
    return chat


def writable_chat(bot: Bot, params: Params) -> Chat:
    chat = known_chat(bot, params)
    if chat.blocked:
        raise forbidden("bot was blocked by the user")
    return chat


def send_options(params: Params) -> SendOptions:
    reply = Params(params.json_object("reply_parameters", "reply parameters") or {})
    extras: Wire = {}
    if params.flag("protect_content"):
        extras["has_protected_content"] = True
    if params.has("message_effect_id"):
        extras["effect_id"] = params.text("message_effect_id")
    return SendOptions(
        markup=reply_markup_of(params),
        reply_to=reply.integer("message_id") or params.integer("reply_to_message_id") or None,
        reply_may_miss=reply.flag("allow_sending_without_reply") or params.flag("allow_sending_without_reply"),
        extras=extras,
    )


def reply_target(chat: Chat, options: SendOptions) -> int | None:
    if options.reply_to is None or chat.message(options.reply_to) is not None:
        return options.reply_to
    if options.reply_may_miss:
        return None
    raise bad_request("message to be replied not found")


def post(bot: Bot, chat: Chat, body: Body, options: SendOptions) -> Message:
    """Stores the bot's message; it ends the shown action and draft and may change the reply keyboard."""
    message = Message(
        message_id=bot.next_message_id(),
        from_bot=True,
        received_at=now(),
        body=body,
        markup=options.markup,
        reply_to=reply_target(chat, options),
        extras=options.extras,
    )
    chat.messages[message.message_id] = message
    chat.action = chat.draft = None
    bot.publish_message("message", chat, message)
    change_reply_keyboard(bot, chat, options.markup)
    return message


def change_reply_keyboard(bot: Bot, chat: Chat, markup: Wire | None) -> None:
    if markup is None or "inline_keyboard" in markup:
        return
    chat.reply_keyboard = None if markup.get("remove_keyboard") else markup
    bot.publish("reply_keyboard", chat, {"reply_keyboard": chat.reply_keyboard})


def post_from_user(bot: Bot, chat: Chat, body: Body, *, reply_to: int | None = None) -> Message:
    """Stores what the user (or the payment system in the user's name) wrote and makes an update of it."""
    message = Message(bot.next_message_id(), from_bot=False, received_at=now(), body=body, reply_to=reply_to)
    chat.messages[message.message_id] = message
    chat.started = True
    add_message_update(bot, chat, message, "message")
    bot.publish_message("message", chat, message)
    return message


def add_message_update(bot: Bot, chat: Chat, message: Message, kind: str) -> None:
    lifetime = bot.options.message_lifetime
    update = bot.add_update(kind, chat.wire(message), chat, queue=f"chat:{chat.chat_id}", lifetime=lifetime)
    if update is not None:
        bot.update_of_message[message.message_id] = update
