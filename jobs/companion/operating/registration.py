"""What the bot asks Telegram to post, how many posts at once, and what Telegram shows of the bot."""

from collections.abc import Iterator
from typing import Any

from jobs.companion.wording import READS_RUSSIAN, say

# what webhook/handlers listen to; a test holds the two together
ALLOWED_UPDATES = ["message", "callback_query", "pre_checkout_query", "my_chat_member", "stopped_message_generation"]

# as many as the webhook app has database connections
MAX_CONNECTIONS = 20

WEBHOOK_PATH = "/telegram/webhook"

# everything that people may ask for, in the order in which it is shown; the texts say what each does
COMMANDS = (
    "start", "personas", "new", "generate", "draw", "analyze", "balance", "buy", "settings", "help", "terms",
    "paysupport", "delete_me",
)  # fmt: skip


def profile() -> Iterator[tuple[str, dict[str, Any]]]:
    """What Telegram shows of the bot, as calls of the Bot API: for everybody, and for the languages of our readers."""
    for language in ("", *sorted(READS_RUSSIAN)):
        locale = "ru" if language else "en"
        shown = [{"command": name, "description": say(locale, f"command.{name}")} for name in COMMANDS]
        yield "setMyCommands", {"commands": shown, "language_code": language}
        yield "setMyDescription", {"description": say(locale, "bot.description"), "language_code": language}
        short = say(locale, "bot.short_description")
        yield "setMyShortDescription", {"short_description": short, "language_code": language}
