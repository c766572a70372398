"""Finds the handler of an update. The order of the routers is the order in which they are asked."""

from typing import Any

from aiogram import Bot, Dispatcher
from aiogram.dispatcher.event.bases import UNHANDLED
from aiogram.methods import TelegramMethod

from jobs.companion.wallet.accounts import Wallet
from webhook import filters
from webhook.handlers import balance, blocking, dialogue, generate, payments, start, terms, unknown
from webhook.visit import Visit


class Dispatch:
    def __init__(self, token: str, wallet: Wallet) -> None:
        # never used to call Telegram: a door talks to Postgres and to nobody else
        self.bot = Bot(token)
        self.dispatcher = Dispatcher(disable_fsm=True)
        self.dispatcher.message.filter(filters.private)
        self.dispatcher.my_chat_member.filter(filters.private)
        self.dispatcher["wallet"] = wallet
        # payments come before start, which would take `/start buy` for the name of a persona
        for module in (payments, balance, terms, start, generate, dialogue, blocking, unknown):
            self.dispatcher.include_router(module.router())

    async def handle(self, update: dict[str, Any], visit: Visit) -> dict[str, Any] | None:
        """The call that Telegram shall make on our behalf when it reads our answer, if any. Raises what handlers do."""
        answer = await self.dispatcher.feed_raw_update(self.bot, update, visit=visit)
        if answer is UNHANDLED or not isinstance(answer, TelegramMethod):
            return None
        return {"method": answer.__api_method__, **answer.model_dump(mode="json", exclude_none=True)}
