import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.commands.sse import EventParser, ServerEvent

# the examples of the standard, and what else it says
CASES = {
    b"data: YHOO\ndata: +2\ndata: 10\n\n": [("message", "YHOO\n+2\n10", "")],
    b": comment\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third\n\n": [
        ("message", "first event", "1"), ("message", "second event", ""), ("message", " third", ""),
    ],
    b"data\n\ndata\ndata\n\ndata:": [("message", "", ""), ("message", "\n", "")],
    b"event: add\r\ndata: 1\r\n\r\nevent: add\rdata: 2\r\r": [("add", "1", ""), ("add", "2", "")],
    b"\xef\xbb\xbfdata: marked\n\n": [("message", "marked", "")],
    b"event: nothing\nid: 7\n\ndata: x\n\n": [("message", "x", "7")],
    b"id: a\x00b\ndata: x\n\n": [("message", "x", "")],
    "data: a\u2028b\x0bc\x85d\n\n".encode(): [("message", "a\u2028b\x0bc\x85d", "")],
    b"unknown: field\ndata: x\n\n": [("message", "x", "")],
}  # fmt: skip


@pytest.mark.parametrize("stream", CASES)
def test_a_stream_is_read_as_its_standard_says(stream: bytes) -> None:
    assert EventParser().feed(stream) == [ServerEvent(*event) for event in CASES[stream]]


@given(st.sampled_from(sorted(CASES)), st.data())
def test_it_does_not_matter_where_the_bytes_are_cut(stream: bytes, data: st.DataObject) -> None:
    parser = EventParser()
    found, at = [], 0
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream)))
        found += parser.feed(stream[at : at + size])
        at += size
    assert found == [ServerEvent(*event) for event in CASES[stream]]


def test_the_hint_when_to_come_back_is_kept() -> None:
    parser = EventParser(last_id="5")
    assert parser.feed(b"retry: 1500\n\nretry: soon\ndata: x\n\n") == [ServerEvent("message", "x", "5")]
    assert parser.retry_ms == 1500
