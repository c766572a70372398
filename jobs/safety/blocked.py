"""A text that a content rule refuses, as an error: everybody hears the same sentence, the log hears which rule."""

from jobs.db.people.blocks import Block, Stage, fingerprint
from jobs.errors import ContentBlocked

NEUTRAL = "This content is not allowed here."


class Blocked(ContentBlocked):
    """`sha256` of the text, which itself is kept nowhere."""

    def __init__(self, rule: str, text: str, stage: Stage) -> None:
        super().__init__(NEUTRAL)
        self.rule = rule
        self.sha256 = fingerprint(text)
        self.stage = stage

    def noted(self, owner: str, kind: str | None = None) -> Block:
        """For one that a door refused: there is no job."""
        return Block(owner, self.rule, self.sha256, self.stage, kind=kind)
