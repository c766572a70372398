"""A language model that a run may use: it looks like any other, and each of its calls goes through the guard."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from jobs.guard.call import Call, Caller, Target
from jobs.guard.guard import Guard
from jobs.providers.chat_model import ChatModel, Completion, Prompt


class GuardedModel(ChatModel):
    def __init__(self, model: ChatModel, guard: Guard, caller: Caller) -> None:
        self.unguarded = model
        self.guard = guard
        self.caller = caller
        self.provider, self.model, self.context_tokens = model.provider, model.model, model.context_tokens

    async def answer(self, prompt: Prompt) -> Completion:
        async with self.guard.call(self._target(), self.caller) as call:
            completion = await self.unguarded.answer(prompt)
            _tell(call, completion)
        return completion

    async def pieces(self, prompt: Prompt) -> AsyncGenerator[str | Completion, None]:
        async with (
            self.guard.call(self._target(), self.caller) as call,
            aclosing(self.unguarded.pieces(prompt)) as pieces,
        ):
            async for piece in pieces:
                if isinstance(piece, Completion):
                    _tell(call, piece)
                yield piece

    async def probe(self) -> None:
        """As it is: it costs the provider next to nothing, and is asked by people who want to know about this one."""
        await self.unguarded.probe()

    async def window(self) -> int:
        return await self.unguarded.window()

    def _target(self) -> Target:
        return Target(self.provider, "llm", self.model)


def _tell(call: Call, completion: Completion) -> None:
    used_up_for = completion.rate.used_up_for if completion.rate else None
    call.answered(completion.usage, completion.request_id, status_code=200, used_up_for=used_up_for)
