"""Never two pictures of a dialog at once, each counted once, and automatic ones as often as was set."""

import asyncio
from itertools import pairwise
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs.chats.calls import call_of
from jobs.chats.recording import record
from jobs.chats.sending import arrived
from jobs.companion.messages.outbox import ChatPhoto, send_to_chat
from jobs.companion.pictures import Due, PictureSettings, due
from jobs.db.delivery import deliveries
from jobs.db.dialog import dialog_pictures, dialogs
from jobs.db.dialog.dialog_pictures import Written
from jobs.db.session import Database
from jobs.delivery.telegram import Sent
from jobs.kinds.photo import photo
from jobs.resources import Resources
from tests.factories import USER, add_user, execute, rows, value, worker

EVERY = PictureSettings(image_every_min=3, image_every_max=5, _env_file=None)


async def new_dialog(database: Database) -> int:
    async with database.transaction() as connection:
        await add_user(connection)
        return await dialogs.open_dialog(connection, USER, "lina")


async def write(connection: AsyncConnection, dialog_id: int) -> Due | None:
    """One more message of the person, and its answer."""
    await dialogs.add_user_message(connection, dialog_id, "Hello", uuid4())
    return await due(connection, dialog_id, EVERY)


async def test_automatic_pictures_come_as_often_as_was_set(database: Database) -> None:
    dialog_id, at = await new_dialog(database), [0]
    for number in range(1, 121):
        async with database.transaction() as connection:
            if await write(connection, dialog_id):
                at.append(number)
        # what is drawn is drawn once: to look again changes nothing
        async with database.transaction() as connection:
            assert await due(connection, dialog_id, EVERY) is None
    between = {later - earlier for earlier, later in pairwise(at)}
    assert between <= {3, 4, 5}
    assert len(between) > 1, "each time anew"


async def test_of_many_at_the_same_time_one_begins(database: Database) -> None:
    dialog_id = await new_dialog(database)
    async with worker(database) as resources:
        begun = await asyncio.gather(*(begin(resources, dialog_id) for _ in range(8)))
    assert sorted(begun) == [False] * 7 + [True]
    assert await value(database, "SELECT count(*) FROM jobs") == 1


async def begin(resources: Resources, dialog_id: int) -> bool:
    """As a press of the button does, or the end of a reply."""
    async with resources.database.transaction() as connection:
        moment = await dialog_pictures.hold(connection, dialog_id)
        assert moment is not None
        if moment.on_its_way:
            return False
        new = photo(moment, uuid4(), persona="lina", item="photo", destination={}, priority=0)
        job = await resources.intake.submit(connection, new)
        await dialog_pictures.begin(connection, dialog_id, job.id)
        return True


async def test_a_picture_that_arrived_is_counted_once(database: Database) -> None:
    """Also when the commit that says so is made again, because the answer to the first one was lost."""
    dialog_id = await new_dialog(database)
    async with worker(database) as resources, database.transaction() as connection:
        moment = await dialog_pictures.hold(connection, dialog_id)
        assert moment is not None
        new = photo(moment, uuid4(), persona="lina", item="photo", destination={}, priority=0)
        job = await resources.intake.submit(connection, new)
        await send_to_chat(connection, USER, [ChatPhoto(uuid4())], key="picture", job_id=job.id)
    delivery_id = await value(database, "SELECT id FROM deliveries")
    async with database.transaction() as connection:
        assert await deliveries.begin(connection, delivery_id)
    for _ in range(2):
        async with database.transaction() as connection:
            delivery = await deliveries.begin(connection, delivery_id)
            assert delivery is not None
            call = call_of(USER, delivery.payload, None, None, cut_off=False)
            await record(connection, delivery, call, Sent(7), arrived)
    assert await value(database, "SELECT photo_count FROM dialogs") == 1


async def test_what_was_written_for_a_moment_is_written_once(database: Database) -> None:
    dialog_id, media_id = await new_dialog(database), uuid4()
    for words in ("a fox", "a hare"):
        async with database.transaction() as connection:
            await dialog_pictures.keep(connection, dialog_id, 4, words, 9)
            await dialog_pictures.keep(connection, dialog_id + 1, 4, words, 9)  # deleted meanwhile
    insert = (
        "INSERT INTO media (id, owner, key, content_type, size, sha256, expires_at)"
        f" VALUES ('{media_id}', 'x', 'k', 'image/png', 1, '', now() + interval '1 hour')"
    )
    await execute(database, insert)
    async with database.transaction() as connection:
        await dialog_pictures.drawn(connection, dialog_id, 9, "a fox", media_id)
        assert await dialog_pictures.find(connection, dialog_id, 4) == Written("a fox", 9, media_id)
    await execute(database, "UPDATE media SET expires_at = now() + interval '1 minute'")
    async with database.transaction() as connection:
        assert await dialog_pictures.find(connection, dialog_id, 4) == Written("a fox", 9, None)
        assert await dialog_pictures.find(connection, dialog_id, 5) is None
    await execute(database, "DELETE FROM dialogs")
    assert await rows(database, "SELECT * FROM dialog_pictures") == []
