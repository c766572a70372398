"""How a persona begins a conversation: its picture with its words."""

from jobs.companion.messages.outbox import LONGEST_CAPTION, ChatGreeting, ChatText, Message, length
from jobs.companion.personas import Persona


def greeting_of(persona: Persona, locale: str) -> list[Message]:
    words = persona.greeting[locale]
    if length(words) <= LONGEST_CAPTION:
        return [ChatGreeting(persona.key, words)]
    return [ChatGreeting(persona.key, ""), ChatText(words)]
