"""`postgen keys create | list | revoke`: keys of the REST API, for whoever has the database but no key yet."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from jobs.commands.database import opened_database
from jobs.commands.tables import show
from jobs.db.access import api_keys
from jobs.db.access.api_keys import DEFAULT_REQUESTS_PER_MINUTE, MOST_REQUESTS_PER_MINUTE, SCOPES, ApiKey, checked_owner
from jobs.errors import InvalidInput, NotFound
from jobs.storable import is_storable

MOST_SHOWN = 1000
LONGEST_DAYS = 36_525


async def create(
    *,
    owner: str | None = None,
    name: str = "",
    scopes: Sequence[str] = ("jobs",),
    requests_per_minute: int = DEFAULT_REQUESTS_PER_MINUTE,
    open_jobs: int | None = None,
    days: int | None = None,
) -> bool:
    """Print the key, alone on its line, so that a script can take it. `days`: for how long; for ever without.

    Raises InvalidInput.
    """
    _check(name, scopes, requests_per_minute, open_jobs, days)
    account = checked_owner(owner)
    async with opened_database() as database, database.transaction() as connection:
        key, made = await api_keys.insert(
            connection,
            owner=account,
            name=name,
            scopes=sorted(set(scopes)),
            requests_per_minute=requests_per_minute,
            open_jobs=open_jobs,
            expires_at=datetime.now(UTC) + timedelta(days=days) if days else None,
        )
    print(key)
    print(f"It belongs to {made.owner} and is for {' and '.join(made.scopes)}. Keep it: it is not shown again.")
    return True


async def list_keys() -> bool:
    async with opened_database() as database, database.transaction() as connection:
        found = await api_keys.newest(connection, MOST_SHOWN)
    now = datetime.now(UTC)
    show(
        ("PREFIX", "OWNER", "NAME", "SCOPES", "STATE", "A MINUTE", "OPEN JOBS", "LAST USED"),
        [
            (
                key.prefix, key.owner, key.name, ",".join(key.scopes), _state(key, now), str(key.requests_per_minute),
                str(key.open_jobs or ""), _moment(key.last_used_at),
            )
            for key in found
        ],
    )  # fmt: skip
    return True


async def revoke(prefix: str) -> bool:
    """From now on it opens nothing. Raises NotFound."""
    async with opened_database() as database, database.transaction() as connection:
        revoked = await api_keys.revoke_by_prefix(connection, prefix.removeprefix("pg_").partition("_")[0])
    if revoked is None:
        raise NotFound(f"There is no key {prefix}. `postgen keys list` shows the prefixes of all keys.")
    print(f"The key {revoked.prefix} of {revoked.owner} opens nothing any more.")
    return True


def _check(name: str, scopes: Sequence[str], requests_per_minute: int, open_jobs: int | None, days: int | None) -> None:
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise InvalidInput(f"There is no scope {', '.join(unknown) or 'named'}. Scopes: {', '.join(SCOPES)}.")
    if not 1 <= requests_per_minute <= MOST_REQUESTS_PER_MINUTE:
        raise InvalidInput(f"A key allows 1 to {MOST_REQUESTS_PER_MINUTE:,} requests a minute.")
    if open_jobs is not None and not 1 <= open_jobs <= api_keys.MOST_OPEN_JOBS:
        raise InvalidInput("The open jobs of a key are 1 at least; leave them out for any number.")
    if days is not None and not 1 <= days <= LONGEST_DAYS:
        raise InvalidInput(f"A key is valid for 1 to {LONGEST_DAYS:,} days; leave them out for ever.")
    if len(name) > api_keys.LONGEST_NAME or not is_storable(name):
        raise InvalidInput(f"The name is at most {api_keys.LONGEST_NAME} characters long.")


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at:
        return "revoked"
    if key.expires_at is None:
        return "valid"
    return f"until {_moment(key.expires_at)}" if key.expires_at > now else "expired"


def _moment(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M") if moment else ""
