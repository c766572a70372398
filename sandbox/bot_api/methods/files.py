"""getFile: where can the bot download what it knows by its file_id?"""

from typing import Any

from sandbox.bot_api.bot import Bot
from sandbox.bot_api.errors import bad_request
from sandbox.bot_api.files import DOWNLOAD_LIMIT
from sandbox.bot_api.params import Params


async def get_file(bot: Bot, params: Params) -> Any:
    stored = bot.files.by_id.get(params.text("file_id"))
    if stored is None:
        raise bad_request("invalid file_id")
    if len(stored.content) > DOWNLOAD_LIMIT:
        raise bad_request("file is too big")
    return {
        "file_id": stored.file_id,
        "file_unique_id": stored.file_unique_id,
        "file_size": len(stored.content),
        "file_path": stored.path,
    }
