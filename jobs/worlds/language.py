"""Is a text written in the language of the one who asked for it? Told by its letters, and by falling into English."""

import re
import unicodedata
from collections import Counter
from itertools import islice

LOOKED_AT = 400
# letters of one language that Unicode names by several words
TOGETHER = {"HIRAGANA": "CJK", "KATAKANA": "CJK"}
# words that hardly stand in a sentence of any other language, and of how many words they are one in English
ENGLISH = re.compile(r"\b(?:the|and|of|with|that|this|which|their|they|have|are|was)\b", re.IGNORECASE)
ONE_IN = 12
FEWEST = 3


def script(text: str) -> str | None:
    """The one that most letters are of, such as LATIN or CYRILLIC; None without letters."""
    letters = islice((letter for letter in text if letter.isalpha()), LOOKED_AT)
    names = [unicodedata.name(letter, "").split(" ")[0] for letter in letters]
    found = Counter(TOGETHER.get(name, name) for name in names).most_common(1)
    return found[0][0] if found else None


def is_kept(prompt: str, text: str, language: str) -> bool:
    """Who asks in Latin letters may have asked for any language; others are answered in their own letters.

    `language`: that in which the text says to be, by its English name.
    """
    asked = script(prompt)
    return (asked in (None, "LATIN") or script(text) in (None, asked)) and not _fell_into_english(text, language)


def is_same(sample: str, text: str, language: str) -> bool:
    """Whether the text goes on in the letters and, as far as one can see, in the language of the sample."""
    expected = script(sample)
    return (expected is None or script(text) in (None, expected)) and not _fell_into_english(text, language)


def _fell_into_english(text: str, language: str) -> bool:
    """As models do that are asked for another language in English words."""
    if language.lower().startswith("en"):
        return False
    found = len(ENGLISH.findall(text))
    return found >= FEWEST and found * ONE_IN >= len(text.split())
