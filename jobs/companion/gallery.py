"""The personas as cards to leaf through: who is on one, where its arrows lead, and what its buttons say."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from jobs.companion.messages.outbox import (
    Button,
    Buttons,
    ChatDelete,
    ChatEdit,
    ChatGreeting,
    ChatGreetingEdit,
    Message,
)
from jobs.companion.personas import Persona
from jobs.companion.wording import say

SEE, MEET, ADULTS = "see:", "meet:", "adults"
# Telegram's limit for what a button carries, in bytes
LONGEST_DATA = 64


@dataclass(frozen=True)
class Gallery:
    """`personas`: those that this person may talk to. `more_for_adults`: there are others, for who is of age."""

    locale: str
    personas: Sequence[Persona]
    more_for_adults: bool = False

    def card(self, persona: Persona) -> ChatGreeting:
        return ChatGreeting(persona.key, self._caption(persona), self._buttons(persona))

    def turned(self, persona: Persona, *, of: int, has_picture: bool) -> list[Message]:
        """Another card in the place of the message `of`. `has_picture`: whether that one is a picture."""
        caption, buttons = self._caption(persona), self._buttons(persona)
        if has_picture != (persona.greeting_picture is not None):
            # a text does not become a picture, nor the other way round
            return [ChatGreeting(persona.key, caption, buttons), ChatDelete(of)]
        if has_picture:
            return [ChatGreetingEdit(of, persona.key, caption, buttons)]
        return [ChatEdit(of, caption, buttons)]

    def _caption(self, persona: Persona) -> str:
        return say(
            self.locale,
            "gallery.card",
            name=persona.name[self.locale],
            age=persona.age,
            character=persona.character[self.locale],
            number=self.personas.index(persona) + 1,
            count=len(self.personas),
        )

    def _buttons(self, persona: Persona) -> Buttons:
        meet = Button(say(self.locale, "gallery.meet", name=persona.name[self.locale]), f"{MEET}{token(persona)}")
        rows: list[tuple[Button, ...]] = [(meet,)]
        if len(self.personas) > 1:
            at = self.personas.index(persona)
            before, after = self.personas[at - 1], self.personas[(at + 1) % len(self.personas)]
            rows.insert(0, (Button("◀️", f"{SEE}{token(before)}"), Button("▶️", f"{SEE}{token(after)}")))
        if self.more_for_adults:
            rows.append((Button(say(self.locale, "gallery.adults"), ADULTS),))
        return tuple(rows)


def token(persona: Persona) -> str:
    """Its key, or something as good where that is too long for a button. It stays the same for as long as the key."""
    if len(f"{MEET}{persona.key}".encode()) <= LONGEST_DATA:
        return persona.key
    return hashlib.sha256(persona.key.encode()).hexdigest()[:32]


def named(personas: Iterable[Persona], data: str) -> Persona | None:
    """The persona of a button's data; None if the operator took it away since."""
    wanted = data.partition(":")[2]
    return next((persona for persona in personas if token(persona) == wanted), None)
