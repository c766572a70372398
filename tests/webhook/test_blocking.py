"""Who blocks the bot, and who has let it in again."""

from jobs.db.session import Database
from tests.factories import Door, membership, sender, value

BLOCKED = "SELECT blocked_at IS NOT NULL FROM telegram_users"


async def test_block_and_unblock(door: Door, database: Database) -> None:
    await door.says("/start")
    answer = await door.post(door.update("my_chat_member", membership(sender(), "kicked")))
    assert (answer.status_code, answer.content) == (200, b"")
    assert await value(database, BLOCKED) is True
    await door.post(door.update("my_chat_member", membership(sender(), "member")))
    assert await value(database, BLOCKED) is False


async def test_a_stranger_may_block_first(door: Door, database: Database) -> None:
    await door.post(door.update("my_chat_member", membership(sender(), "kicked")))
    assert await value(database, BLOCKED) is True


async def test_who_writes_has_unblocked(door: Door, database: Database) -> None:
    """Telegram tells both, and in any order."""
    await door.post(door.update("my_chat_member", membership(sender(), "kicked")))
    await door.says("Hello")
    assert await value(database, BLOCKED) is False


async def test_another_persons_block_is_theirs(door: Door, database: Database) -> None:
    await door.says("Hello", user=7)
    await door.post(door.update("my_chat_member", membership(sender(8), "kicked")))
    assert await value(database, "SELECT blocked_at IS NULL FROM telegram_users WHERE user_id = 7") is True
    assert await value(database, "SELECT blocked_at IS NULL FROM telegram_users WHERE user_id = 8") is False


async def test_the_bots_fate_in_a_group_is_not_the_persons(door: Door, database: Database) -> None:
    await door.says("/start")
    removed = membership(sender(), "kicked")
    await door.post(door.update("my_chat_member", {**removed, "chat": {"id": -5, "type": "group", "title": "G"}}))
    assert await value(database, BLOCKED) is False
