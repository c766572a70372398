"""A JSON document with {names} in its texts, filled with values."""

import re
from collections.abc import Mapping
from typing import Any

NAME = re.compile(r"\{([a-z_]+)\}", re.ASCII)


def filled(template: Any, values: Mapping[str, Any]) -> Any:
    """A text that is nothing but one name becomes the value, whatever it is; a member whose value is None is left out.

    What is in braces and no known name stays as it is.
    """
    if isinstance(template, dict):
        return {key: value for key, each in template.items() if (value := filled(each, values)) is not None}
    if isinstance(template, list):
        return [value for each in template if (value := filled(each, values)) is not None]
    if not isinstance(template, str):
        return template
    whole = NAME.fullmatch(template)
    if whole and whole[1] in values:
        return values[whole[1]]
    return NAME.sub(lambda found: _text(values.get(found[1], found[0])), template)


def names_in(template: Any) -> set[str]:
    if isinstance(template, dict):
        return set().union(*(names_in(each) for each in template.values()))
    if isinstance(template, list):
        return set().union(*(names_in(each) for each in template))
    return set(NAME.findall(template)) if isinstance(template, str) else set()


def _text(value: Any) -> str:
    return "" if value is None else str(value)
