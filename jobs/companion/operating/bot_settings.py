"""What an operator may set about the bot: who operates it from a chat, and how much a person may ask for at a time."""

from pydantic import Field, field_validator

from jobs.settings import SettingsGroup


class BotSettings(SettingsGroup):
    """`TELEGRAM_ADMINS=123,456`: ids of people, as /start shows them in Telegram's own tools."""

    telegram_admins: str = ""
    # at a time, of one person: work of any sort, pictures, and messages that no answer has read yet
    chat_open_jobs: int = Field(default=8, ge=1, le=1000)
    chat_open_pictures: int = Field(default=3, ge=1, le=1000)
    chat_waiting_messages: int = Field(default=20, ge=1, le=10_000)
    # characters; Telegram's own limit is 4096
    chat_longest_message: int = Field(default=4096, ge=1, le=32_000)

    @field_validator("telegram_admins")
    @classmethod
    def are_ids(cls, admins: str) -> str:
        for each in admins.replace(",", " ").split():
            if not each.isascii() or not each.isdigit() or len(each) > 18:
                raise ValueError("it reads 123456789,987654321: the numbers of people, not their @names")
        return admins

    @property
    def admins(self) -> frozenset[int]:
        return frozenset(int(each) for each in self.telegram_admins.replace(",", " ").split())
