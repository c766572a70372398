"""How fast an operator lets the bot write."""

from pydantic import Field

from jobs.db.chats.chat_pace import Pace
from jobs.settings import SettingsGroup

# what may go at once after a pause, as a share of a second: Telegram's own reckoning must not run out before ours
BURST_SECONDS = 2 / 3
CHAT_BURST_SECONDS = 4


class PaceSettings(SettingsGroup):
    """What Telegram asks of bots; a bot that pays for more, or has a Bot API server of its own, may do more."""

    telegram_messages_per_second: float = Field(default=30, ge=1, le=10_000)
    telegram_chat_messages_per_second: float = Field(default=1, ge=0.1, le=10_000)

    def pace(self) -> Pace:
        rate, chat_rate = self.telegram_messages_per_second, self.telegram_chat_messages_per_second
        return Pace(rate, max(1.0, rate * BURST_SECONDS), chat_rate, max(1.0, chat_rate * CHAT_BURST_SECONDS))
