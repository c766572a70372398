"""getMe, logOut, close, getChat: who is who."""

from typing import Any

from sandbox.bot_api.bot import Bot
from sandbox.bot_api.params import Params
from sandbox.bot_api.posting import known_chat


async def get_me(bot: Bot, params: Params) -> Any:
    return {
        **bot.wire(),
        "can_join_groups": False,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
        "has_topics_enabled": False,
    }


async def get_chat(bot: Bot, params: Params) -> Any:
    return {
        **known_chat(bot, params).user.chat_wire(),
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": {
            "unlimited_gifts": False,
            "limited_gifts": False,
            "unique_gifts": False,
            "premium_subscription": False,
            "gifts_from_channels": False,
        },
    }


async def accept(bot: Bot, params: Params) -> Any:
    """logOut and close change nothing here."""
    return True
