"""What the media store has and what its table says, in a folder and in a real S3: found, told, put right."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from jobs import media_check
from jobs.commands import media as media_commands
from jobs.db.files import media as media_rows
from jobs.db.files.media import StoredFile
from jobs.db.session import Database
from jobs.errors import TemporaryError
from jobs.media import MediaStore
from jobs.media_check import Discrepancy, Tally
from jobs.settings import MediaSettings
from sandbox.s3 import ACCESS_KEY, SECRET_KEY, S3Server, program
from tests.factories import execute, rows

AT_ONCE = timedelta(seconds=-60)


def folder(path: Path) -> MediaSettings:
    return MediaSettings(media_url=f"file:{path}", _env_file=None)


@pytest.fixture(params=["folder", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MediaStore]:
    if request.param == "folder":
        yield MediaStore(folder(tmp_path))
        return
    if program() is None:
        pytest.skip("SeaweedFS is not installed: run make install-dev")
    server = S3Server(tmp_path)
    server.start()
    try:
        keys = {"s3_access_key": ACCESS_KEY, "s3_secret_key": SECRET_KEY}
        url = "s3://pictures/of/postgen"
        yield MediaStore(MediaSettings(media_url=url, s3_endpoint=server.endpoint, **keys, _env_file=None))  # type: ignore[arg-type]  # strings become secrets
    finally:
        server.stop()


async def known(database: Database, stored: StoredFile) -> StoredFile:
    async with database.transaction() as connection:
        await media_rows.insert(connection, stored, owner="o", job_id=None, ttl=3600)
    return stored


async def found(database: Database, store: MediaStore, *, deep: bool = False) -> set[Discrepancy]:
    looked = media_check.discrepancies(database, store, Tally(), deep=deep, unclaimed=AT_ONCE)
    return {each async for each in looked}


async def test_every_way_in_which_they_disagree_is_found_and_what_is_of_no_use_is_removed(
    database: Database, store: MediaStore
) -> None:
    whole = await known(database, await store.put(b"whole", uuid4()))
    gone = await known(database, await store.put(b"gone", uuid4()))
    shorter = await known(database, await store.put(b"longer once", uuid4()))
    other = await known(database, await store.put(b"what was stored", uuid4()))
    unknown = await store.put(b"nobody knows", uuid4())
    expired = await known(database, await store.put(b"expired", uuid4()))
    await store.delete([gone.key, expired.key])
    await store.put(b"short", shorter.id)
    await store.put(b"what is stored.", other.id)
    await execute(database, f"UPDATE media SET expires_at = now() WHERE id = '{expired.id}'")

    useless = {Discrepancy(gone.key, "no bytes"), Discrepancy(unknown.key, "no row")}
    cut, changed = Discrepancy(shorter.key, "other size"), Discrepancy(other.key, "other bytes")
    assert await found(database, store) == {*useless, cut}
    assert await found(database, store, deep=True) == {*useless, cut, changed}

    await media_check.remove_unclaimed(database, store)
    assert await store.has(unknown.key), "a run may be about to make it known"
    assert all([await media_check.repair(database, store, each) for each in useless])
    assert not await media_check.repair(database, store, cut)
    assert await found(database, store) == {cut}
    assert {row["id"] for row in await rows(database, "SELECT id FROM media")} == {
        whole.id, shorter.id, other.id, expired.id,
    }  # fmt: skip
    assert await store.get(whole.key) == b"whole"


async def test_the_command_says_what_it_found_and_what_it_removed(
    database: Database,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("MEDIA_URL", f"file:{tmp_path / 'media'}")
    store = MediaStore(folder(tmp_path / "media"))
    assert await media_commands.check(mend=False, deep=True)
    assert "0 files, 0 rows: they agree." in capsys.readouterr().out
    lost = await known(database, await store.put(b"lost", uuid4()))
    changed = await known(database, await store.put(b"changed", uuid4()))
    await store.delete([lost.key])
    assert not await media_commands.check(mend=False, deep=False)
    assert "1 do not agree. --repair removes" in capsys.readouterr().out
    assert await media_commands.check(mend=True, deep=False)
    assert f"{lost.key}: a row without bytes" in capsys.readouterr().out
    await store.put(b"CHANGED", changed.id)
    assert not await media_commands.check(mend=True, deep=True)
    assert "1 do not agree. Restore them from a backup." in capsys.readouterr().out


async def test_a_store_that_is_down_is_no_empty_store(database: Database) -> None:
    """Whatever is known would look lost, and --repair would forget it all."""
    keys = {"s3_endpoint": "http://127.0.0.1:9", "s3_access_key": "a", "s3_secret_key": "b"}
    away = MediaStore(MediaSettings(media_url="s3://pictures", **keys, _env_file=None))  # type: ignore[arg-type]  # strings become secrets
    away.store = away.store.__class__(
        "pictures", config={"endpoint": keys["s3_endpoint"], "allow_http": "true"},
        retry_config={"max_retries": 0, "retry_timeout": timedelta(seconds=1)},
    )  # fmt: skip
    with pytest.raises(TemporaryError):
        await found(database, away)
