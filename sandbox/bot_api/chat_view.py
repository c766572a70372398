"""How does a chat look from the user's side, all of it at one moment?"""

from sandbox.bot_api.person import Person
from sandbox.bot_api.sandbox import Sandbox
from sandbox.bot_api.wire import Wire


def history(person: Person, after: int = 0, from_bot: bool | None = None) -> list[Wire]:
    """Deleted messages are included, with `deleted_at`."""
    return [
        person.bot.message_view(person.chat, message)
        for message in person.chat.messages.values()
        if message.message_id > after and (from_bot is None or message.from_bot is from_bot)
    ]


def chat_snapshot(sandbox: Sandbox, person: Person) -> Wire:
    """`seq` is the number of the last event that this snapshot contains: follow the stream after it."""
    bot, chat = person.bot, person.chat
    draft, action = chat.current_draft(), chat.current_action()
    language = person.user.language_code[:2]
    return {
        "seq": sandbox.events.last_seq,
        "bot": bot.wire(),
        "user": person.user.wire(),
        "started": chat.started,
        "blocked": chat.blocked,
        "messages": history(person),
        "draft": draft.view() if draft else None,
        "action": action.view() if action else None,
        "reply_keyboard": chat.reply_keyboard,
        "commands": bot.profile.commands_for(person.user),
        "description": bot.profile.text("description", language),
        "short_description": bot.profile.text("short_description", language),
        "undelivered": [
            {"update_id": update.update_id, "error": update.attempts[-1].error if update.attempts else None}
            for update in bot.outbox.waiting()
            if update.user_id == chat.chat_id
        ],
        "webhook": bot.delivery.settings.url if bot.delivery else "",
    }
