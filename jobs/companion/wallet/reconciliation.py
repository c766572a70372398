"""Each night: is everything that people paid, by Telegram's own list, credited; and what was refunded, taken back?"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import STARS, ChatText, send_to_chat
from jobs.companion.wallet import payments
from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wallet.payments import Paid
from jobs.companion.wallet.wording import credited_sentence, taken_back_sentence
from jobs.companion.wording import locale_for
from jobs.db.people import wallet as ledger
from jobs.db.people import wallet_payments as rows
from jobs.db.session import Database
from jobs.errors import TemporaryError

log = structlog.get_logger()

PAGE = 100
# Telegram's moments and ours are not the same to the second
MARGIN = timedelta(minutes=5)


class CallsTelegram(Protocol):
    async def call(self, method: str, **fields: Any) -> dict[str, Any]: ...


# charge ids, and accounts, that a person has to look at; told in the transaction that notes them
Alarm = Callable[[AsyncConnection, Sequence[str], Sequence[int]], Awaitable[None]]


async def nobody(connection: AsyncConnection, unexplained: Sequence[str], drifted: Sequence[int]) -> None:
    """Findings are read from the log."""
    del connection, unexplained, drifted


@dataclass
class Findings:
    """`unexplained`: charge ids that one side does not know, or that were paid for nothing; for a person to look at.

    `drifted`: accounts whose balance is not the sum of their entries.
    """

    compared: int = 0
    credited: list[str] = field(default_factory=list)
    taken_back: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    drifted: list[int] = field(default_factory=list)


async def reconcile(database: Database, wallet: Wallet, telegram: CallsTelegram, alarm: Alarm = nobody) -> Findings:
    """Repairs what it finds and tells the people concerned. A run that was cut off is simply repeated.

    Raises TemporaryError when Telegram refuses, and what the client raises when it does not answer.
    """
    findings = Findings()
    async with database.transaction() as connection:
        # the last page once more: what came while it was read last time
        begin = findings.compared = max(0, await rows.compared(connection) - PAGE)
    seen: list[str] = []
    since: datetime | None = None if begin else datetime.fromtimestamp(0, UTC)
    async for page in _pages(telegram, begin):
        for transaction in page:
            since = since or _moment(transaction) + MARGIN
            seen.append(str(transaction.get("id")))
            async with database.transaction() as connection:
                await _compare(connection, wallet, transaction, findings, alarm)
        findings.compared += len(page)
    await _conclude(database, findings, seen, since, alarm)
    return findings


async def _pages(telegram: CallsTelegram, begin: int) -> AsyncIterator[list[dict[str, Any]]]:
    while True:
        answer = await telegram.call("getStarTransactions", offset=begin, limit=PAGE)
        if not answer.get("ok"):
            wait = (answer.get("parameters") or {}).get("retry_after")
            raise TemporaryError(f"Telegram refuses getStarTransactions: {answer.get('description')}", retry_in=wait)
        page = answer["result"]["transactions"]
        if not page:
            return
        yield page
        begin += len(page)


async def _compare(
    connection: AsyncConnection, wallet: Wallet, transaction: dict[str, Any], findings: Findings, alarm: Alarm
) -> None:
    """Income from a person is a payment, an expense to a person the refund of one; the rest is not about the wallet."""
    charge_id, stars = str(transaction["id"]), int(transaction["amount"])
    source, receiver = _person(transaction.get("source")), _person(transaction.get("receiver"))
    if source:
        user_id, payload = int(source["user"]["id"]), str(source.get("invoice_payload", ""))
        paid = Paid(charge_id, user_id, STARS, stars, payload, _moment(transaction))
        credited = await payments.credit(connection, wallet, paid)
        if credited:
            (findings.credited if credited.money else findings.unexplained).append(charge_id)
            if credited.money is None:
                await alarm(connection, [charge_id], [])
            await _tell(connection, user_id, f"stars:paid:{charge_id}", credited_sentence, credited, stars, charge_id)
    elif receiver:
        user_id = int(receiver["user"]["id"])
        taken = await payments.take_back(connection, wallet, charge_id, user_id, stars)
        if taken:
            findings.taken_back.append(charge_id)
            await _tell(connection, user_id, f"stars:refunded:{charge_id}", taken_back_sentence, taken, stars)


def _person(partner: dict[str, Any] | None) -> dict[str, Any] | None:
    """None for what is no payment of an invoice: withdrawals, gifts, paid media."""
    if not partner or partner.get("type") != "user":
        return None
    return partner if partner.get("transaction_type", "invoice_payment") == "invoice_payment" else None


async def _tell(connection: AsyncConnection, user_id: int, key: str, words: Any, *values: object) -> None:
    language = await rows.language(connection, user_id)
    if language:
        await send_to_chat(connection, user_id, [ChatText(words(locale_for(*language), *values))], key=key)


async def _conclude(
    database: Database, findings: Findings, seen: list[str], since: datetime | None, alarm: Alarm
) -> None:
    async with database.transaction() as connection:
        unknown = await rows.unknown_to_telegram(connection, since, seen) if since is not None else []
        findings.unexplained += unknown
        findings.drifted = [user_id for user_id, _ in await ledger.drifts(connection)]
        if unknown or findings.drifted:
            await alarm(connection, unknown, findings.drifted)
        await rows.add_reconciliation(
            connection,
            compared=findings.compared,
            credited=len(findings.credited),
            taken_back=len(findings.taken_back),
            unexplained=len(findings.unexplained) + len(findings.drifted),
        )
        await rows.forget_orders(connection)
    if findings.credited or findings.taken_back:
        log.warning("payments repaired", credited=findings.credited, taken_back=findings.taken_back)
    if findings.unexplained or findings.drifted:
        log.error("payments to look at", charge_ids=findings.unexplained, accounts=findings.drifted)


def _moment(transaction: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(int(transaction["date"]), UTC)
