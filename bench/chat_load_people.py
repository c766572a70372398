"""People who write to the bot all at once: a few messages each, and no more before these are answered."""

import asyncio
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from bench.chat_load_words import answered_in, message
from sandbox.bot_api.person import Person
from sandbox.bot_api.sandbox import Sandbox

# so many messages before the person waits for the answer to all of them
BURSTS = (2, 1)
# seconds, at most, between two messages of a burst, and before the next one
BETWEEN, THINKS = 2.0, 1.0
PERSONA = "lina"


@dataclass
class Writer:
    """`open`: what was written and not answered yet. `greeted` once the bot has said anything."""

    person: Person
    chance: random.Random
    open: set[int] = field(default_factory=set)
    greeted: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def begin(self) -> None:
        self.person.send_text(f"/start {PERSONA}")
        while not self.greeted:
            await self._news()

    async def talk(self) -> None:
        number = 0
        for size in BURSTS:
            for position in range(size):
                await asyncio.sleep(self._pause(position, number))
                number += 1
                self.open.add(number)
                self.person.send_text(message(number))
            while self.open:
                await self._news()

    def hear(self, words: str) -> None:
        self.greeted = True
        self.settle(answered_in(words))

    def settle(self, numbers: Iterable[int]) -> None:
        self.open.difference_update(numbers)
        self.news.set()

    def _pause(self, position: int, number: int) -> float:
        longest = BETWEEN if position else THINKS if number else 0.0
        return self.chance.uniform(0.0, longest)

    async def _news(self) -> None:
        self.news.clear()
        await self.news.wait()


class Crowd:
    """`heard_at`: when the bot said anything to any of them last. `answers`: how many it gave."""

    def __init__(self, sandbox: Sandbox, count: int) -> None:
        self.sandbox = sandbox
        people = [sandbox.add_user(f"Anna {number}").user_id for number in range(1, count + 1)]
        self.writers = {user: Writer(sandbox.person(user), random.Random(number)) for number, user in enumerate(people)}
        self.heard_at = time.monotonic()
        self.answers = 0

    async def listen(self) -> None:
        """Until cancelled."""
        with self.sandbox.events.subscription() as queue:
            while (event := await queue.get()) is not None:
                if event.kind == "message" and event.data.get("from_bot") and event.user_id in self.writers:
                    self.heard_at = time.monotonic()
                    words = str(event.data.get("text", ""))
                    self.answers += bool(answered_in(words))
                    self.writers[event.user_id].hear(words)

    def doubt(self, unknown: Iterable[tuple[int, tuple[int, ...]]]) -> None:
        """Nobody waits for an answer that will not be said again."""
        for user, numbers in unknown:
            if user in self.writers and self.writers[user].open.intersection(numbers):
                self.heard_at = time.monotonic()
                self.writers[user].settle(numbers)
