"""Which of the old encodings is this? The one in which the letters come out as people write them.

A general detector is right about long texts and wrong about short ones; so its answer is one of those that are weighed.
"""

import unicodedata
from functools import cache

from charset_normalizer import from_bytes

# the first of equally good ones is taken
LIKELY = ("cp1251", "koi8-u", "cp1253", "cp1252", "cp1250", "cp932", "euc_jp", "gb18030", "euc_kr", "cp866")
# letters that no text of their language is without
FREQUENT = set("оеаинтсрвлкмдпуяыьгзбчйхіїαοιετσνηυρπκμλςάέήίόύώéèàçêâôîûùüöäßñáíóúłąęśżčěšžřț")
KANA = ("HIRAGANA", "KATAKANA")
JAPANESE = ("cp932", "euc_jp")
# a Japanese text has at least so much of its own letters among the others
LEAST_KANA = 0.1


def guess(sample: bytes) -> str:
    """An encoding that can decode the sample."""
    detected = from_bytes(sample).best()
    names = (*LIKELY, detected.encoding) if detected else LIKELY
    scores = {name: score for name in dict.fromkeys(names) if (score := _score(sample, name)) is not None}
    return max(scores, key=lambda name: scores[name]) if scores else "cp1252"


def _score(sample: bytes, encoding: str) -> float | None:
    """None where it cannot be that one; the end of the sample may cut a character in two."""
    try:
        text = sample[:-4].decode(encoding) if len(sample) > 1000 else sample.decode(encoding)
    except UnicodeDecodeError:
        return None
    strange = [each for each in text if ord(each) > 127]
    if not strange:
        return 0.0
    kana = sum(1 for each in strange if _script(each) in KANA) / len(strange)
    if encoding in JAPANESE and kana < LEAST_KANA:
        return -1.0
    return (sum(map(_weight, strange)) - sum(map(_clash, text, text[1:]))) / len(strange)


def _weight(letter: str) -> float:
    if letter in FREQUENT or _script(letter) in KANA:
        return 1.0
    if letter in "–—«»„“”’№…。、「」€§°":
        return 0.8
    return 0.5 if letter.isalpha() and _script(letter) != "HALFWIDTH" else -1.0


def _clash(one: str, other: str) -> float:
    """What does not stand side by side in a word: a capital behind a small letter, letters of two scripts."""
    if not (one.isalpha() and other.isalpha()):
        return 0.0
    return float(one.islower() and other.isupper()) + float(_alphabet(one) != _alphabet(other))


def _alphabet(letter: str) -> str:
    script = _script(letter)
    return script if script in ("LATIN", "CYRILLIC", "GREEK", "HANGUL") else "other"


@cache
def _script(letter: str) -> str:
    return unicodedata.name(letter, "?").partition(" ")[0]
