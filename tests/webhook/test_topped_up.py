"""Who ran out and bought more: below the thanks is what they had too little for."""

from typing import Any

import httpx

from jobs import lifecycle
from jobs.companion.wallet.accounts import Wallet
from jobs.companion.wording import say
from jobs.db.session import Database
from jobs.resources import Resources
from sandbox.llm.scripted import ScriptedLlm
from sandbox.serve import serving
from tests.factories import USER, Door, all_jobs, chat_payloads, message, sender, value, webhook_app, worker
from tests.jobs.companion.purses import balance, economy, sound
from tests.webhook.pressing import buttons, press

WALLET = Wallet(economy(diamonds_start=0, energy_max=1, energy_refill_seconds=3600))
ORDER = "INSERT INTO star_orders (user_id, stars, unit, amount) VALUES (:user, 50, :unit, 2) RETURNING id"


async def buy(door: Door, database: Database, unit: str) -> list[str]:
    """What the buttons below the thanks say when they are pressed."""
    order = str(await value(database, ORDER, user=USER, unit=unit))
    paid: dict[str, Any] = {
        "currency": "XTR", "total_amount": 50, "invoice_payload": order, "telegram_payment_charge_id": f"stx-{order}",
        "provider_payment_charge_id": "p",
    }  # fmt: skip
    await door.post(door.update("message", message(sender(), successful_payment=paid)))
    thanks = (await chat_payloads(database))[-1]
    assert thanks["text"].startswith("Thank you!")
    return buttons(thanks)


async def run_open(database: Database, resources: Resources) -> None:
    for job in await all_jobs(database):
        if job.status == "pending":
            await lifecycle.run_job(resources, job.id)


async def test_what_was_written_without_energy_is_answered_once_there_is_some(
    database_url: str, database: Database
) -> None:
    llm = ScriptedLlm()
    app = webhook_app(database_url)
    app.state.updates.intake.wallet = app.state.updates.dispatch.dispatcher["wallet"] = WALLET
    async with (
        serving(llm.app) as url,
        worker(database, llm=url) as resources,
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://door") as http,
    ):
        resources.intake.wallet = WALLET
        door = Door(http)
        assert await buy(door, database, "diamonds") == [], "nobody has said anything yet"
        await door.says("One")
        await run_open(database, resources)
        [first] = await all_jobs(database)
        for words in ("Two", "Three"):
            await door.says(words)
        assert len(await all_jobs(database)) == 1
        assert "text" not in await press(door, "answer")
        assert (await chat_payloads(database))[-1]["text"].startswith("This costs 1 ⚡, and you have 0 ⚡")
        assert await buy(door, database, "energy") == ["answer"]

        assert "text" not in await press(door, "answer")
        assert (await press(door, "answer"))["text"] == say("en", "again.busy")
        assert await buy(door, database, "energy") == [], "it is being answered"
        await run_open(database, resources)
        answered = [job for job in await all_jobs(database) if job.id != first.id]
        assert [(job.kind, job.status, job.input["user_message"]) for job in answered] == [
            ("generate_reply", "completed", "Two\nThree")
        ]
        assert await balance(database, WALLET, "energy") == 3
        assert (await press(door, "answer"))["text"] == say("en", "answer.nothing")
        assert await buy(door, database, "diamonds") == [f"photo:{answered[0].id}"]
        assert (await press(door, "answer", user=8))["text"] == say("en", "answer.nothing")
        await sound(database)
    await app.state.database.aclose()
