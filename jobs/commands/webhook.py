"""`postgen webhook set | delete`."""

import httpx

from jobs.companion.registration import ALLOWED_UPDATES, MAX_CONNECTIONS, WEBHOOK_PATH
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
    url, settings = webhook_url(), load(TelegramWebhookSettings)
    return await _call(
        settings,
        "setWebhook",
        f"Telegram posts updates to {url} now.",
        url=url,
        secret_token=settings.telegram_webhook_secret.get_secret_value(),
        allowed_updates=ALLOWED_UPDATES,
        max_connections=MAX_CONNECTIONS,
    )


async def delete() -> bool:
    return await _call(load(TelegramSettings), "deleteWebhook", "Telegram posts nothing any more.")


async def _call(settings: TelegramSettings, method: str, done: str, **fields: object) -> bool:
    async with httpx.AsyncClient(trust_env=False) as client:
        token = settings.telegram_bot_token.get_secret_value()
        telegram = Telegram(client, token=token, api_base=settings.telegram_api_base)
        try:
            answer = await telegram.call(method, **fields)
        except UNANSWERED as error:
            print(f"Telegram cannot be reached at {settings.telegram_api_base} ({type(error).__name__}).")
            return False
    if answer.get("ok"):
        print(done)
        return True
    print(f"Telegram refuses {method}: {answer.get('description', 'no reason given')}")
    return False
