"""In how many ways can a text be read? As it stands, and as it was meant where its letters are disguised."""

import re
import unicodedata

from jobs.safety.look_alikes import CYRILLIC, LATIN, LEET_CYRILLIC, LEET_LATIN, PLAIN

# a digit is one or the other: "l0l1" is read both ways
ONE_AS = ("i", "l")
# pictures of 9:16 and 512x768
RATIOS = re.compile(r"\d+ ?[:x×] ?\d+")
# "21.5 years" is not five years
DECIMALS = re.compile(r"(\d)[.,]\d+")
VOWELS = "aeiouаеиоуя"
SIGN = re.compile(r"[^\w\s]|_")
GLUED = re.compile(r"(?<=\w)[^\w\s]+(?=\w)|_")
# three or more single characters, with anything but letters between them
SPELLED = re.compile(r"(?<!\w)\w(?:[\W_]{1,3}\w){2,}(?!\w)")
SPACES = re.compile(r"(\s+)")
NOTHING_SAID = re.compile(r"[\W_]+")
DRAWN_OUT = re.compile(r"(\w)\1{2,}")
# a letter that somebody thinks better not to write
CENSORED = re.compile(r"(?<=[^\W\d_])[*#](?=[^\W\d_])")
NUMBER = re.compile(r"\d+")
LATIN_LETTER, CYRILLIC_LETTER = re.compile("[a-z]"), re.compile("[а-я]")
# a sign stands for a letter only where a letter could stand
LEET = re.compile(r"[0-9@$€|+!](?=\w)|(?<=\w)[0-9@$€]")


def readings(text: str) -> list[str]:
    """Each in lower case without accents, words with one space between them. The first one is the text itself."""
    plain = sentences(text)
    found: dict[str, None] = {}
    for variant in (plain, *_undisguised(plain)):
        for reading in (_words(variant), _words(GLUED.sub("", variant)), _spelled_out(variant)):
            _note(found, reading)
    return list(found)


def sentences(text: str) -> str:
    """Folded, with its punctuation, and without what looks like a number of years and is none."""
    return DECIMALS.sub(r"\1", RATIOS.sub(" ", folded(text)))


def spelled_out(text: str) -> list[str]:
    """What is written letter by letter: `s p e l l e d`, `s.p.e.l.l.e.d`. Where a word ends in it, nobody can say."""
    plain = folded(text)
    found = (
        re.sub(r"[\W_]+", "", each[0])
        for variant in (plain, *_undisguised(plain))
        for each in SPELLED.finditer(variant)
    )
    return list(dict.fromkeys(found))


def folded(text: str) -> str:
    """One form for all that reads alike: compatibility forms, case, accents, marks that nobody sees."""
    if text.isascii():
        return text.lower()
    composed = unicodedata.normalize("NFKC", text).casefold()
    apart = unicodedata.normalize("NFKD", composed.translate(PLAIN))
    return "".join(each for each in apart if unicodedata.category(each) not in ("Mn", "Me", "Cf")).casefold()


def _note(found: dict[str, None], reading: str) -> None:
    if not reading:
        return
    found.setdefault(reading)
    if DRAWN_OUT.search(reading):
        found.setdefault(DRAWN_OUT.sub(r"\1", reading))
        found.setdefault(DRAWN_OUT.sub(r"\1\1", reading))


def _undisguised(plain: str) -> list[str]:
    """As the Latin and as the Cyrillic word that each disguised one looks like."""
    censored = CENSORED.search(plain)
    # nearly all texts are what they look like, and of the others nearly all words
    if not (censored or _is_disguised(plain)):
        return []
    tokens = SPACES.split(plain)
    # every other one is the space between two words
    disguised = [number for number in range(0, len(tokens), 2) if _is_disguised(tokens[number])]
    if not (disguised or censored):
        return []
    alphabets = [(LATIN_LETTER, LATIN, {**LEET_LATIN, "1": one}) for one in ONE_AS]
    alphabets.append((CYRILLIC_LETTER, CYRILLIC, LEET_CYRILLIC))
    variants = []
    for alphabet in alphabets:
        revealed = list(tokens)
        for number in disguised:
            revealed[number] = _revealed(tokens[number], *alphabet)
        variants.append("".join(revealed))
    if censored:
        variants += [CENSORED.sub(vowel, plain) for vowel in VOWELS]
    return [variant for variant in dict.fromkeys(variants) if variant != plain]


def _is_disguised(text: str) -> bool:
    """Whether a word of it is."""
    return bool(LEET.search(text)) or (not text.isascii() and _is_mixed(text))


def _is_mixed(token: str) -> bool:
    return bool(LATIN_LETTER.search(token) and CYRILLIC_LETTER.search(token))


def _revealed(token: str, letter: re.Pattern[str], looks: dict[int, str], leet: dict[str, str]) -> str:
    """`letter`: one of the alphabet that it is to be read in."""
    if _is_mixed(token):
        token = token.translate(looks)
    return LEET.sub(lambda sign: leet.get(sign[0], sign[0]), token) if letter.search(token) else token


def _words(text: str) -> str:
    """A number and a word that touch are two: "16yo" reads "16 yo"."""
    return " ".join(NUMBER.sub(r" \g<0> ", SIGN.sub(" ", text)).split())


def _spelled_out(text: str) -> str:
    """`s p e l l e d` and `s.p.e.l.l.e.d` in one word, with all around it."""
    joined = SPELLED.sub(lambda found: NOTHING_SAID.sub("", found[0]), text)
    return _words(joined) if joined != text else ""
