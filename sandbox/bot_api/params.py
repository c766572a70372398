"""What did a bot pass to a method, whichever way it was encoded?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.bot_api.errors import bad_request
from sandbox.bot_api.wire import Wire


def parsed_json(source: str | bytes, refusal: str) -> Any:
    """JSON can spell halves of characters, which no text may contain."""
    try:
        found = json.loads(source)
    except ValueError as problem:
        raise bad_request(refusal) from problem
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except UnicodeEncodeError as problem:
        raise bad_request("strings must be encoded in UTF-8") from problem
    return found


@dataclass(frozen=True)
class Upload:
    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Params:
    """Telegram reads every parameter leniently: a number may be a string, an object may be a JSON text."""

    values: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        return self.text(name) != ""

    def text(self, name: str) -> str:
        value = self.values.get(name)
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        return value if isinstance(value, str) else json.dumps(value)

    def required_text(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise bad_request(f'parameter "{name}" is required')
        return value

    def integer(self, name: str, default: int = 0) -> int:
        try:
            return int(self.text(name))
        except ValueError:
            return default

    def integers(self, name: str, what: str) -> list[int]:
        found = self.json_array(name, what) or []
        if not all(isinstance(number, int | str) and str(number).lstrip("-").isdecimal() for number in found):
            raise bad_request(f"can't parse {what}: Expected an Array of Number")
        return [int(number) for number in found]

    def flag(self, name: str) -> bool:
        return self.text(name).lower() in {"true", "yes", "1"}

    def json(self, name: str, what: str) -> Any:
        """The parsed value, or None where the parameter is absent."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value:
            return None
        return parsed_json(value, f"can't parse {what} JSON object")

    def json_object(self, name: str, what: str) -> Wire | None:
        value = self.json(name, what)
        if value is not None and not isinstance(value, dict):
            raise bad_request(f"object expected as {what}")
        return value

    def json_array(self, name: str, what: str) -> list[Any] | None:
        value = self.json(name, what)
        if value is not None and not isinstance(value, list):
            raise bad_request(f"can't parse {what}: Expected an Array")
        return value

    def summary(self) -> Wire:
        """For the call log: uploads are named and measured, not kept."""
        uploads = {
            name: {"filename": upload.filename, "size": len(upload.content)} for name, upload in self.files.items()
        }
        return {**self.values, **uploads}
