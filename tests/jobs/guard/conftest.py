"""PostgreSQL answers: on a machine that does other things too sixty calls at once may wait for longer than a second."""

import pytest

from jobs.guard import ledger


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise each worker would go on within its own share of the limits, which is not what is tested here."""
    monkeypatch.setattr(ledger, "LONGEST_ANSWER", 30.0)
