"""The wallet in words: what there is, what went in and out, what is missing, what can be bought."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from jobs.companion.messages.outbox import Button, Buttons, ChatInvoice, ChatText
from jobs.companion.wallet.accounts import Sum, TakenBack, Wallet
from jobs.companion.wallet.payments import Credited, Objection
from jobs.companion.wallet.shortage import InsufficientFunds
from jobs.companion.wording import say
from jobs.db.people.wallet import Entry
from jobs.settings import StarsPack

SIGNS = {"energy": "⚡", "diamonds": "💎", "energy_owed": "⚡", "diamonds_owed": "💎"}
MINUTES_IN_WORDS = 120


def money(sum_: Sum, *, signed: bool = False) -> str:
    """The same in all languages, and without plurals: 50 💎."""
    amount = f"{sum_.amount:+d}".replace("-", "−") if signed else str(sum_.amount)
    return f"{amount} {SIGNS[sum_.unit]}"


def shortage_message(locale: str, wallet: Wallet, short: InsufficientFunds) -> ChatText:
    """What it costs, what is missing, and buttons to get it."""
    unit = short.price.unit
    values = {
        "price": money(Sum(unit, short.price.amount)),
        "balance": money(Sum(unit, short.balance)),
        "missing": money(Sum(unit, short.missing)),
    }
    if short.seconds is None:
        words = say(locale, "shortage", **values)
    else:
        words = say(locale, "shortage.comes_back", wait=duration(locale, short.seconds), **values)
    packs = [pack for pack in wallet.economy.packs if pack.unit == unit]
    offer = f"\n\n{say(locale, 'shortage.offer')}" if packs else ""
    return ChatText(words + offer, pack_buttons(locale, packs))


def refund_sentence(locale: str, refunded: Sequence[Sum]) -> str:
    """For the end of the message that tells of a failure; empty if nothing came back."""
    return say(locale, "refunded", sum=" + ".join(map(money, refunded))) if refunded else ""


def duration(locale: str, seconds: float) -> str:
    minutes = max(1, math.ceil(seconds / 60))
    if minutes <= MINUTES_IN_WORDS:
        return say(locale, "duration.minutes", minutes=minutes)
    return say(locale, "duration.hours", hours=math.ceil(minutes / 60))


def until(locale: str, moment: datetime) -> str:
    return duration(locale, (moment - datetime.now(UTC)).total_seconds())


def pack_buttons(locale: str, packs: Sequence[StarsPack]) -> Buttons:
    return tuple((Button(_pack(locale, pack), pack_data(pack)),) for pack in packs)


def pack_data(pack: StarsPack) -> str:
    """What the button of a pack says when it is pressed; another price is another button."""
    return f"buy:{pack.stars}:{pack.amount}:{pack.unit}"


def invoice(locale: str, pack: StarsPack, payload: str) -> ChatInvoice:
    if pack.unit == "energy":
        title = say(locale, "invoice.energy", amount=pack.amount)
        return ChatInvoice(title, say(locale, "invoice.energy_use"), payload, pack.stars)
    title = say(locale, "invoice.diamonds", amount=pack.amount)
    return ChatInvoice(title, say(locale, "invoice.diamonds_use"), payload, pack.stars)


def objection_sentence(locale: str, objection: Objection) -> str:
    match objection:
        case "not_yours":
            return say(locale, "checkout.not_yours")
        case "paid":
            return say(locale, "checkout.paid")
        case _:
            return say(locale, "checkout.old")


def credited_sentence(locale: str, credited: Credited, stars: int, charge_id: str) -> str:
    if credited.money is None:
        return say(locale, "payment.unclear", stars=stars, charge_id=charge_id)
    words = say(locale, "payment.credited", sum=money(credited.money))
    if not credited.settled:
        return words
    return f"{words} {say(locale, 'payment.settled', sum=money(Sum(credited.money.unit, credited.settled)))}"


def taken_back_sentence(locale: str, taken: TakenBack, stars: int) -> str:
    words = say(locale, "payment.refunded", stars=stars, sum=money(Sum(taken.unit, taken.taken)))
    if not taken.owed:
        return words
    return f"{words} {say(locale, 'payment.owed', sum=money(Sum(taken.unit, taken.owed)))}"


def entry_line(locale: str, entry: Entry) -> str:
    unit = "energy" if entry.unit == "energy" else "diamonds"
    values = {"date": f"{entry.created_at:%d.%m}", "sum": money(Sum(unit, entry.amount), signed=True)}  # type: ignore[arg-type] # one of two
    match entry.reason, entry.item:
        case "charge", "reply":
            return say(locale, "entry.reply", **values)
        case "charge", "analysis":
            return say(locale, "entry.analysis", **values)
        case "charge", _:
            return say(locale, "entry.picture", **values)
        case "refund", "reply":
            return say(locale, "entry.reply_back", **values)
        case "refund", "analysis":
            return say(locale, "entry.analysis_back", **values)
        case "refund", _:
            return say(locale, "entry.picture_back", **values)
        case "purchase", _:
            return say(locale, "entry.purchase", **values)
        case "payment_refunded", _:
            return say(locale, "entry.payment_refunded", **values)
        case "settlement", _:
            return say(locale, "entry.settlement", **values)
        case _:
            return say(locale, "entry.gift", **values)


def _pack(locale: str, pack: StarsPack) -> str:
    unit = "energy" if pack.unit == "energy" else "diamonds"
    return say(locale, "buy.pack", sum=money(Sum(unit, pack.amount)), stars=pack.stars)  # type: ignore[arg-type] # one of two
