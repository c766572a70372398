"""What people and the bot said in earlier runs: kept when the chat page stops, there again when it starts."""

import pickle
from pathlib import Path
from typing import Any

from sandbox.bot_api.bot import Bot
from sandbox.bot_api.sandbox import Sandbox


class ChatArchive:
    """One file. A version of the sandbox that cannot read it begins with empty chats and keeps the old file aside."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def keep(self, sandbox: Sandbox) -> None:
        bots = {bot.bot_id: _kept(bot) for bot in sandbox.bots.values()}
        unfinished = self.file.with_suffix(".new")
        unfinished.write_bytes(pickle.dumps({"users": sandbox.users.by_id, "bots": bots}))
        unfinished.replace(self.file)

    def restore(self, sandbox: Sandbox) -> bool:
        """Whether there was something to restore. Call it before the sandbox is used."""
        if not self.file.exists():
            return False
        try:
            kept = pickle.loads(self.file.read_bytes())  # noqa: S301 - our own file, in the demo's own folder
            _put_back(sandbox, kept)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the demo must start
            aside = self.file.replace(self.file.with_suffix(".unreadable"))
            print(f"The chats of earlier runs cannot be read ({error!r}); they are in {aside}.", flush=True)
            return False
        return True


def _kept(bot: Bot) -> dict[str, Any]:
    return {
        "chats": bot.chats, "files": bot.files, "profile": bot.profile, "last_message_id": bot.last_message_id,
        "next_update_id": bot.outbox.next_id,
    }  # fmt: skip


def _put_back(sandbox: Sandbox, kept: dict[str, Any]) -> None:
    sandbox.users.by_id.update(kept["users"])
    for bot_id, state in kept["bots"].items():
        if bot := sandbox.bots.get(bot_id):
            bot.chats = state["chats"]
            bot.files = state["files"]
            bot.profile = state["profile"]
            bot.last_message_id = state["last_message_id"]
            bot.outbox.next_id = state["next_update_id"]
