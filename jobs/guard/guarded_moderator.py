"""A moderator that a run may ask: it looks like any other, and each of its calls goes through the guard."""

from jobs.guard.call import Caller, Target
from jobs.guard.guard import Guard
from jobs.providers.moderators.moderator import Moderator, Said, Verdict


class GuardedModerator:
    def __init__(self, moderator: Moderator, guard: Guard, caller: Caller) -> None:
        self.unguarded = moderator
        self.guard = guard
        self.caller = caller
        self.provider, self.model = moderator.provider, moderator.model

    async def check(self, said: Said) -> Verdict:
        async with self.guard.call(Target(self.provider, "llm", self.model), self.caller) as call:
            verdict = await self.unguarded.check(said)
            call.answered(status_code=200)
        return verdict
