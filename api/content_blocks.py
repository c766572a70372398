"""Writes down what content rules refused at this door. The request's own transaction was undone by then."""

import structlog
from fastapi import Request

from jobs.db.commit import DATABASE_ERRORS
from jobs.db.people import blocks
from jobs.safety.blocked import Blocked

log = structlog.get_logger()


async def note(request: Request, blocked: Blocked) -> None:
    """The answer does not depend on it: where PostgreSQL goes away just now, one block is not counted."""
    owner = getattr(request.state, "owner", None)
    if owner is None:
        return
    state = request.app.state
    log.warning("content blocked", owner=owner, rule=blocked.rule, sha256=blocked.sha256, stage=blocked.stage)
    try:
        async with state.database.transaction() as connection:
            if await blocks.note(connection, [blocked.noted(owner)], state.intake.blocks_limit):
                log.warning("suspended", owner=owner)
    except DATABASE_ERRORS:
        log.exception("a block could not be counted", owner=owner)
