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
    # letters in other forms (wide, half as wide, bold as mathematicians print them) are the same letters
    plain = unicodedata.normalize("NFKC", text)
    letters = Counter(islice((letter for letter in plain if letter.isalpha()), LOOKED_AT))
    found = Counter[str]()
    for letter, times in letters.items():
        name = unicodedata.name(letter, "").split(" ")[0]
        found[TOGETHER.get(name, name)] += times
    return max(found, key=lambda name: found[name], default=None)


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
