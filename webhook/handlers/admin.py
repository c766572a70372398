"""What the bot's operators do from a chat; for anybody else these commands do not exist. Every act is written down."""

import re

from aiogram import Router
from aiogram.filters import Command, CommandObject
from aiogram.types import Message

from jobs.companion.messages.outbox import ChatText, send_to_chat
from jobs.companion.operating.bot_settings import BotSettings
from jobs.companion.operating.statistics import report
from jobs.companion.wallet.accounts import Sum, Wallet
from jobs.companion.wallet.prices import Money
from jobs.companion.wallet.wording import money
from jobs.companion.wording import locale_for, say
from jobs.db.chats import bot_state
from jobs.db.chats.bot_state import Person
from jobs.db.people import wallet_payments
from jobs.kinds.contract import NewJob
from jobs.owners import BOT
from jobs.settings import MOST_MONEY
from webhook import filters
from webhook.visit import CHAT_PRIORITY, Visit

GIFT = re.compile(r"(\S+)\s+([0-9]{1,10})\s+(diamonds|energy)", re.IGNORECASE)


async def explain(message: Message, visit: Visit) -> None:
    del message
    await visit.say("admin.help")


async def stats(message: Message, visit: Visit) -> None:
    del message
    await visit.send([ChatText(await report(visit.connection, visit.locale, visit.intake.lanes))])


async def give(message: Message, command: CommandObject, visit: Visit, wallet: Wallet) -> None:
    del message
    found = GIFT.fullmatch((command.args or "").strip())
    if found is None or not 0 < int(found[2]) <= MOST_MONEY:
        await visit.say("admin.give_usage")
        return
    person = await _person(visit, found[1])
    if person is None:
        return
    unit: Money = "energy" if found[3].lower() == "energy" else "diamonds"
    gift = Sum(unit, int(found[2]))
    await wallet.credit(visit.connection, person.user_id, gift, "gift", visit.occasion)
    await _log(visit, "give", str(person.user_id), amount=gift.amount, unit=unit)
    words = ChatText(say(locale_for(person.locale, person.language_code), "gift.received", sum=money(gift)))
    await send_to_chat(visit.connection, person.user_id, [words], key=f"{visit.occasion}:gift")
    await visit.say("admin.given", sum=money(gift), person=_name(person))


async def refund(message: Message, command: CommandObject, visit: Visit) -> None:
    """Only a worker may call Telegram: it tells what came of it."""
    del message
    words = (command.args or "").split()
    if not words or len(words) > 2 or not all(each.isascii() and each.isdigit() for each in words[1:]):
        await visit.say("admin.refund_usage")
        return
    payment = await wallet_payments.payment(visit.connection, words[0])
    payer = int(words[1]) if len(words) > 1 else payment.user_id if payment else 0
    if payment is None:
        await visit.say("admin.no_payment", charge_id=words[0])
    elif payer < 0:
        await visit.say("admin.nameless_payment", charge_id=words[0])
    else:
        given = {"charge_id": payment.charge_id, "user_id": payer, "locale": visit.locale}
        fields = {"destination": visit.destination, "priority": CHAT_PRIORITY}
        await visit.intake.submit(visit.connection, NewJob("refund_stars", given, BOT, **fields))  # type: ignore[arg-type] # NewJob's own names
        await _log(visit, "refund", payment.charge_id, stars=payment.stars)
        await visit.say("admin.refunding", stars=payment.stars, user=payer)


async def ban(message: Message, command: CommandObject, visit: Visit, rules: BotSettings) -> None:
    del message
    name, _, reason = (command.args or "").strip().partition(" ")
    if not name:
        await visit.say("admin.ban_usage")
        return
    person = await _person(visit, name)
    if person is None:
        return
    if person.user_id in rules.admins:
        await visit.say("admin.not_an_admin")
    elif await bot_state.set_banned(visit.connection, person.user_id, banned=True):
        await _log(visit, "ban", str(person.user_id), reason=reason.strip())
        await visit.say("admin.banned", person=_name(person))
    else:
        await visit.say("admin.banned_before", person=_name(person))


async def unban(message: Message, command: CommandObject, visit: Visit) -> None:
    del message
    name = (command.args or "").strip()
    if not name:
        await visit.say("admin.unban_usage")
        return
    person = await _person(visit, name)
    if person is None:
        return
    if await bot_state.set_banned(visit.connection, person.user_id, banned=False):
        await _log(visit, "unban", str(person.user_id))
        await visit.say("admin.unbanned", person=_name(person))
    else:
        await visit.say("admin.not_banned", person=_name(person))


async def maintain(message: Message, command: CommandObject, visit: Visit) -> None:
    del message
    switch, _, words = (command.args or "").strip().partition(" ")
    if switch.lower() == "on":
        await bot_state.begin_maintenance(visit.connection, words.strip())
        await _log(visit, "maintenance on", words=words.strip())
        await visit.say("admin.maintenance_on", words=words.strip() or say(visit.locale, "closed.maintenance"))
    elif switch.lower() == "off" and await bot_state.end_maintenance(visit.connection):
        await _log(visit, "maintenance off")
        await visit.say("admin.maintenance_off")
    elif switch.lower() == "off":
        await visit.say("admin.no_maintenance")
    else:
        await visit.say("admin.maintenance_usage")


async def _person(visit: Visit, name: str) -> Person | None:
    """None, and that is said, for somebody who has never written to the bot."""
    person = await bot_state.find_person(visit.connection, name)
    if person is None:
        await visit.say("admin.no_person", name=name)
    return person


def _name(person: Person) -> str:
    username = f" @{person.username}" if person.username else ""
    return f"{person.first_name}{username} ({person.user_id})"


async def _log(visit: Visit, act: str, subject: str | None = None, **details: object) -> None:
    await bot_state.log_act(visit.connection, visit.user.user_id, act, subject, **details)


def register(routes: Router) -> None:
    for name, handler in (
        ("admin", explain), ("stats", stats), ("give", give), ("refund", refund), ("ban", ban), ("unban", unban),
        ("maintenance", maintain),
    ):  # fmt: skip
        routes.message.register(handler, filters.admin, Command(name, ignore_mention=True))
