"""The button below a reply that is being written: it is read enough of."""

from aiogram import Router
from aiogram.types import MessageGenerationStopped

from jobs.companion.draft import stop
from webhook.visit import Visit


async def stopped(event: MessageGenerationStopped, visit: Visit) -> None:
    await stop(visit.connection, visit.user.user_id, event.draft_id)


def register(routes: Router) -> None:
    routes.stopped_message_generation.register(stopped)
