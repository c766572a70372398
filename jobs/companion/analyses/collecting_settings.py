"""What an operator may set about the documents that people send to the bot."""

from pydantic import Field

from jobs.settings import SettingsGroup


class CollectingSettings(SettingsGroup):
    """`chat_collecting_hours`: for so long the bot waits for more files, or for the word to compare them."""

    chat_collecting_hours: float = Field(default=6, gt=0, le=168)
