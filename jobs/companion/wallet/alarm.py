"""Payments that nobody can explain are told to the bot's admins."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.companion.messages.outbox import ChatText, send_to_chat
from jobs.companion.wording import locale_for, say
from jobs.db.people import wallet_payments

MOST_NAMED = 20


async def alarm(
    admins: Iterable[int], connection: AsyncConnection, unexplained: Sequence[str], drifted: Sequence[int]
) -> None:
    """The same finding once a day. Who has never written to the bot cannot be told."""
    found = [*unexplained, *map(str, drifted)]
    for admin in sorted(admins):
        language = await wallet_payments.language(connection, admin)
        if language is not None:
            words = _words(locale_for(*language), unexplained, drifted)
            key = f"stars:alarm:{datetime.now(UTC):%Y-%m-%d}:{found[0]}:{len(found)}:{admin}"
            await send_to_chat(connection, admin, [ChatText(words)], key=key)


def _words(locale: str, unexplained: Sequence[str], drifted: Sequence[int]) -> str:
    lines = [say(locale, "alarm.title")]
    if unexplained:
        charges = "\n".join(unexplained[:MOST_NAMED])
        lines.append(say(locale, "alarm.unexplained", count=len(unexplained), charges=charges))
    if drifted:
        accounts = ", ".join(map(str, drifted[:MOST_NAMED]))
        lines.append(say(locale, "alarm.drifted", count=len(drifted), accounts=accounts))
    return "\n\n".join(lines)
