"""What an operator may set about content; the built-in rules are not among it."""

from typing import Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from jobs.db.people.blocks import KEPT_DAYS, Limit
from jobs.settings import SettingsGroup

ModeratorName = Literal["none", "openai", "ollama", "http"]

ADDRESSES = {"openai": "https://api.openai.com/v1", "ollama": "http://localhost:11434"}
MODELS = {"openai": "omni-moderation-latest", "ollama": "llama-guard3:1b"}


class SafetySettings(SettingsGroup):
    """`moderator_allow`: categories that may pass, with commas between them, by the moderator's own names."""

    moderator: ModeratorName = "none"
    moderator_url: str = ""
    moderator_model: str = ""
    moderator_key: SecretStr = SecretStr("")
    moderator_timeout: float = Field(default=30, gt=0, le=600)
    # what happens while it cannot be asked; beside an adult persona the job always waits
    moderator_when_down: Literal["open", "closed"] = "open"
    moderator_allow: str = ""
    suspend_after_blocks: int = Field(default=5, ge=0)
    suspend_window: float = Field(default=7 * 86400, gt=0, le=KEPT_DAYS * 86400)

    @field_validator("moderator_key")
    @classmethod
    def fits_into_a_header(cls, key: SecretStr) -> SecretStr:
        if not key.get_secret_value().isascii():
            raise ValueError("a key is made of plain letters, digits and signs")
        return key

    @field_validator("moderator_url")
    @classmethod
    def is_an_address(cls, address: str) -> str:
        if address and not address.startswith(("http://", "https://")):
            raise ValueError("an address reads https://host, with the path behind it that .env.example shows")
        return address

    @model_validator(mode="after")
    def has_an_address(self) -> "SafetySettings":
        if self.moderator == "http" and not self.moderator_url:
            raise ValueError("MODERATOR=http needs MODERATOR_URL, the address to post to")
        return self

    @property
    def limit(self) -> Limit:
        return Limit(self.suspend_after_blocks, self.suspend_window)

    @property
    def address(self) -> str:
        return self.moderator_url or ADDRESSES.get(self.moderator, "")

    @property
    def model(self) -> str:
        return self.moderator_model or MODELS.get(self.moderator, "")

    @property
    def allowed(self) -> frozenset[str]:
        return frozenset(each.strip().lower() for each in self.moderator_allow.split(",") if each.strip())
