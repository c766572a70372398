"""/terms and /paysupport, which Telegram expects of every bot that sells something."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message

from jobs.companion.messages.outbox import ChatText
from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wording import say
from jobs.db.people import wallet_payments
from webhook.visit import Visit

PAYMENTS_SHOWN = 5


async def terms(message: Message, visit: Visit, wallet: Wallet) -> None:
    del message
    words = say(visit.locale, "terms")
    url = wallet.economy.terms_url
    link = f"\n\n{say(visit.locale, 'terms.link', url=url)}" if url else ""
    await visit.send([ChatText(words + link)])


async def payment_support(message: Message, visit: Visit, wallet: Wallet) -> None:
    del message
    contact = wallet.economy.payments_contact
    words = say(visit.locale, "paysupport.contact", contact=contact) if contact else ""
    words = words or say(visit.locale, "paysupport.no_contact")
    payments = await wallet_payments.payments_of(visit.connection, visit.user.user_id, PAYMENTS_SHOWN)
    numbers = "\n".join(f"{each.paid_at:%d.%m.%Y}  ⭐ {each.stars}  {each.charge_id}" for each in payments)
    shown = f"\n\n{say(visit.locale, 'paysupport.numbers', numbers=numbers)}" if numbers else ""
    await visit.send([ChatText(words + shown)])


def register(routes: Router) -> None:
    routes.message.register(terms, Command("terms", ignore_mention=True))
    routes.message.register(payment_support, Command("paysupport", ignore_mention=True))
