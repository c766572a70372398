"""How much of the documents fits into one question, beside what is asked and what may be answered."""

from dataclasses import dataclass
from math import ceil

from jobs.errors import PermanentError

# generous in any language, as the adapters reckon
BYTES_PER_TOKEN = 3
SHARE_OF_ANSWER = 10
SHORTEST_ANSWER, LONGEST_ANSWER = 256, 4096
# an answer may be asked for with twice the room; a wrong one is shown again, with what is wrong with it
ANSWERS = 4
COMPLAINT = 300
# less of each document than this tells nothing
LEAST_OF_EACH = 500


@dataclass(frozen=True)
class Room:
    """`answer`: tokens for an answer. `text`: bytes of documents in one question."""

    answer: int
    text: int


def room_in(window: int, asked: str, documents: int, *, model: str) -> Room:
    """`asked`: all words around the documents. Raises PermanentError when a window holds too little to compare."""
    answer = min(LONGEST_ANSWER, max(SHORTEST_ANSWER, window // SHARE_OF_ANSWER))
    around = ceil(len(asked.encode()) / BYTES_PER_TOKEN) + COMPLAINT
    text = (window - ANSWERS * answer - around) * BYTES_PER_TOKEN
    if text < documents * LEAST_OF_EACH:
        need = ceil(documents * LEAST_OF_EACH / BYTES_PER_TOKEN) + around + ANSWERS * answer
        raise PermanentError(
            f"The context of the language model {model} is too small: it holds {window:,} tokens, and to compare"
            f" {documents} documents part by part takes {need:,}. Set a larger OLLAMA_CONTEXT_TOKENS, or take a model"
            " with a larger context.",
            code="context_too_small",
            blame="platform",
        )
    return Room(answer, text)
