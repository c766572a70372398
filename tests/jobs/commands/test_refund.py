"""`postgen refund`, against a Bot API on which somebody has paid."""

from collections.abc import AsyncIterator

import pytest

from jobs.commands.refund import refund
from jobs.db.session import Database
from jobs.errors import InvalidInput, NotFound
from sandbox.bot_api.faults import FaultKind, FaultOrder
from tests.factories import TOKEN, value
from tests.jobs.companion.purses import balance, entries, sound
from tests.webhook.shop import WALLET, Shop, opened_shop


@pytest.fixture
async def shop(
    database_url: str, database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Shop]:
    monkeypatch.chdir(tmp_path_factory.mktemp("no-dotenv"))
    async with opened_shop(database_url, database, retry_scale=0.01) as opened:
        monkeypatch.setenv("TELEGRAM_API_BASE", opened.url)
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
        monkeypatch.setenv("DATABASE_URL", database_url)
        monkeypatch.setenv("DIAMONDS_START", "25")
        yield opened
    await sound(database)


async def test_the_stars_go_back_and_what_they_bought_too(
    shop: Shop, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    anna = await shop.person()
    charge_id = await shop.buy(anna)
    said = len(await shop.from_bot(anna))
    assert await refund(charge_id)
    assert f"50 stars went back to user {anna}." in capsys.readouterr().out
    await shop.until_said(anna, said + 1)
    assert await balance(database, WALLET, user=anna) == 25
    # and again, as after a crash in between
    assert await refund(charge_id)
    assert [amount for _, amount, _ in await entries(database, user=anna)] == [60, -60]
    assert await value(database, "SELECT count(*) FROM deliveries WHERE payload->>'text' LIKE '%went back%'") == 1


async def test_the_message_of_telegram_need_not_come(
    shop: Shop, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    anna = await shop.person()
    charge_id = await shop.buy(anna)
    await shop.call("deleteWebhook", drop_pending_updates=True)
    assert await refund(charge_id)
    assert "Taken back: 60 diamonds." in capsys.readouterr().out
    assert await balance(database, WALLET, user=anna) == 25
    assert (await shop.until_said(anna, 4))[-1]["text"].startswith("⭐ 50 went back to you")


async def test_telegram_does_not_answer(shop: Shop, database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    anna = await shop.person()
    charge_id = await shop.buy(anna)
    shop.sandbox.faults.order(FaultOrder(kind=FaultKind.DROP_BEFORE, method="refundStarPayment"))
    assert not await refund(charge_id)
    assert "Try again: nothing is refunded twice." in capsys.readouterr().out
    assert await balance(database, WALLET, user=anna) == 85


async def test_a_charge_that_telegram_does_not_know(
    shop: Shop, database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    anna = await shop.person()
    charge_id = await shop.buy(anna)
    assert not await refund(charge_id, user_id=anna + 1)
    assert "Telegram refuses the refund: Bad Request: CHARGE_NOT_FOUND" in capsys.readouterr().out
    assert await balance(database, WALLET, user=anna) == 85


async def test_a_charge_that_nobody_knows(shop: Shop) -> None:
    with pytest.raises(NotFound, match="There is no payment stx-nonsense"):
        await refund("stx-nonsense")


async def test_somebody_who_was_forgotten_must_be_named(shop: Shop, database: Database) -> None:
    anna = await shop.person()
    charge_id = await shop.buy(anna)
    async with database.transaction() as connection:
        await WALLET.forget(connection, anna)
    with pytest.raises(InvalidInput, match="--user"):
        await refund(charge_id)
    assert await refund(charge_id, user_id=anna)
    assert await value(database, "SELECT sum(amount) FROM wallet_entries WHERE unit = 'diamonds'") == 0
