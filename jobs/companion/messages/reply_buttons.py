"""The buttons below a persona's newest answer, and what comes back when one is pressed."""

from uuid import UUID

from jobs.companion.messages.outbox import Button, Buttons
from jobs.companion.wording import say

AGAIN = "again:"
PHOTO = "photo:"


def reply_buttons(locale: str, job_id: UUID) -> Buttons:
    """`job_id`: the job that wrote the answer."""
    again = Button(say(locale, "button.again"), f"{AGAIN}{job_id}")
    return ((again, photo_button(locale, job_id)),)


def photo_button(locale: str, job_id: UUID) -> Button:
    """Of the conversation in which that job wrote."""
    return Button(say(locale, "button.photo"), f"{PHOTO}{job_id}")


def job_of(data: str, prefix: str) -> UUID | None:
    """The job named behind `prefix`; None for any other data."""
    try:
        return UUID(data.removeprefix(prefix)) if data.startswith(prefix) else None
    except ValueError:
        return None
