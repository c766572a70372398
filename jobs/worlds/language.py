"""Is a text written in the letters of the one who asked for it?"""

import unicodedata
from collections import Counter
from itertools import islice

LOOKED_AT = 400
# letters of one language that Unicode names by several words
TOGETHER = {"HIRAGANA": "CJK", "KATAKANA": "CJK"}


def script(text: str) -> str | None:
    """The one that most letters are of, such as LATIN or CYRILLIC; None without letters."""
    letters = islice((letter for letter in text if letter.isalpha()), LOOKED_AT)
    names = [unicodedata.name(letter, "").split(" ")[0] for letter in letters]
    found = Counter(TOGETHER.get(name, name) for name in names).most_common(1)
    return found[0][0] if found else None


def is_kept(prompt: str, text: str) -> bool:
    """Who asks in Latin letters may have asked for any language; others are answered in their own letters."""
    asked = script(prompt)
    return asked in (None, "LATIN") or script(text) in (None, asked)
