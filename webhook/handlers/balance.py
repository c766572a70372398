"""/balance: what a person has, what it pays for, and what went in and out last."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message

from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wallet.shortage import InsufficientFunds
from jobs.companion.wallet.statement import statement
from jobs.companion.wallet.wording import shortage_message
from webhook.visit import Visit


async def balance(message: Message, visit: Visit, wallet: Wallet) -> None:
    del message
    await visit.send([await statement(visit.connection, wallet, visit.user.user_id, visit.locale)])


async def tell_shortage(visit: Visit, wallet: Wallet, short: InsufficientFunds) -> None:
    """For every handler that submits: what it costs, what is missing, and buttons to get it."""
    await visit.send([shortage_message(visit.locale, wallet, short)])


def register(routes: Router) -> None:
    routes.message.register(balance, Command("balance", ignore_mention=True))
