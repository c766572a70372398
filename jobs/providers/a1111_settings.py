"""What an operator sets about a local A1111 or Forge: LOCAL_IMAGE_…"""

from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from jobs.errors import Misconfigured
from jobs.settings import SettingsGroup


class LocalImageSettings(SettingsGroup):
    """The address may carry `user:password@`. What is not set is left to the server."""

    local_image_url: SecretStr = SecretStr("")
    local_image_model: str = ""
    local_image_steps: int | None = Field(default=None, ge=1, le=150)
    local_image_cfg: float | None = Field(default=None, ge=0, le=30)
    local_image_sampler: str = ""
    local_image_scheduler: str = ""
    local_image_timeout: float = Field(default=600, gt=0, le=1800)

    @field_validator("local_image_url")
    @classmethod
    def is_an_address(cls, address: SecretStr) -> SecretStr:
        text = address.get_secret_value()
        try:
            host = urlsplit(text).hostname
        except ValueError:
            host = None
        if text and not (host and text.startswith(("http://", "https://"))):
            raise ValueError("an address reads http://host:7860, or http://user:password@host:7860")
        return address

    def address(self) -> str:
        """Raises Misconfigured when there is none."""
        if not (address := self.local_image_url.get_secret_value()):
            raise Misconfigured(
                "LOCAL_IMAGE_URL is not set. It is the address of an A1111 or a Forge that was started with --api."
            )
        return address

    @property
    def options(self) -> dict[str, Any]:
        """As txt2img calls them."""
        options = {
            "steps": self.local_image_steps, "cfg_scale": self.local_image_cfg,
            "sampler_name": self.local_image_sampler, "scheduler": self.local_image_scheduler,
        }  # fmt: skip
        return {name: value for name, value in options.items() if value not in (None, "")}
