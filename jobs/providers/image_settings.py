"""What an operator sets about remote providers of pictures. Which of them draw, and in which order: IMAGE_PROVIDERS."""

import json
from typing import Any

from pydantic import Field, SecretStr, field_validator

from jobs.errors import Misconfigured
from jobs.providers.json_template import names_in
from jobs.settings import SettingsGroup

INPUT_NAMES = {"prompt", "negative_prompt", "seed", "width", "height", "aspect_ratio"}
# what most models call what they take
USUAL_INPUT = {name: f"{{{name}}}" for name in ("prompt", "negative_prompt", "seed", "width", "height")}
# it stops whatever takes longer by itself
LONGEST_DRAWING = 1800


class ReplicateSettings(SettingsGroup):
    """`REPLICATE_INPUT` is what the model takes, with {names} to fill; empty, what most of them take."""

    replicate_api_token: SecretStr = SecretStr("")
    replicate_model: str = Field(default="", pattern=r"^([\w.-]+/[\w.-]+(:[0-9a-f]{64})?|[0-9a-f]{64})?$")
    replicate_base_url: str = Field(default="https://api.replicate.com", pattern=r"^https?://[^/?#\s]+")
    replicate_input: str = ""
    replicate_timeout: int = Field(default=600, ge=5, le=LONGEST_DRAWING)

    @field_validator("replicate_input")
    @classmethod
    def takes_a_prompt(cls, text: str) -> str:
        if not text:
            return text
        try:
            template = json.loads(text)
        except ValueError:
            raise ValueError('it is JSON such as {"prompt": "{prompt}"}') from None
        names = names_in(template)
        if not isinstance(template, dict) or "prompt" not in names or not names <= INPUT_NAMES:
            raise ValueError(f"it is an object that names {{prompt}}; there are {', '.join(sorted(INPUT_NAMES))}")
        return text

    @property
    def input_template(self) -> dict[str, Any]:
        return dict(json.loads(self.replicate_input)) if self.replicate_input else dict(USUAL_INPUT)

    def token(self) -> str:
        """Raises Misconfigured when there is none, or no model."""
        token = self.replicate_api_token.get_secret_value()
        if not token:
            raise Misconfigured("REPLICATE_API_TOKEN is not set. Put it into the environment or into .env.")
        if not token.isascii() or any(sign.isspace() for sign in token):
            raise Misconfigured("REPLICATE_API_TOKEN is not valid: a token is made of plain letters, digits and signs.")
        if not self.replicate_model:
            raise Misconfigured("REPLICATE_MODEL is not set. It reads owner/name, or owner/name:version.")
        return token
