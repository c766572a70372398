"""`postgen keys`: from nothing to a first request, and to the end of a key."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs.commands import keys
from jobs.db.session import Database
from jobs.errors import InvalidInput, NotFound
from tests.api.opened_api import client, rest_app
from tests.factories import execute, rows, value


@pytest.fixture(autouse=True)
def reached(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)


async def test_made_used_listed_and_revoked(
    database_url: str, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await keys.create(owner="account:shop", name="the shop", scopes=("jobs", "admin"), open_jobs=5, days=30)
    key, words = capsys.readouterr().out.splitlines()
    assert "account:shop" in words
    app = rest_app(database_url)
    async with client(app, key) as http:
        assert (await http.get("/v1/keys")).status_code == 200
        assert await keys.list_keys()
        listed = capsys.readouterr().out
        prefix = key.split("_")[1]
        assert all(each in listed for each in (prefix, "account:shop", "the shop", "admin,jobs", "until ", "600", "5"))
        assert key.split("_")[2] not in listed
        assert await keys.revoke(prefix)
        assert (await http.get("/v1/keys")).status_code == 401
    await app.state.database.aclose()
    capsys.readouterr()
    await keys.list_keys()
    assert "revoked" in capsys.readouterr().out


async def test_the_whole_key_may_be_given_to_revoke_it(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    await keys.create()
    key = capsys.readouterr().out.splitlines()[0]
    assert await keys.revoke(key)
    assert await value(database, "SELECT revoked_at IS NOT NULL FROM api_keys")
    with pytest.raises(NotFound, match="postgen keys list"):
        await keys.revoke("000000000000")


async def test_days_are_counted_from_now(database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    await keys.create(days=2)
    expires_at = await value(database, "SELECT expires_at FROM api_keys")
    assert abs(expires_at - datetime.now(UTC) - timedelta(days=2)) < timedelta(minutes=5)
    await execute(database, "UPDATE api_keys SET expires_at = now() - interval '1 day'")
    capsys.readouterr()
    await keys.list_keys()
    assert "expired" in capsys.readouterr().out


async def test_what_a_key_cannot_be(database: Database) -> None:
    for wrong in (
        {"owner": "telegram:7"}, {"scopes": ("root",)}, {"scopes": ()}, {"requests_per_minute": 0}, {"open_jobs": 0},
        {"days": 0}, {"days": 10**6}, {"name": "x" * 201}, {"name": "\x00"},
    ):  # fmt: skip
        with pytest.raises(InvalidInput):
            await keys.create(**wrong)
    assert await rows(database, "SELECT id FROM api_keys") == []
