"""What an operator sets about a provider that takes jobs over HTTP: LIVE3D_…

Live3D itself offers no public API, so nothing here leads to it: address and key are empty. What is preset is the shape
that such services often have: an order, a number, a state with the address of a picture.
"""

import json
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from jobs.errors import Misconfigured
from jobs.providers.json_pointer import is_pointer
from jobs.providers.json_template import names_in
from jobs.settings import SettingsGroup

LOOKED = frozenset({"key", "model", "id"})
SUBMITTED = frozenset(
    {"key", "model", "prompt", "negative_prompt", "seed", "width", "height", "order_id", "callback_url"}
)
# what may stand in braces
KNOWN = {
    "live3d_headers": frozenset({"key", "model"}),
    "live3d_submit": SUBMITTED,
    "live3d_body": SUBMITTED,
    "live3d_look": LOOKED,
    "live3d_cancel": LOOKED,
}
BODY = (
    '{"model_id": "{model}", "prompt": "{prompt}", "negative_prompt": "{negative_prompt}", "seed": "{seed}",'
    ' "width": "{width}", "height": "{height}"}'
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Live3dSettings(SettingsGroup):
    """`…_submit`, `…_look` and `…_cancel` read `METHOD /path`, below the base address; the places are JSON pointers."""

    live3d_base_url: str = ""
    live3d_api_key: SecretStr = SecretStr("")
    live3d_model: str = ""
    live3d_headers: str = '{"Authorization": "Bearer {key}"}'
    live3d_submit: str = "POST /api/v1/generation/generate"
    live3d_body: str = BODY
    live3d_look: str = "GET /api/v1/generation/check_generate_state?ai_art_id={id}"
    live3d_cancel: str = ""
    live3d_id_at: str = "/data/id"
    live3d_status_at: str = "/data/status"
    live3d_done: str = "1"
    live3d_failed: str = "3"
    live3d_picture_at: str = "/data/url"
    live3d_error_at: str = "/msg"
    live3d_picture_hosts: str = ""
    live3d_look_seconds: float = Field(default=5, ge=1, le=600)
    live3d_overdue_seconds: float = Field(default=300, ge=1, le=86400)
    live3d_timeout: float = Field(default=1800, ge=1, le=86400)

    @field_validator("live3d_base_url")
    @classmethod
    def is_an_address(cls, address: str) -> str:
        if address and not (urlsplit(address).hostname and address.startswith(("http://", "https://"))):
            raise ValueError("an address reads https://host")
        return address.rstrip("/")

    @field_validator("live3d_api_key")
    @classmethod
    def fits_into_a_header(cls, key: SecretStr) -> SecretStr:
        if not key.get_secret_value().isascii():
            raise ValueError("a key is made of plain letters, digits and signs")
        return key

    @field_validator("live3d_headers", "live3d_body")
    @classmethod
    def is_json(cls, text: str) -> str:
        if not isinstance(_json(text), dict):
            raise ValueError("it is a JSON object, in one line")
        return text

    @field_validator("live3d_id_at", "live3d_status_at", "live3d_picture_at", "live3d_error_at")
    @classmethod
    def is_a_pointer(cls, pointer: str) -> str:
        if not is_pointer(pointer):
            raise ValueError("a JSON pointer reads /data/url/0")
        return pointer

    @field_validator("live3d_submit", "live3d_look", "live3d_cancel")
    @classmethod
    def is_a_step(cls, step: str) -> str:
        method, _, path = step.partition(" ")
        if step and (method not in METHODS or not path.startswith("/")):
            raise ValueError("it reads METHOD /path, such as POST /orders")
        return step

    @field_validator(*KNOWN)
    @classmethod
    def names_are_known(cls, text: str, field: ValidationInfo) -> str:
        known = KNOWN[field.field_name or ""]
        if unknown := names_in(text) - known:
            raise ValueError(f"it has {{{min(unknown)}}}, which is none of {', '.join(sorted(known))}")
        return text

    def address(self) -> str:
        """Raises Misconfigured when there is none."""
        if not self.live3d_base_url:
            raise Misconfigured(
                "LIVE3D_BASE_URL is not set. Live3D has no public API: put the address of a service there that takes"
                " jobs over HTTP, and describe it with the other LIVE3D_… settings."
            )
        return self.live3d_base_url


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
