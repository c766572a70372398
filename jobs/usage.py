"""What runs cost, together: tokens, GPU seconds."""

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


def summed(before: Json, now: Mapping[str, float]) -> Json:
    return {**before, **{name: round(before.get(name, 0) + used, 3) for name, used in now.items()}}


def less(whole: Json, part: Mapping[str, float]) -> Json:
    """What is left of `whole` without `part`; what comes to nothing is left out."""
    rest = {name: round(used - part.get(name, 0), 3) for name, used in whole.items()}
    return {name: used for name, used in rest.items() if used}
