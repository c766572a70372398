"""The rule that no setting switches off: nothing sexual that involves minors, and no minors beside adult personas.

A filter of words in English and Russian: it sees what is said, not what is meant.
"""

import asyncio

from jobs.safety.ages import beside_a_sign, speaks_of_minor
from jobs.safety.lexicon import Lexicon, lexicon
from jobs.safety.readings import readings, sentences, spelled_out

# further apart, two words have nothing to do with each other; the pieces overlap by half
PIECE = 4000
# looked through within a few milliseconds
AT_ONCE = 4000


# the lists know neither ё nor й, and no apostrophe
AS_IN_LISTS = str.maketrans({"ё": "е", "й": "и", "’": " ", "'": " "})


def broken_rule(text: str, *, adult: bool = False) -> str | None:
    """The name of the rule that it breaks, for the log. `adult`: it is asked of, or said by, an adult persona."""
    return next((rule for piece in _pieces(text) if (rule := _broken_in(piece, adult))), None)


async def broken_rule_of(text: str, *, adult: bool = False) -> str | None:
    """The same, where others must not wait for a long text."""
    if len(text) <= AT_ONCE:
        return broken_rule(text, adult=adult)
    return await asyncio.to_thread(broken_rule, text, adult=adult)


def without_rules(system: str) -> str:
    """What is left of a system prompt without the sentences that forbid just this."""
    return lexicon().rules.sub(" ", system.casefold().translate(AS_IN_LISTS))


def _pieces(text: str) -> list[str]:
    return [text[start : start + PIECE] for start in range(0, max(1, len(text) - PIECE // 2), PIECE // 2)]


def _broken_in(piece: str, adult: bool) -> str | None:
    words = lexicon()
    read, spelled = readings(piece), spelled_out(piece)
    if not (adult or _may_break(words, read, spelled)):
        return None
    found = [words.harmless.sub(" . ", each) for each in read]
    if any(words.coded.search(each) for each in found):
        return "coded"
    sexual = any(words.sexual.search(each) for each in found) or any(map(words.sexual_within.search, spelled))
    if not (sexual or adult):
        return None
    if not sexual:
        found = [words.casual.sub(" . ", each) for each in found]
    sign = _sign_of_minor(words, found, spelled) or ("age" if beside_a_sign(sentences(piece)) else None)
    return f"{'sexual' if sexual else 'adult_persona'}+{sign}" if sign else None


def _may_break(words: Lexicon, read: list[str], spelled: list[str]) -> bool:
    """Nearly all texts may not, whatever is harmless in them: so what costs more is spared them."""
    return any(words.coded.search(each) or words.sexual.search(each) for each in read) or any(
        map(words.sexual_within.search, spelled)
    )


def _sign_of_minor(words: Lexicon, found: list[str], spelled: list[str]) -> str | None:
    if any(map(words.minor_within.search, spelled)):
        return "minor"
    for each in found:
        if words.minor.search(each):
            return "minor"
        if words.school.search(each):
            return "school"
        if speaks_of_minor(each):
            return "age"
    return None
