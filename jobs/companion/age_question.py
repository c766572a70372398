"""Are you of age? What is asked before a persona that is for adults, and what the buttons say."""

from jobs.companion.messages.outbox import Button, ChatText
from jobs.companion.wording import say

AGE = "age:"


def age_question(locale: str, persona_key: str = "", persona_name: str = "") -> ChatText:
    """With a persona, whoever says yes goes straight on to it."""
    name = f" ({persona_name})" if persona_name else ""
    yes = Button(say(locale, "button.age_confirm"), f"{AGE}yes:{persona_key}"[:64])
    no = Button(say(locale, "button.age_decline"), f"{AGE}no")
    return ChatText(say(locale, "age.question", name=name), ((yes,), (no,)))
