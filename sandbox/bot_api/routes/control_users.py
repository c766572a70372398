"""`/sandbox/users`: acting as a user, and reading their chat."""

from typing import Annotated

from fastapi import APIRouter, Form, UploadFile

from sandbox.bot_api.chat_view import chat_snapshot, history
from sandbox.bot_api.params import Upload
from sandbox.bot_api.person import Person
from sandbox.bot_api.routes.control_models import AnySandbox, BotId, EditedText, NewText, NewUser, Payment, Press, Wait
from sandbox.bot_api.wire import Wire

router = APIRouter(prefix="/sandbox/users", tags=["users"])


@router.get("")
async def list_users(sandbox: AnySandbox) -> list[Wire]:
    return [user.wire() for user in sandbox.users]


@router.post("", status_code=201)
async def create_user(sandbox: AnySandbox, new: NewUser) -> Wire:
    fields = new.model_dump(exclude={"id", "first_name"})
    return sandbox.add_user(new.first_name, user_id=new.id, **fields).wire()


@router.get("/{user_id}/chat")
async def read_chat(sandbox: AnySandbox, user_id: int, bot_id: BotId = None) -> Wire:
    return chat_snapshot(sandbox, sandbox.person(user_id, bot_id))


@router.get("/{user_id}/messages")
async def read_history(
    sandbox: AnySandbox,
    user_id: int,
    after: int = 0,
    from_bot: bool | None = None,
    wait: Wait = 0,
    bot_id: BotId = None,
) -> list[Wire]:
    """Messages after the id `after`; waits until there is one, or until `wait` seconds have passed."""
    person = sandbox.person(user_id, bot_id)
    look = lambda: history(person, after, from_bot) or None  # noqa: E731 - one expression, used once
    return await sandbox.events.wait_for(look, wait) or []


@router.post("/{user_id}/messages", status_code=201)
async def send_text(sandbox: AnySandbox, user_id: int, new: NewText, bot_id: BotId = None) -> Wire:
    person = sandbox.person(user_id, bot_id)
    message = person.send_text(new.text, reply_to=new.reply_to_message_id)
    return person.bot.message_view(person.chat, message)


@router.post("/{user_id}/files", status_code=201)
async def send_file(
    sandbox: AnySandbox,
    user_id: int,
    file: UploadFile,
    caption: Annotated[str, Form()] = "",
    photo: Annotated[bool, Form()] = False,
    bot_id: BotId = None,
) -> Wire:
    person = sandbox.person(user_id, bot_id)
    upload = Upload(file.filename or "file", file.content_type or "", await file.read())
    sent = await person.send_photo(upload, caption) if photo else person.send_document(upload, caption)
    return person.bot.message_view(person.chat, sent)


@router.patch("/{user_id}/messages/{message_id}")
async def edit_text(
    sandbox: AnySandbox, user_id: int, message_id: int, edited: EditedText, bot_id: BotId = None
) -> Wire:
    person = sandbox.person(user_id, bot_id)
    return person.bot.message_view(person.chat, person.edit_text(message_id, edited.text))


@router.post("/{user_id}/block")
async def block(sandbox: AnySandbox, user_id: int, bot_id: BotId = None) -> Wire:
    return blocked(sandbox.person(user_id, bot_id), True)


@router.post("/{user_id}/unblock")
async def unblock(sandbox: AnySandbox, user_id: int, bot_id: BotId = None) -> Wire:
    return blocked(sandbox.person(user_id, bot_id), False)


@router.post("/{user_id}/drafts/{draft_id}/stop")
async def stop_draft(sandbox: AnySandbox, user_id: int, draft_id: int, bot_id: BotId = None) -> Wire:
    sandbox.person(user_id, bot_id).stop_draft(draft_id)
    return {"draft_id": draft_id, "stopped": True}


@router.post("/{user_id}/callbacks", status_code=201)
async def press(sandbox: AnySandbox, user_id: int, pressed: Press, wait: Wait = 0, bot_id: BotId = None) -> Wire:
    """Returns at once, or with `wait` when the bot has answered."""
    query = sandbox.person(user_id, bot_id).press(pressed.message_id, pressed.data)
    await sandbox.events.wait_for(lambda: True if query.answered_at else None, wait)
    return query.view()


@router.post("/{user_id}/payments", status_code=201)
async def pay(sandbox: AnySandbox, user_id: int, payment: Payment, wait: Wait = 0, bot_id: BotId = None) -> Wire:
    """Returns at once, or with `wait` when the payment has gone through or failed."""
    checkout = sandbox.person(user_id, bot_id).pay(payment.message_id)
    await sandbox.events.wait_for(lambda: True if checkout.status != "waiting" else None, wait)
    return checkout.view()


def blocked(person: Person, value: bool) -> Wire:
    person.change_blocked(value)
    return {"blocked": person.chat.blocked}
