"""A language model that is shown documents and reports on them.

What stands in a document is material: it orders no picture and speaks for no persona, and whoever compares two
judgments does not break a rule by what they tell. So a prompt is not looked at here. What is looked at is the question
(`Safety.check_conversation`, before anything is asked) and each thing reported (`Safety.check_report`).
"""

from collections.abc import AsyncGenerator

from jobs.providers.chat_model import ChatModel, Completion, Prompt


class ReadingModel(ChatModel):
    def __init__(self, model: ChatModel) -> None:
        self.unchecked = model
        self.provider, self.model, self.context_tokens = model.provider, model.model, model.context_tokens

    async def answer(self, prompt: Prompt) -> Completion:
        return await self.unchecked.answer(prompt)

    def pieces(self, prompt: Prompt) -> AsyncGenerator[str | Completion, None]:
        return self.unchecked.pieces(prompt)

    async def probe(self) -> None:
        await self.unchecked.probe()

    async def window(self) -> int:
        return await self.unchecked.window()
