"""`postgen providers`, `postgen providers calls` and `postgen providers reset`, as a person reads them."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs.commands import providers as commands
from jobs.db.provider import provider_calls
from jobs.db.provider.provider_calls import ProviderCall
from jobs.db.session import Database
from jobs.errors import NotFound
from tests.factories import execute
from tests.jobs.guard.fleet import attempt, opened_guard, settled, trip


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("no-dotenv"))
    monkeypatch.setenv("DATABASE_URL", database_url)


async def test_before_any_worker_was_started(capsys: pytest.CaptureFixture[str]) -> None:
    assert await commands.providers() is True
    assert "Start one" in capsys.readouterr().out
    assert await commands.calls(errors=False, provider=None, limit=10) is True
    assert "No call" in capsys.readouterr().out


async def test_an_outage_from_its_beginning_to_the_operators_hand(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    async with opened_guard(database, venice_max_concurrent=4, venice_daily_calls=10) as guard:
        await guard.announce({("venice", "llm")})
        await trip(guard)
        await settled(guard)
        await execute(database, "UPDATE providers SET open_until = now() + interval '10 min'")
        await commands.providers()
        said = capsys.readouterr().out
        assert "open, tried again in 10 min" in said
        assert "0 of 4" in said
        assert "3 of 10   7" in said
        assert "0 of 15" in said
        assert "transient: The language model is down (503)." in said

        assert await commands.reset("venice") is True
        assert await attempt(guard) == "well"
        await settled(guard)
        capsys.readouterr()
        await commands.providers()
        assert "closed" in capsys.readouterr().out


async def test_a_provider_that_is_not_known_cannot_be_reset(database: Database) -> None:
    async with opened_guard(database) as guard:
        await guard.announce({("venice", "llm")})
    with pytest.raises(NotFound, match="There are: venice"):
        await commands.reset("venus")


async def test_the_log_is_read_from_above_to_below(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    now = datetime.now(UTC)
    older = ProviderCall("venice", "tiny", "llm", "success", 120, now - timedelta(minutes=1), prompt_tokens=7)
    newer = ProviderCall("gemini", "flash", "llm", "transient", 80, now, status_code=503, error="It is [down].")
    async with database.transaction() as connection:
        await provider_calls.insert(connection, [older, newer])
    await commands.calls(errors=False, provider=None, limit=10)
    _, first, second = capsys.readouterr().out.splitlines()
    assert "venice" in first
    assert "503" in second
    assert "It is [down]." in second
    await commands.calls(errors=True, provider=None, limit=10)
    assert "venice" not in capsys.readouterr().out
    await commands.calls(errors=False, provider="venice", limit=10)
    assert "gemini" not in capsys.readouterr().out
