"""When it is tried again, when an endpoint is given up, and how much it is given at a time."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from jobs.webhooks.schedule import WAITS, notice_due, wait_after
from jobs.webhooks.windows import Windows


def test_the_schedule_covers_three_days_and_never_comes_early() -> None:
    assert sum(WAITS) >= 72 * 3600
    for tries, wait in enumerate(WAITS[1:], 1):
        drawn = [wait_after(tries) for _ in range(50)]
        assert all(wait <= (each or 0) <= wait * 1.1 for each in drawn)
    assert wait_after(len(WAITS)) is None


def test_how_far_the_way_to_being_disabled_is() -> None:
    now = datetime(2026, 11, 22, tzinfo=UTC)
    found = [notice_due(10, now - timedelta(hours=hours), now) for hours in (0, 59, 60, 84, 108, 120, 500)]
    assert found == [None, None, 50, 70, 90, 100, 100]
    assert notice_due(9, now - timedelta(days=30), now) == 90, "few failures are no proof"


def test_a_window_opens_with_success_and_shuts_with_a_failure() -> None:
    windows, endpoint = Windows(widest=3), uuid4()
    first = windows.enter(endpoint)
    assert first is not None
    assert windows.enter(endpoint) is None
    windows.leave(endpoint, first, success=True)
    places = [windows.enter(endpoint) for _ in range(3)]
    assert places[2] is None
    for place in places[:2]:
        windows.leave(endpoint, place or 0, success=True)
    assert windows.room(endpoint) == 3
    windows.leave(endpoint, windows.enter(endpoint) or 0, success=False)
    assert windows.room(endpoint) == 1


def test_who_does_not_answer_for_a_second_gets_nothing_more() -> None:
    now = 100.0
    windows, endpoint = Windows(clock=lambda: now), uuid4()
    for _ in range(4):
        windows.leave(endpoint, windows.enter(endpoint) or 0, success=True)
    place = windows.enter(endpoint)
    assert windows.room(endpoint) == 3
    now += 1.1
    assert windows.room(endpoint) == 0
    windows.leave(endpoint, place or 0, success=True)
    assert windows.room(endpoint) == 4
