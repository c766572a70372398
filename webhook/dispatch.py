"""Finds the handler of an update. The order of the modules is the order in which their handlers are asked."""

from typing import Any

from aiogram import Bot, Dispatcher
from aiogram.dispatcher.event.bases import UNHANDLED
from aiogram.filters import ExceptionTypeFilter
from aiogram.methods import TelegramMethod
from aiogram.types import ErrorEvent

from jobs.companion.operating.bot_settings import BotSettings
from jobs.companion.wallet.accounts import Wallet
from webhook import filters
from webhook.handlers import (
    admin,
    age,
    analysis_buttons,
    analyze,
    balance,
    blocking,
    broadcast,
    closed,
    deletion,
    dialogue,
    generate,
    original,
    payments,
    personas,
    photo,
    picture_cancel,
    regenerate,
    settings,
    start,
    stopping,
    suspended,
    terms,
    unanswered,
    unknown,
)
from webhook.refusals import REFUSALS
from webhook.silent_session import SilentSession
from webhook.visit import Visit


class Dispatch:
    def __init__(self, token: str, wallet: Wallet, rules: BotSettings) -> None:
        self.bot = Bot(token, session=SilentSession())
        self.dispatcher = Dispatcher(disable_fsm=True)
        self.dispatcher.message.filter(filters.private)
        self.dispatcher.my_chat_member.filter(filters.private)
        self.dispatcher.stopped_message_generation.filter(filters.private)
        self.dispatcher["wallet"] = wallet
        self.dispatcher["rules"] = rules
        self.dispatcher.errors.register(_keep_refusal, ExceptionTypeFilter(*REFUSALS))
        # payments come before start, which would take `/start buy` for the name of a persona
        first, pictures = (payments, balance, terms, suspended, start), (generate, photo, original, picture_cancel)
        # what is written while documents are collected is said to nobody
        analysing = (analyze, analysis_buttons)
        talking = (age, personas, regenerate, unanswered, dialogue)
        # who is turned away is so before anything else; admins never are
        operating, own = (closed, admin, broadcast), (settings, deletion)
        for module in (*operating, *own, *first, *pictures, *analysing, *talking, blocking, stopping, unknown):
            # all in one router: aiogram makes thirty observers for each, used or not
            module.register(self.dispatcher)

    async def handle(self, update: dict[str, Any], visit: Visit) -> dict[str, Any] | None:
        """The call that Telegram shall make on our behalf when it reads our answer, if any. Raises what handlers do."""
        answer = await self.dispatcher.feed_raw_update(self.bot, update, visit=visit)
        if visit.refusal is not None:
            raise visit.refusal
        if answer is UNHANDLED or not isinstance(answer, TelegramMethod):
            return None
        return {"method": answer.__api_method__, **answer.model_dump(mode="json", exclude_none=True)}


async def _keep_refusal(event: ErrorEvent, visit: Visit) -> None:
    """aiogram logs what it lets through as a failure of ours, with its whole way; and a refusal is none."""
    visit.refusal = event.exception
