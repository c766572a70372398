"""A picture of which Telegram makes no photo: it was paid for, and was never seen by anybody."""

import io
from pathlib import Path
from uuid import uuid4

from PIL import Image
from starlette.responses import JSONResponse

from jobs.companion.messages.outbox import ChatPhoto
from jobs.db.files import media as media_rows
from jobs.db.session import Database
from jobs.deliver import deliver
from sandbox.serve import serving
from tests.factories import add_user, rows, submit, to_chat, worker
from tests.jobs.chats.chat_stage import Stage
from tests.jobs.delivery.scripted_telegram import SENT, ScriptedTelegram, refusal

AS_FILE = {"ok": True, "result": {**SENT["result"], "document": {"file_id": "file-1"}}}  # type: ignore[dict-item] # as JSON


async def test_a_picture_too_large_for_a_photo_was_paid_for_and_never_came(database: Database, tmp_path: Path) -> None:
    script = ScriptedTelegram()
    async with serving(script.app) as url, worker(database, bot_api=url, media=tmp_path) as resources:
        async with database.transaction() as connection:
            await add_user(connection)
        stage = Stage(database, resources, None)  # type: ignore[arg-type] # the script stands in for it
        drawn = io.BytesIO()
        Image.new("RGB", (64, 64), "red").save(drawn, "PNG")
        made = await submit(resources, "generate_image", {"prompt": "a fox"}, destination=to_chat())
        stored = await resources.media.put(drawn.getvalue(), uuid4())
        async with database.transaction() as connection:
            await media_rows.insert(connection, stored, owner=made.owner, job_id=made.id, ttl=3600)
        for number, no in enumerate((refusal(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"), JSONResponse({}, 413))):
            script.answers.extend([no, JSONResponse(AS_FILE)])
            await stage.plan(ChatPhoto(stored.id, "a fox", spoiler=True), key=f"photo {number}")
        for row in await rows(database, "SELECT id FROM deliveries ORDER BY id"):
            await deliver(resources, row["id"])
        script.answers.append(refusal(400, "Bad Request: can't parse entities"))
        await stage.plan(ChatPhoto(stored.id, "a fox"), key="another refusal")
        [refused] = await rows(database, "SELECT id FROM deliveries WHERE status = 'pending'")
        await deliver(resources, refused["id"])
    assert [call.method for call in script.calls] == ["sendPhoto", "sendDocument"] * 2 + ["sendPhoto"]
    file = script.calls[1]
    assert (file.files, file.fields["caption"]) == ({"document": drawn.getvalue()}, "a fox")
    assert "has_spoiler" not in file.fields
    assert file.fields["disable_content_type_detection"] == "true", "what is covered shows nothing of itself"
    assert [row["status"] for row in await rows(database, "SELECT status FROM deliveries ORDER BY id")] == [
        "sent", "sent", "failed",
    ]  # fmt: skip
    [known] = await rows(database, "SELECT telegram_file_id FROM media")
    assert known["telegram_file_id"] is None, "Telegram's name of a file is none of a photo"
