"""Points in time in a request: text with its time zone. pydantic by itself takes numbers too and guesses their unit."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

YEAR = timedelta(days=366)


def _is_text(value: Any) -> Any:
    if value is not None and not isinstance(value, str | datetime):
        raise ValueError("is text such as 2030-01-31T12:00:00Z")
    return value


def ahead(longest: timedelta) -> AfterValidator:
    """Refuses what has passed, and what is further away than that."""

    def check(moment: datetime | None) -> datetime | None:
        now = datetime.now(UTC)
        if moment is not None and moment <= now:
            raise ValueError("has passed already")
        if moment is not None and moment > now + longest:
            raise ValueError(f"is more than {longest.days:,} days away")
        return moment

    return AfterValidator(check)


def at_once_if_past(moment: datetime | None) -> datetime | None:
    return moment if moment is not None and moment > datetime.now(UTC) else None


Moment = Annotated[AwareDatetime | None, BeforeValidator(_is_text, json_schema_input_type=AwareDatetime | None)]
