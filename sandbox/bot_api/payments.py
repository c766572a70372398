"""Who pays for what: checkouts that wait for the bot's consent, and charges in Stars."""

import secrets
from dataclasses import dataclass

from sandbox.bot_api.messages import InvoiceBody
from sandbox.bot_api.users import User
from sandbox.bot_api.wire import Wire, now, without_none

STARS = "XTR"


@dataclass
class Checkout:
    """`status`: waiting, paid, declined (the bot said no) or timed_out (it said nothing in time)."""

    query_id: str
    user: User
    message_id: int
    invoice: InvoiceBody
    started_at: float
    status: str = "waiting"
    error_message: str | None = None
    charge_id: str | None = None

    def query_wire(self) -> Wire:
        return {
            "id": self.query_id,
            "from": self.user.wire(),
            "currency": self.invoice.currency,
            "total_amount": self.invoice.total_amount,
            "invoice_payload": self.invoice.payload,
        }

    def view(self) -> Wire:
        return without_none(
            pre_checkout_query_id=self.query_id,
            message_id=self.message_id,
            status=self.status,
            error_message=self.error_message,
            telegram_payment_charge_id=self.charge_id,
        )


@dataclass
class Charge:
    charge_id: str
    user: User
    invoice: InvoiceBody
    paid_at: float
    refunded_at: float | None = None

    def payment_wire(self) -> Wire:
        return {
            "currency": self.invoice.currency,
            "total_amount": self.invoice.total_amount,
            "invoice_payload": self.invoice.payload,
            "telegram_payment_charge_id": self.charge_id,
            "provider_payment_charge_id": f"{self.user.user_id}_{len(self.charge_id)}",
        }

    def transactions(self) -> list[Wire]:
        """The payment as income and, where it was refunded, the refund as expense with the same id."""
        partner = {
            "type": "user",
            "transaction_type": "invoice_payment",
            "user": self.user.wire(),
            "invoice_payload": self.invoice.payload,
        }
        shared = {"id": self.charge_id, "amount": self.invoice.total_amount}
        found = [{**shared, "date": int(self.paid_at), "source": partner}]
        if self.refunded_at is not None:
            found.append({**shared, "date": int(self.refunded_at), "receiver": partner})
        return found


class Payments:
    def __init__(self) -> None:
        self.checkouts: dict[str, Checkout] = {}
        self.charges: dict[str, Charge] = {}

    def start(self, user: User, message_id: int, invoice: InvoiceBody) -> Checkout:
        checkout = Checkout(str(secrets.randbits(62)), user, message_id, invoice, now())
        self.checkouts[checkout.query_id] = checkout
        return checkout

    def charge(self, checkout: Checkout) -> Charge:
        charge = Charge("stx" + secrets.token_urlsafe(32), checkout.user, checkout.invoice, now())
        self.charges[charge.charge_id] = charge
        checkout.status, checkout.charge_id = "paid", charge.charge_id
        return charge

    def transactions(self) -> list[Wire]:
        """In the order in which they happened, which is how Telegram lists them."""
        found = [transaction for charge in self.charges.values() for transaction in charge.transactions()]
        return sorted(found, key=lambda transaction: int(transaction["date"]))
