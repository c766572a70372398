"""Long texts in parts that Telegram accepts, and nothing lost."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from jobs.companion.messages.outbox import LONGEST_TEXT, length, split_text

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
WORDS = st.lists(st.sampled_from(["a", "bb", "🦊", "слово", "\n", "\n\n", " ", "x" * 40]), max_size=60).map("".join)


def without_spaces(text: str) -> str:
    return "".join(text.split())


@given(TEXT | WORDS, st.integers(min_value=2, max_value=80))
@example("🦊" * 10, 3)
@example(" " * 50, 2)
@example("x\u2028y\u00a0z\u3000" * 20, 5)
def test_parts_fit_keep_their_order_and_lose_only_space_between(text: str, limit: int) -> None:
    parts = split_text(text, limit)
    assert all(0 < length(part) <= limit for part in parts)
    assert all(part == part.strip() for part in parts), "Telegram would strip it, and an empty text is refused"
    assert without_spaces("".join(parts)) == without_spaces(text)


@given(TEXT)
def test_length_counts_as_telegram_does(text: str) -> None:
    assert length(text) == sum(2 if ord(character) > 0xFFFF else 1 for character in text)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_a_text_that_fits_stays_whole(text: str) -> None:
    assert split_text(text) == ([text.strip()] if text.strip() else [])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        (" \n ", []),
        ("aaaa bbbb", ["aaaa", "bbbb"]),
        ("one two\n\nthree", ["one two", "three"]),
        ("aaaaaaaaaaaaaaa", ["aaaaaaaa", "aaaaaaa"]),
        ("aa bbbbbbbbb", ["aa bbbbb", "bbbb"]),  # the space is too far in front
    ],
)
def test_where_it_is_cut(text: str, parts: list[str]) -> None:
    assert split_text(text, 8) == parts


def test_a_paragraph_goes_before_a_line_and_a_line_before_a_space() -> None:
    text = "a" * 2500 + "\n\n" + "b" * 500 + "\n" + "c" * 500 + " " + "d" * 1000
    assert [len(part) for part in split_text(text)] == [2500, 2002]


def test_a_character_is_never_cut_in_two() -> None:
    parts = split_text("🦊" * 5000)
    assert "".join(parts) == "🦊" * 5000
    assert [length(part) for part in parts] == [LONGEST_TEXT, LONGEST_TEXT, 10_000 - 2 * LONGEST_TEXT]
