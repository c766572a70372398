"""Range, If-Range and If-None-Match, as RFC 9110 has them."""

import pytest

from api.answers.byte_range import NotSatisfiable, Part, is_known, wanted_part

ETAG = '"abc"'


def part(asked: str | None, *, size: int = 100, only_if: str | None = None) -> Part | None:
    return wanted_part(size, ETAG, asked=asked, only_if=only_if)


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=90-", 90, 100),
        ("bytes=0-", 0, 100),
        ("bytes=50-4000", 50, 100),
        ("bytes=-1", 99, 100),
        ("bytes=-100", 0, 100),
        ("bytes=-4000", 0, 100),
        ("Bytes= 1-2 ", 1, 3),
    ],
)
def test_a_part(asked: str, start: int, stop: int) -> None:
    assert part(asked) == Part(start, stop)


@pytest.mark.parametrize(
    "asked", [None, "", "bytes=", "bytes=-", "bytes=5-2", "bytes=a-b", "pages=1-2", "bytes=0-1,5-6", "bytes=1", "1-2",
              "bytes=+1-2", "bytes=1-2-3", "bytes=٣-٤", f"bytes={'9' * 30}-"]
)  # fmt: skip
def test_what_is_not_understood_means_the_whole(asked: str | None) -> None:
    assert part(asked) is None


@pytest.mark.parametrize("asked", ["bytes=100-", "bytes=100-200", "bytes=-0", f"bytes={'9' * 19}-"])
def test_beyond_the_file(asked: str) -> None:
    with pytest.raises(NotSatisfiable):
        part(asked)


@pytest.mark.parametrize("asked", ["bytes=0-", "bytes=0-0", "bytes=-1"])
def test_an_empty_file_has_no_parts(asked: str) -> None:
    with pytest.raises(NotSatisfiable):
        part(asked, size=0)


@pytest.mark.parametrize(
    ("only_if", "found"),
    [
        (ETAG, Part(0, 1)),
        ('"other"', None),
        (f"W/{ETAG}", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
def test_a_part_of_this_version_only(only_if: str, found: Part | None) -> None:
    assert part("bytes=0-0", only_if=only_if) == found
    assert part(None, only_if=only_if) is None


@pytest.mark.parametrize(
    ("known", "same"),
    [
        (None, False),
        ("", False),
        (ETAG, True),
        ("*", True),
        (f'W/{ETAG}', True),
        (f'"x", W/{ETAG}', True),
        ('"x","y"', False),
        ("abc", False),
    ],
)  # fmt: skip
def test_known_versions(known: str | None, same: bool) -> None:
    assert is_known(ETAG, known) is same
