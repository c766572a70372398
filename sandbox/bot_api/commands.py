"""Which commands and descriptions has a bot set, and which does a user see?"""

import json
import re

from sandbox.bot_api.errors import bad_request
from sandbox.bot_api.users import User
from sandbox.bot_api.wire import Wire

COMMAND = re.compile(r"[a-z0-9_]{1,32}")
COMMAND_LIMIT, DESCRIPTION_LIMIT = 100, 256
TEXT_LIMITS = {"name": 64, "description": 512, "short_description": 120}


class Profile:
    """Commands are kept per scope and language, texts per language; "" is the language of everybody else."""

    def __init__(self) -> None:
        self.commands: dict[tuple[str, str], list[Wire]] = {}
        self.texts: dict[tuple[str, str], str] = {}

    def set_commands(self, scope: Wire | None, language: str, commands: list[Wire]) -> None:
        self.commands[scope_key(scope), language] = [checked_command(command) for command in commands]

    def commands_of(self, scope: Wire | None, language: str) -> list[Wire]:
        return self.commands.get((scope_key(scope), language), [])

    def delete_commands(self, scope: Wire | None, language: str) -> None:
        self.commands.pop((scope_key(scope), language), None)

    def commands_for(self, user: User) -> list[Wire]:
        """The narrowest scope wins, and within it the user's language."""
        scopes: tuple[Wire, ...] = (
            {"type": "chat", "chat_id": user.user_id},
            {"type": "all_private_chats"},
            {"type": "default"},
        )
        for scope in scopes:
            for language in (user.language_code[:2], ""):
                if found := self.commands_of(scope, language):
                    return found
        return []

    def set_text(self, name: str, language: str, text: str) -> None:
        if len(text) > TEXT_LIMITS[name]:
            raise bad_request(f"BOT_{name.upper()}_TOO_LONG")
        self.texts[name, language] = text

    def text(self, name: str, language: str) -> str:
        return self.texts.get((name, language)) or self.texts.get((name, ""), "")


def scope_key(scope: Wire | None) -> str:
    return json.dumps(scope or {"type": "default"}, sort_keys=True)


def checked_command(command: object) -> Wire:
    if not isinstance(command, dict):
        raise bad_request("can't parse BotCommand: expected an Object")
    name, description = str(command.get("command", "")).removeprefix("/"), str(command.get("description", ""))
    if COMMAND.fullmatch(name) is None:
        raise bad_request("BOT_COMMAND_INVALID")
    if not 1 <= len(description) <= DESCRIPTION_LIMIT:
        raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return {"command": name, "description": description}
