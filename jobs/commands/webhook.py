"""`postgen webhook set | delete`."""

from typing import Any

import httpx

from jobs.companion.operating.registration import ALLOWED_UPDATES, MAX_CONNECTIONS, WEBHOOK_PATH, profile
from jobs.delivery.telegram import UNANSWERED, Telegram
from jobs.errors import Misconfigured
from jobs.settings import PublicSettings, TelegramSettings, TelegramWebhookSettings, load


def webhook_url() -> str:
    """Where Telegram shall post. Raises Misconfigured when PUBLIC_URL is missing."""
    public_url = load(PublicSettings).public_url
    if not public_url:
        raise Misconfigured("PUBLIC_URL is not set. Put the address at which Telegram reaches this server there.")
    return f"{public_url.rstrip('/')}{WEBHOOK_PATH}"


async def register() -> bool:
    """Also what Telegram shows of the bot: its commands and what it is, in the languages of its readers."""
    url, settings = webhook_url(), load(TelegramWebhookSettings)
    hook = {
        "url": url,
        "secret_token": settings.telegram_webhook_secret.get_secret_value(),
        "allowed_updates": ALLOWED_UPDATES,
        "max_connections": MAX_CONNECTIONS,
    }
    if not await _call(settings, ("setWebhook", hook)):
        return False
    print(f"Telegram posts updates to {url} now.")
    if not await _call(settings, *profile()):
        return False
    print("Its commands and its description are in place.")
    return True


async def delete() -> bool:
    if not await _call(load(TelegramSettings), ("deleteWebhook", {})):
        return False
    print("Telegram posts nothing any more.")
    return True


async def _call(settings: TelegramSettings, *calls: tuple[str, dict[str, Any]]) -> bool:
    """One after the other, until one is refused."""
    async with httpx.AsyncClient(trust_env=False) as client:
        token = settings.telegram_bot_token.get_secret_value()
        telegram = Telegram(client, token=token, api_base=settings.telegram_api_base)
        for method, fields in calls:
            try:
                answer = await telegram.call(method, **fields)
            except UNANSWERED as error:
                print(f"Telegram cannot be reached at {settings.telegram_api_base} ({type(error).__name__}).")
                return False
            if not answer.get("ok"):
                print(f"Telegram refuses {method}: {answer.get('description', 'no reason given')}")
                return False
    return True
