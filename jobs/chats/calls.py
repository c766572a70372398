"""One message as a call of the Bot API: with its file, and in the place of the earlier message that it is about."""

from dataclasses import dataclass, replace
from typing import Any

from jobs.chats.files import File
from jobs.delivery.telegram import Answer, NotSent, Sent, Telegram, Unknown, Upload
from jobs.errors import TemporaryError

# what is sent where the earlier message is gone; anything else has nothing to be done to then
INSTEAD = {"editMessageText": "sendMessage", "editMessageMedia": "sendPhoto"}
# done twice they do the same as once
REPEATABLE = {"editMessageText", "editMessageMedia", "editMessageReplyMarkup", "deleteMessage"}
# a persona whose picture the operator took away greets in words
WITHOUT_PICTURE = {"sendPhoto": "sendMessage", "editMessageMedia": "editMessageText"}
# ours, not Telegram's
OURS = ("method", "of", "bulk", "media_id", "file_name", "greeting")

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """`earlier`: the message that it changes. `about_earlier` without one: that message never arrived, or is unknown.

    `cut_off`: it may have been made before.
    """

    chat_id: int
    method: str
    fields: Json
    file: File | None = None
    about_earlier: bool = False
    earlier: int | None = None
    cut_off: bool = False


def call_of(chat_id: int, payload: Json, file: File | None, earlier: int | None, *, cut_off: bool) -> Call:
    fields = {name: value for name, value in payload.items() if name not in OURS}
    method = payload["method"]
    if "greeting" in payload and file is None:
        method = WITHOUT_PICTURE[method]
        fields["text"] = fields.pop("caption", "")
    return Call(chat_id, method, fields, file, "of" in payload, earlier, cut_off)


async def make(telegram: Telegram, call: Call) -> Answer:
    if not call.about_earlier:
        return await _send(telegram, call)
    if call.earlier is not None:
        answer = await _change(telegram, call, call.earlier)
        if not (isinstance(answer, NotSent) and answer.message_gone):
            return answer
    if call.method not in INSTEAD:
        return Sent(None)
    if call.cut_off:
        return Unknown("The worker was stopped while it sent this anew, because the message to change was gone.")
    return await _send(telegram, replace(call, method=INSTEAD[call.method]))


async def _change(telegram: Telegram, call: Call, message_id: int) -> Answer:
    place = replace(call, fields={"message_id": message_id, **call.fields})
    answer = await _send(telegram, place)
    if isinstance(answer, Unknown):
        # to say it again changes nothing
        return NotSent(answer.reason, retry_in=5)
    return Sent(message_id, answer.file_id) if isinstance(answer, Sent) and answer.message_id is None else answer


async def _send(telegram: Telegram, call: Call) -> Answer:
    fields = {"chat_id": call.chat_id, **call.fields}
    if call.file is None:
        return await telegram.send(call.method, fields)
    if call.file.file_id:
        answer = await telegram.send(call.method, _with_file(call, fields, call.file, call.file.file_id))
        if not (isinstance(answer, NotSent) and answer.stale_file_id):
            return answer
    return await _upload(telegram, call, fields, call.file)


async def _upload(telegram: Telegram, call: Call, fields: Json, file: File) -> Answer:
    try:
        upload: Upload = await file.upload()
    except TemporaryError as error:
        return NotSent(error.detail, retry_in=error.retry_in or 5)
    except OSError:
        return NotSent("The file is not in the media store.")
    answer = await telegram.send(call.method, _with_file(call, fields, file, None), upload)
    if call.method == "sendPhoto" and isinstance(answer, NotSent) and answer.no_photo:
        return await _as_document(telegram, fields, upload)
    return answer


async def _as_document(telegram: Telegram, fields: Json, upload: Upload) -> Answer:
    """What was paid for arrives, if not as a photo. What is covered shows nothing of itself; its id is no photo's."""
    rest = {name: value for name, value in fields.items() if name != "has_spoiler"}
    covered = {"disable_content_type_detection": True} if fields.get("has_spoiler") else {}
    answer = await telegram.send("sendDocument", {**rest, **covered}, replace(upload, field="document"))
    return replace(answer, file_id=None) if isinstance(answer, Sent) else answer


def _with_file(call: Call, fields: Json, file: File, file_id: str | None) -> Json:
    if call.method != "editMessageMedia":
        return {**fields, file.field: file_id} if file_id else fields
    rest = {name: value for name, value in fields.items() if name != "caption"}
    caption = {"caption": fields["caption"]} if "caption" in fields else {}
    return {**rest, "media": {"type": file.field, "media": file_id or f"attach://{file.field}", **caption}}
