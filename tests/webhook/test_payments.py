"""Telegram Stars, as the Bot API tells of them: asked before, credited once, taken back once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from jobs.companion.wallet.reconciliation import reconcile
from jobs.companion.wording import say
from jobs.db.session import Database
from sandbox.bot_api.faults import FaultKind, FaultOrder
from tests.factories import Door, execute, message, opened_door, rows, sender, value
from tests.jobs.companion.purses import PICTURE, balance, entries, sound
from tests.webhook.shop import WALLET, Shop, opened_shop

INVOICE = "buy:50:60:diamonds"


@pytest.fixture
async def shop(database_url: str, database: Database) -> AsyncIterator[Shop]:
    async with opened_shop(database_url, database, retry_scale=0.01) as opened:
        yield opened
    await sound(database)


async def test_a_purchase_from_the_button_to_the_diamonds(shop: Shop, database: Database) -> None:
    anna = await shop.person()
    offer = (await shop.says(anna, "/buy"))[-1]
    assert offer["text"] == say("en", "buy.choose")
    invoice = await shop.invoice(anna)
    assert invoice["invoice"]["title"] == "Diamonds: 60"
    assert (invoice["invoice"]["currency"], invoice["invoice"]["total_amount"]) == ("XTR", 50)
    assert (await shop.pay(anna, invoice))["status"] == "paid"
    said = await shop.until_said(anna, 4)
    assert said[-1]["text"] == "Thank you! Added: 60 💎."
    assert await balance(database, WALLET, user=anna) == 85
    assert await rows(database, "SELECT * FROM failed_updates") == []


async def test_energy_in_russian(shop: Shop, database: Database) -> None:
    anna = await shop.person("ru")
    await shop.buy(anna, "buy:25:50:energy")
    said = await shop.from_bot(anna)
    assert said[-2]["invoice"]["title"] == "Энергия: 50"
    assert said[-1]["text"] == "Спасибо! Начислено: 50 ⚡."
    assert await balance(database, WALLET, "energy", user=anna) == 60


async def test_every_update_twice_credits_once(shop: Shop, database: Database) -> None:
    """The closest product credited a payment that Telegram repeated a second time."""
    anna = await shop.person()
    for kind in ("pre_checkout_query", "message", "callback_query"):
        shop.sandbox.faults.order(FaultOrder(kind=FaultKind.DELIVER_TWICE, method=kind, times=5))
    await shop.buy(anna)
    assert await balance(database, WALLET, user=anna) == 85
    assert len(await entries(database, user=anna)) == 1


async def test_a_repeated_payment_in_an_update_of_its_own_credits_once(database_url: str, database: Database) -> None:
    """Another update with the same charge: not the update, the charge is what counts."""
    async with opened_door(database_url) as door:
        order = await order_of(database, 7)
        update = door.update("message", message(sender(), successful_payment=payment(order, "stx1")))
        again = door.update("message", message(sender(), successful_payment=payment(order, "stx1")))
        await asyncio.gather(door.post(update), door.post(again), door.post(update))
    assert await entries(database) == [("purchase", 60, 90)]


async def test_an_invoice_that_was_paid_twice_is_credited_twice(database_url: str, database: Database) -> None:
    """It cannot be checked before in time; the money has been taken."""
    async with opened_door(database_url) as door:
        order = await order_of(database, 7)
        for charge in ("stx1", "stx2"):
            await door.post(door.update("message", message(sender(), successful_payment=payment(order, charge))))
    assert [amount for _, amount, _ in await entries(database)] == [60, 60]


async def test_a_paid_invoice_cannot_be_paid_again(shop: Shop, database: Database) -> None:
    anna = await shop.person()
    invoice = await shop.invoice(anna)
    await shop.pay(anna, invoice)
    await shop.until_said(anna, 3)
    again = await shop.pay(anna, invoice)
    assert (again["status"], again["error_message"]) == ("declined", say("en", "checkout.paid"))
    assert await balance(database, WALLET, user=anna) == 85


async def test_an_old_invoice_cannot_be_paid(shop: Shop, database: Database) -> None:
    anna = await shop.person("ru")
    invoice = await shop.invoice(anna)
    await execute(database, "UPDATE star_orders SET created_at = now() - interval '25 hours'")
    checkout = await shop.pay(anna, invoice)
    assert (checkout["status"], checkout["error_message"]) == ("declined", say("ru", "checkout.old"))


async def ask(door: Door, order: str, user: int = 7, **changes: Any) -> dict[str, Any]:
    query = {
        "id": "4711", "from": sender(user), "currency": "XTR", "total_amount": 50, "invoice_payload": order, **changes
    }  # fmt: skip
    answer: dict[str, Any] = (await door.post(door.update("pre_checkout_query", query))).json()
    return answer


async def order_of(database: Database, user: int) -> str:
    insert = "INSERT INTO star_orders (user_id, stars, unit, amount) VALUES (:user, 50, 'diamonds', 60) RETURNING id"
    return str(await value(database, insert, user=user))


def payment(order: str, charge_id: str, **changes: Any) -> dict[str, Any]:
    return {
        "currency": "XTR", "total_amount": 50, "invoice_payload": order, "telegram_payment_charge_id": charge_id,
        "provider_payment_charge_id": "p", **changes,
    }  # fmt: skip


async def test_telegrams_question_is_answered_in_its_own_request(database_url: str, database: Database) -> None:
    async with opened_door(database_url) as door:
        yes = await ask(door, await order_of(database, 7))
    assert yes == {"method": "answerPreCheckoutQuery", "pre_checkout_query_id": "4711", "ok": True}
    assert await value(database, "SELECT count(*) FROM deliveries") == 0, "a queue could be too slow for it"


async def test_what_may_not_be_paid(database_url: str, database: Database) -> None:
    async with opened_door(database_url) as door:
        order = await order_of(database, 7)
        refusals = {
            "another person": (await ask(door, order, user=8), "checkout.not_yours"),
            "another price": (await ask(door, order, total_amount=1), "checkout.old"),
            "another currency": (await ask(door, order, currency="USD"), "checkout.old"),
            "no order": (await ask(door, str(uuid4())), "checkout.old"),
            "no order's number": (await ask(door, "order-1"), "checkout.old"),
        }
    for name, (answer, key) in refusals.items():
        assert answer["ok"] is False, name
        assert answer["error_message"] == say("en", key), name
    assert await rows(database, "SELECT * FROM failed_updates") == []


async def test_a_payment_for_what_nobody_knows_is_kept_and_said(database_url: str, database: Database) -> None:
    async with opened_door(database_url) as door:
        strange = payment("order-1", "stx1")
        await door.post(door.update("message", message(sender(), successful_payment=strange)))
    [kept] = await rows(database, "SELECT * FROM star_payments")
    assert (kept["charge_id"], kept["unit"], kept["amount"], kept["stars"]) == ("stx1", None, 0, 50)
    said = await value(database, "SELECT payload->>'text' FROM deliveries")
    assert said == say("en", "payment.unclear", stars=50, charge_id="stx1")
    assert await entries(database) == []


async def test_a_refund_of_telegrams_takes_back_what_it_bought(shop: Shop, database: Database) -> None:
    anna = await shop.person()
    charge_id = await shop.buy(anna)
    said = len(await shop.from_bot(anna))
    assert (await shop.call("refundStarPayment", user_id=anna, telegram_payment_charge_id=charge_id))["ok"]
    assert (await shop.until_said(anna, said + 1))[-1][
        "text"
    ] == "⭐ 50 went back to you, and 60 💎 went back in return."
    assert await balance(database, WALLET, user=anna) == 25


async def test_a_refund_of_what_was_spent_leaves_a_debt_and_no_minus(shop: Shop, database: Database) -> None:
    anna = await shop.person()
    charge_id = await shop.buy(anna)
    for _ in range(8):
        async with database.transaction() as connection:
            await WALLET.charge(connection, anna, uuid4(), PICTURE)
    said = len(await shop.from_bot(anna))
    await shop.call("refundStarPayment", user_id=anna, telegram_payment_charge_id=charge_id)
    words = (await shop.until_said(anna, said + 1))[-1]["text"]
    assert words.endswith("Another 55 💎 had been spent already: the next purchase pays for it first.")
    assert await balance(database, WALLET, user=anna) == 0
    await shop.buy(anna)
    last = (await shop.from_bot(anna))[-1]["text"]
    assert last == "Thank you! Added: 60 💎. Of this, 55 💎 paid for what was owed."
    assert await balance(database, WALLET, user=anna) == 5


async def test_a_refund_that_is_told_twice_takes_back_and_says_so_once(database_url: str, database: Database) -> None:
    async with opened_door(database_url) as door:
        order = await order_of(database, 7)
        await door.post(door.update("message", message(sender(), successful_payment=payment(order, "stx1"))))
        told = [door.update("message", message(sender(), refunded_payment=payment(order, "stx1"))) for _ in range(3)]
        await asyncio.gather(*(door.post(update) for update in told))
    assert await entries(database) == [("purchase", 60, 90), ("payment_refunded", -60, 30)]
    assert await value(database, "SELECT count(*) FROM deliveries") == 2


async def test_a_refund_that_is_told_before_its_payment_gives_nothing(database_url: str, database: Database) -> None:
    async with opened_door(database_url) as door:
        order = await order_of(database, 7)
        for kind in ("refunded_payment", "successful_payment"):
            await door.post(door.update("message", message(sender(), **{kind: payment(order, "stx1")})))
    assert await entries(database) == []
    assert await rows(database, "SELECT * FROM failed_updates") == []


async def test_a_button_of_an_offer_that_is_gone_says_so(shop: Shop, database: Database) -> None:
    anna = await shop.person()
    offer = (await shop.says(anna, "/buy"))[-1]
    before, WALLET.economy.stars_packs = WALLET.economy.stars_packs, "99:60 diamonds"
    try:
        query = await shop.press(anna, offer, INVOICE)
    finally:
        WALLET.economy.stars_packs = before
    assert query["answer"] == {"text": say("en", "buy.gone"), "show_alert": True}
    assert await value(database, "SELECT count(*) FROM star_orders") == 0


async def test_an_invoice_that_was_sent_on_leads_to_the_offers(shop: Shop, database: Database) -> None:
    anna = await shop.person()
    invoice = await shop.invoice(anna)
    assert invoice["invoice"]["start_parameter"] == "buy"
    ben = await shop.person()
    assert (await shop.says(ben, "/start buy"))[-1]["text"] == say("en", "buy.choose")
    assert await value(database, "SELECT count(*) FROM dialogs") == 0, "buy is not the name of a persona"


async def test_terms_and_whom_to_ask_about_payments(shop: Shop) -> None:
    anna = await shop.person("ru")
    charge_id = await shop.buy(anna)
    assert (await shop.says(anna, "/terms"))[-1]["text"] == (
        say("ru", "terms") + "\n\n" + say("ru", "terms.link", url="https://example.com/terms")
    )
    words = (await shop.says(anna, "/paysupport"))[-1]["text"]
    assert "@shop_support" in words
    assert charge_id in words


async def test_a_payment_whose_update_was_lost_is_credited_at_night(shop: Shop, database: Database) -> None:
    anna, ben = await shop.person(), await shop.person()
    kept = await shop.buy(anna)
    invoice = await shop.invoice(ben)
    checkout = await shop.pay(ben, invoice)
    charge_id = checkout["telegram_payment_charge_id"]
    await shop.until_said(ben, 3)
    await lose(database, charge_id)
    assert await balance(database, WALLET, user=ben) == 25
    assert shop.resources.telegram is not None
    found = await reconcile(database, WALLET, shop.resources.telegram)
    assert (found.credited, found.taken_back, found.unexplained) == ([charge_id], [], [])
    assert await balance(database, WALLET, user=ben) == 85
    assert (await shop.until_said(ben, 4))[-1]["text"] == "Thank you! Added: 60 💎."
    assert await balance(database, WALLET, user=anna) == 85, kept
    again = await reconcile(database, WALLET, shop.resources.telegram)
    assert (again.credited, again.compared) == ([], 2)


async def lose(database: Database, charge_id: str) -> None:
    """As if the update about this payment had never come."""
    async with database.transaction() as connection:
        await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
        for statement in (
            f"DELETE FROM wallet_entries WHERE reference = '{charge_id}'",
            f"DELETE FROM star_payments WHERE charge_id = '{charge_id}'",
        ):
            await connection.exec_driver_sql(statement)


async def test_a_refund_whose_update_was_lost_is_taken_back_at_night(shop: Shop, database: Database) -> None:
    anna = await shop.person()
    charge_id = await shop.buy(anna)
    await shop.call("deleteWebhook", drop_pending_updates=True)
    await shop.call("refundStarPayment", user_id=anna, telegram_payment_charge_id=charge_id)
    assert await balance(database, WALLET, user=anna) == 85
    assert shop.resources.telegram is not None
    found = await reconcile(database, WALLET, shop.resources.telegram)
    assert (found.credited, found.taken_back, found.unexplained, found.compared) == ([], [charge_id], [], 2)
    assert await balance(database, WALLET, user=anna) == 25
    assert (await shop.until_said(anna, 4))[-1]["text"].startswith("⭐ 50 went back to you")


async def test_a_payment_that_telegram_does_not_know_is_reported(shop: Shop, database: Database) -> None:
    anna = await shop.person()
    await shop.buy(anna)
    await execute(
        database,
        "INSERT INTO star_payments (charge_id, user_id, stars, paid_at) VALUES"
        " ('forged', 7, 50, now() - interval '2 hours'), ('just now', 7, 50, now())",
    )
    assert shop.resources.telegram is not None
    found = await reconcile(database, WALLET, shop.resources.telegram)
    assert found.unexplained == ["forged"]
    assert found.drifted == []
    [noted] = await rows(database, "SELECT compared, unexplained FROM star_reconciliations")
    assert noted == {"compared": 1, "unexplained": 1}
