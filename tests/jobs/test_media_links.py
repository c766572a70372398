"""A link opens one file until it expires, and nothing else."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest

from jobs.media_links import LinkExpired, LinkRefused, media_url, verify

SECRET = b"s" * 32
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)


def parts(url: str) -> tuple[UUID, int, str]:
    split = urlsplit(url)
    query = parse_qs(split.query, strict_parsing=True)
    return UUID(split.path.rpartition("/")[2]), int(query["expires"][0]), query["signature"][0]


def test_a_link_of_ours_is_accepted_until_it_expires() -> None:
    media_id = uuid4()
    found, expires, signature = parts(media_url(media_id, SECRET, expires_at=LATER))
    assert found == media_id
    verify(found, expires, signature, SECRET, now=NOW)
    verify(found, expires, signature, SECRET, now=LATER - timedelta(seconds=1))
    with pytest.raises(LinkExpired, match="2026-05-01 13:00 UTC"):
        verify(found, expires, signature, SECRET, now=LATER)


def test_a_changed_link_is_refused() -> None:
    media_id, expires, signature = parts(media_url(uuid4(), SECRET, expires_at=LATER))
    for changed in (
        (uuid4(), expires, signature),
        (media_id, expires + 1, signature),
        (media_id, expires, signature[:-2] + ("AA" if signature[-2:] != "AA" else "BB")),
        (media_id, expires, ""),
        (media_id, expires, "ключ"),
    ):
        with pytest.raises(LinkRefused):
            verify(*changed, SECRET, now=NOW)
    with pytest.raises(LinkRefused):
        verify(media_id, expires, signature, b"t" * 32, now=NOW)


def test_of_a_forged_link_nobody_learns_whether_it_expired() -> None:
    with pytest.raises(LinkRefused):
        verify(uuid4(), 1, "forged", SECRET, now=NOW)


def test_without_a_date_it_lives_for_a_day_and_is_the_same_within_the_hour() -> None:
    media_id = uuid4()
    first, second = (media_url(media_id, SECRET) for _ in range(2))
    # at the full hour between them they may differ, but a third then equals the second
    assert first == second or second == media_url(media_id, SECRET)
    left = datetime.fromtimestamp(parts(second)[1], UTC) - datetime.now(UTC)
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=25)


def test_the_public_address_stands_before_the_path() -> None:
    media_id = uuid4()
    relative = media_url(media_id, SECRET, expires_at=LATER)
    assert relative.startswith(f"/v1/media/{media_id}?")
    assert media_url(media_id, SECRET, expires_at=LATER, public_url="https://x.example/") == (
        f"https://x.example{relative}"
    )
