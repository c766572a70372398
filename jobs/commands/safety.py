"""`postgen safety blocks`, `suspensions`, `lift OWNER` and `measure`: what content rules did, and what they can do."""

from pathlib import Path

from jobs.commands.database import opened_database
from jobs.commands.tables import show
from jobs.companion.messages.outbox import ChatText, send_to_chat
from jobs.companion.wording import locale_for, say
from jobs.db.people import blocks, wallet_payments
from jobs.errors import NotFound
from jobs.owners import CHAT, is_of_chat
from jobs.safety import labelled

SHOWN_OF_HASH = 12


async def list_blocks(*, owner: str | None, limit: int) -> bool:
    """The newest last, as a log is read."""
    async with opened_database() as database, database.statement() as connection:
        found = await blocks.newest(connection, limit, owner=owner)
    if not found:
        print("Nothing was blocked.")
        return True
    show(
        ("TIME (UTC)", "OWNER", "RULE", "WHERE", "COUNTS", "KIND", "JOB", "SHA256"),
        [
            (
                f"{each.created_at:%Y-%m-%d %H:%M:%S}", each.owner, each.rule, each.stage,
                "yes" if each.counts else "no", each.kind or "", str(each.job_id or ""), each.sha256[:SHOWN_OF_HASH],
            )
            for each in reversed(found)
        ],
    )  # fmt: skip
    return True


async def suspensions() -> bool:
    async with opened_database() as database, database.statement() as connection:
        found = await blocks.suspended(connection)
    if not found:
        print("Nobody is suspended.")
        return True
    show(
        ("OWNER", "SINCE (UTC)", "BLOCKS"),
        [(each.owner, f"{each.created_at:%Y-%m-%d %H:%M:%S}", str(each.blocks)) for each in found],
    )
    return True


async def lift(owner: str) -> bool:
    """A person in a chat is told. Raises NotFound."""
    async with opened_database() as database, database.transaction() as connection:
        lifted = await blocks.lift(connection, owner)
        if lifted is None:
            raise NotFound(f"{owner} is not suspended. `postgen safety suspensions` lists who is.")
        if is_of_chat(owner):
            user_id = int(owner.removeprefix(CHAT))
            language = await wallet_payments.language(connection, user_id)
            words = say(locale_for(*language) if language else "en", "suspension_lifted")
            key = f"lifted:{owner}:{lifted.lifted_at}"
            await send_to_chat(connection, user_id, [ChatText(words)], key=key)
    print(f"{owner} may use it again. What was blocked before counts no more.")
    return True


async def measure(path: Path | None) -> bool:
    """Every case that was judged wrongly, and the figures. Raises InvalidInput."""
    found = labelled.measure(labelled.read(path or labelled.SHIPPED))
    for case in found.missed:
        print(f"missed: {case.text}")
    for case in found.false_alarms:
        print(f"false alarm: {case.text}")
    print(found)
    return True
