"""Llama Guard in Ollama: it answers `safe`, or `unsafe` with the numbers of what is wrong in the next line."""

import re
from typing import Literal

from jobs.providers.chat_model import ChatModel, Prompt, Turn
from jobs.providers.moderators.json_post import unreadable
from jobs.providers.moderators.moderator import Said, Verdict

CATEGORY = re.compile(r"\bs[0-9]{1,2}\b")
LONGEST_VERDICT = 40


class LlamaGuard:
    """`model` is any chat model that runs it. It judges what was said last, knowing what was said before."""

    provider = "moderator"

    def __init__(self, chat: ChatModel) -> None:
        self.chat = chat
        self.model = chat.model

    async def check(self, said: Said) -> Verdict:
        turns = [Turn(_role(who), text) for who, text in said]
        completion = await self.chat.answer(Prompt("", turns, LONGEST_VERDICT, 0.0))
        words = completion.text.strip().lower()
        if re.match(r"safe\b", words):
            return Verdict(False)
        if not re.match(r"unsafe\b", words):
            raise unreadable()
        return Verdict(True, tuple(sorted(set(CATEGORY.findall(words)))))


def _role(who: str) -> Literal["user", "assistant"]:
    return "assistant" if who == "assistant" else "user"
