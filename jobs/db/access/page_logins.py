"""How often has an address tried to log in? What is known of an address is a hash that only this installation makes."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

# as many at once, and as many a minute after that
TRIES = 10

EVERY = f"interval '{60_000_000 // TRIES} microseconds'"
# as in api_keys: each try moves `arrival` on, and is refused when that would lie more than a minute ahead
COUNT = text(
    "WITH counted AS (INSERT INTO page_logins AS known (address_hash, arrival)"
    f"  VALUES (:address, now() + {EVERY}) ON CONFLICT (address_hash) DO UPDATE"
    f"   SET arrival = greatest(known.arrival, now()) + {EVERY}"
    f"   WHERE greatest(known.arrival, now()) + {EVERY} <= now() + interval '1 minute' RETURNING arrival) "
    "SELECT CASE WHEN EXISTS (SELECT FROM counted) THEN 0 ELSE (SELECT greatest(0.001,"
    f"  extract(epoch FROM arrival + {EVERY} - now() - interval '1 minute')) FROM page_logins"
    "  WHERE address_hash = :address) END::float8"
)
GIVE_BACK = text(f"UPDATE page_logins SET arrival = arrival - {EVERY} WHERE address_hash = :address")
FORGET = (
    "DELETE FROM page_logins WHERE address_hash IN (SELECT address_hash FROM page_logins WHERE arrival < now()"
    " LIMIT :chunk)"
)


async def count(connection: AsyncConnection, address: bytes) -> float:
    """0 where it may try; otherwise the seconds until it may."""
    return float((await connection.execute(COUNT, {"address": address})).scalar_one() or 0)


async def give_back(connection: AsyncConnection, address: bytes) -> None:
    """It had a good key: such a try does not count."""
    await connection.execute(GIVE_BACK, {"address": address})
