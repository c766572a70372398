"""How many tokens is a prompt? Two bounds without a tokenizer: what it takes at least, and what it hardly exceeds."""

from collections.abc import Iterator
from math import ceil

from jobs.providers.prompt import Prompt

# English has four bytes to a token, Russian four to six, Chinese three: less is figures and code
BYTES_PER_TOKEN = 3
# what a template puts around each message
TOKENS_AROUND = 8


def most_tokens(prompt: Prompt) -> int:
    """Generous for plain text in any language; only a tokenizer knows better."""
    return sum(ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN) + TOKENS_AROUND for text in _texts(prompt))


def least_tokens(prompt: Prompt) -> int:
    """No tokenizer joins what a blank separates: fewer tokens than words means that words were left out."""
    return sum(len(text.split()) for text in _texts(prompt))


def _texts(prompt: Prompt) -> Iterator[str]:
    if prompt.system:
        yield prompt.system
    for message in prompt.messages:
        yield message.content
