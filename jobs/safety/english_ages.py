"""How an age below eighteen is said in English."""

from collections.abc import Iterator

DIGITS = r"(?:1[0-7]|0?[0-9])"
UNIT = r"(?:years?|yrs?|y)"
WHO = (
    r"(?:girl|boy|woman|man|female|male|lady|guy|person|student|sister|brother|daughter|son|niece|nephew|model"
    r"|character)s?"
)
# what else is counted, so that a number before it is no age
MEASURED = (
    r"(?:minute|min|hour|second|sec|day|week|month|step|time|percent|cm|mm|km|kg|meter|metre|mile|foot|feet|ft|inch"
    r"|pound|lb|degree|point|dollar|euro|star|level|chapter|bit|year|yr|people|pm|am|th|st|nd|rd|k|of|to|out|o clock"
    r"|more|other)s?\b"
)
# what else is old
THINGS = (
    r"(?:whisky|whiskey|wine|scotch|rum|house|car|cat|dog|horse|building|tree|bottle|company|project|marriage|laptop"
    r"|computer|friendship|bike)s?\b"
)
LATER = r"(?:ago|later|together|in|into|and|married|sober|after|before)\b"
ABOUT = r"(?:only |just |like |about |still |barely |roughly )?"


def english(words: str) -> Iterator[str]:
    """Patterns; `words`: the numbers below eighteen in words."""
    number = rf"(?:{DIGITS}|{words})"
    # 16 years old, 16 yo, 16 y/o, 8 months old
    yield rf"\b{number} (?:{UNIT} ?(?:old|o)|yo|y o|yrold|yearold)s?\b(?! {THINGS})"
    yield rf"\b{number} (?:month|week|day)s? old\b(?! {THINGS})"
    yield rf"\b{number} {UNIT} of age\b"
    # aged 16, age 16, at the age of 16, sweet 16
    said = r"(?:aged?|ages|age of|age is|sweet|turned|turning|barely|not even)"
    yield rf"\b{said} (?:only |just |about )?{number}\b(?! {MEASURED})"
    # 16 years girl, girl of 16, girl 16 years
    yield rf"\b{number} {UNIT} {WHO}\b"
    yield (
        rf"\b{WHO} (?:of|who is|who s|is|are|aged) (?:only |just |about )?{number}\b(?! (?!{UNIT}\b){MEASURED})"
        rf"(?! {UNIT} {LATER})"
    )
    yield rf"\b{WHO} {number} {UNIT}\b(?! {LATER})"
    # she is 16, i m only 16, she looks 16
    be = r"(?: s| m| re| is| am| are| was| were| looks| look|m|s)"
    yield rf"\b(?:she|he|i|they|you){be} {ABOUT}{number}\b(?! {MEASURED})"
    # 16f
    yield r"\b1[0-7] ?f\b"
