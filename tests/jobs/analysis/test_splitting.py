"""Documents in parts: nothing is lost or said twice, nothing is too long, and what belongs together is together."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from jobs.analysis.alignment import align
from jobs.analysis.room import room_in
from jobs.analysis.splitting import Part, split
from jobs.errors import PermanentError
from tests.jobs.analysis.comparing import contract

LINES = some.sampled_from(
    ["1. Subject", "2.1. The fee", "Статья 3. Срок", "## Terms", "", "A sentence. And another one; a third?",
     "Ещё одно предложение о сроках поставки.", "x" * 700, "契約の目的。支払い。", "(a) first", "\t"]
)  # fmt: skip
TEXTS = some.lists(LINES, max_size=60).map("\n".join)


def shown(text: str, parts: list[Part], document: int) -> list[str]:
    return [text[each.start : each.end] for part in parts for each in part if each.document == document]


@given(texts=some.lists(TEXTS, min_size=1, max_size=3), room=some.integers(600, 5000))
@settings(max_examples=60, deadline=None)
def test_every_word_is_in_exactly_one_part_and_no_part_is_too_long(texts: list[str], room: int) -> None:
    parts = split(texts, room)
    for number, text in enumerate(texts):
        spans = sorted((each.start, each.end) for part in parts for each in part if each.document == number)
        covered = "".join(text[start:end] for start, end in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        assert "".join(covered.split()) == "".join(text.split())
    for part in parts:
        assert part
        assert sum(len(texts[each.document][each.start : each.end].encode()) for each in part) <= room


def test_sections_stay_with_those_of_the_same_heading_though_their_numbers_moved() -> None:
    old, new = "\n\n".join(contract()), "\n\n".join(contract(changed=True))
    parts = split([old, new], 6000)
    assert len(parts) > 4
    for letter in "ABCDEFGHIJKL":
        heading = f"Section about matter {letter}\n"
        homes = [
            [number for number, part in enumerate(parts) if any(heading in text for text in shown(whole, [part], side))]
            for side, whole in enumerate((old, new))
        ]
        assert homes[0] == homes[1], heading
        assert len(homes[0]) == 1


def test_a_section_that_moved_is_compared_with_itself_and_a_new_one_goes_with_the_one_before() -> None:
    base = ["1. Price\nten", "2. Term\na year", "3. Courts\nof Paris"]
    side = ["1. Courts\nof Rome", "2. Price\neleven", "3. Pets\nnone", "4. Term\ntwo years"]
    assert align([base, side]) == [[[0], [1, 2]], [[1], [3]], [[2], [0]]]


def test_pieces_without_headings_are_told_by_their_words() -> None:
    base = ["the seller delivers the goods to the harbour of Riga", "the buyer pays within thirty days after that"]
    side = [
        "a line about nothing else",
        "the buyer pays within sixty days after that",
        "the seller delivers the goods to Riga",
    ]
    assert align([base, side]) == [[[0], [0, 2]], [[1], [1]]]


def test_a_window_that_holds_too_little_is_refused_in_words() -> None:
    assert room_in(32768, "x" * 3000, 2, model="m").text > 30_000
    assert room_in(4096, "x" * 3000, 2, model="m").text > 1000
    with pytest.raises(PermanentError) as small:
        room_in(2048, "x" * 3000, 2, model="tiny")
    assert small.value.code == "context_too_small"
    assert "tiny" in small.value.detail
    assert "2,048" in small.value.detail
