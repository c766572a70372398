"""setWebhook, deleteWebhook, getWebhookInfo, getUpdates: how does the bot want its updates?"""

import re
from typing import Any
from urllib.parse import urlsplit

from sandbox.bot_api.bot import Bot
from sandbox.bot_api.errors import bad_request, conflict
from sandbox.bot_api.params import Params
from sandbox.bot_api.updates import Update
from sandbox.bot_api.webhook_delivery import WebhookSettings
from sandbox.bot_api.wire import without_none

SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
DEFAULT_CONNECTIONS, MOST_CONNECTIONS = 40, 100
LONGEST_POLL = 50


class Described:
    """A result that comes with a description, as only the webhook methods give it."""

    def __init__(self, result: Any, description: str) -> None:
        self.result = result
        self.description = description


async def set_webhook(bot: Bot, params: Params) -> Any:
    """Telegram wants HTTPS and a public address; here any http or https address will do."""
    url = params.text("url")
    if not url:
        return await delete_webhook(bot, params)
    settings = WebhookSettings(
        url=checked_url(url),
        secret_token=checked_secret(params.text("secret_token")),
        max_connections=min(max(params.integer("max_connections", DEFAULT_CONNECTIONS), 1), MOST_CONNECTIONS),
        ip_address=params.text("ip_address") or None,
    )
    change_allowed_updates(bot, params)
    if params.flag("drop_pending_updates"):
        bot.outbox.drop_all()
    if bot.delivery is not None and bot.delivery.settings == settings:
        return Described(True, "Webhook is already set")
    bot.poll_number += 1
    await bot.set_webhook(settings)
    return Described(True, "Webhook was set")


async def delete_webhook(bot: Bot, params: Params) -> Any:
    if params.flag("drop_pending_updates"):
        bot.outbox.drop_all()
    if bot.delivery is None:
        return Described(True, "Webhook is already deleted")
    await bot.set_webhook(None)
    return Described(True, "Webhook was deleted")


async def get_webhook_info(bot: Bot, params: Params) -> Any:
    pending = len(bot.outbox.waiting())
    if bot.delivery is None:
        return {"url": "", "has_custom_certificate": False, "pending_update_count": pending}
    settings, error = bot.delivery.settings, bot.delivery.last_error
    return without_none(
        url=settings.url,
        has_custom_certificate=False,
        pending_update_count=pending,
        ip_address=settings.ip_address,
        last_error_date=int(error.at) if error else None,
        last_error_message=error.message if error else None,
        max_connections=settings.max_connections,
        allowed_updates=bot.outbox.allowed or None,
    )


async def get_updates(bot: Bot, params: Params) -> Any:
    """A second call ends the first one with a conflict, as Telegram does for two running copies of a bot."""
    if bot.delivery is not None:
        raise conflict(
            "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
        )
    change_allowed_updates(bot, params)
    confirm(bot, params.integer("offset"))
    bot.poll_number += 1
    number = bot.poll_number
    bot.events.publish("poll", {"number": number}, bot_id=bot.bot_id)
    limit = min(max(params.integer("limit", 100), 1), 100)

    def look() -> list[Update] | None:
        if bot.poll_number != number:
            return []
        return bot.outbox.waiting()[:limit] or None

    timeout = min(max(params.integer("timeout"), 0), LONGEST_POLL)
    found = await bot.events.wait_for(look, timeout)
    if bot.delivery is not None:
        raise conflict("terminated by setWebhook request")
    if bot.poll_number != number:
        raise conflict("terminated by other getUpdates request; make sure that only one bot instance is running")
    return [update.wire() for update in found or []]


def confirm(bot: Bot, offset: int) -> None:
    """Whatever lies before the offset has been received; a negative one counts from the end."""
    waiting = bot.outbox.waiting()
    done = waiting[:offset] if offset < 0 else [update for update in waiting if update.update_id < offset]
    for update in done:
        bot.outbox.settle(update, "delivered")


def change_allowed_updates(bot: Bot, params: Params) -> None:
    """Left out means: as before."""
    allowed = params.json_array("allowed_updates", "allowed_updates")
    if allowed is not None:
        bot.outbox.allowed = [str(kind) for kind in allowed]


def checked_url(url: str) -> str:
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        host = parts.hostname
    except ValueError:
        raise bad_request("invalid webhook URL specified") from None
    if parts.scheme not in {"http", "https"}:
        raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
    if not host:
        raise bad_request("invalid webhook URL specified")
    return parts.geturl()


def checked_secret(secret: str) -> str:
    if len(secret) > 256:
        raise bad_request("secret token is too long")
    if secret and SECRET.fullmatch(secret) is None:
        raise bad_request("secret token contains unallowed characters")
    return secret
