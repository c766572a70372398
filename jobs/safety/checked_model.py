"""A language model whose prompts and answers are looked at: a run gets no other."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from jobs.providers.chat_model import ChatModel, Completion, Prompt
from jobs.safety.safety import Safety

# a piece of a stream is passed on once so many characters have come with it, and what there is was looked at
LOOKED_AT_TOGETHER = 80


class CheckedModel(ChatModel):
    def __init__(self, model: ChatModel, safety: Safety) -> None:
        self.unchecked = model
        self.safety = safety
        self.provider, self.model, self.context_tokens = model.provider, model.model, model.context_tokens

    async def answer(self, prompt: Prompt) -> Completion:
        await self.safety.check_conversation(prompt.system, prompt.messages)
        completion = await self.unchecked.answer(prompt)
        await self.safety.check_answer(completion.text, prompt.messages)
        return completion

    async def pieces(self, prompt: Prompt) -> AsyncGenerator[str | Completion, None]:
        await self.safety.check_conversation(prompt.system, prompt.messages)
        said, waiting = "", ""
        async with aclosing(self.unchecked.pieces(prompt)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Completion):
                    await self.safety.check_answer(piece.text or said + waiting, prompt.messages)
                    if waiting:
                        yield waiting
                    yield piece
                    continue
                waiting += piece
                if len(waiting) >= LOOKED_AT_TOGETHER and not self.safety.holds_back:
                    said += waiting
                    await self.safety.require_lawful(said, "answer", context=_last(prompt))
                    yield waiting
                    waiting = ""

    async def probe(self) -> None:
        await self.unchecked.probe()


def _last(prompt: Prompt) -> str:
    return prompt.messages[-1].content if prompt.messages else ""
