"""Compares what people paid with Telegram's own list. An inner kind: housekeeping asks for it each night."""

from functools import partial
from typing import TYPE_CHECKING

import structlog
from pydantic import BaseModel

from jobs.companion.operating.bot_settings import BotSettings
from jobs.companion.wallet.alarm import alarm
from jobs.companion.wallet.reconciliation import reconcile
from jobs.kinds.asking import Asking
from jobs.kinds.attempts import DUTY
from jobs.kinds.contract import Outcome, Run
from jobs.kinds.dialogue import KindInput
from jobs.settings import load

if TYPE_CHECKING:
    from jobs.resources import Resources

QUEUE = "telegram"
CHAT_ACTION = "typing"
ATTEMPTS = DUTY

log = structlog.get_logger()


class Input(KindInput):
    pass


class Result(BaseModel):
    compared: int
    credited: int
    taken_back: int
    unexplained: list[str]
    drifted: list[int]


async def run(run: Run[Input], resources: "Resources") -> Outcome:
    admins = load(BotSettings).admins
    telegram = Asking(resources.telegram)
    findings = await reconcile(run.database, resources.intake.wallet, telegram, partial(alarm, admins))
    result = Result(
        compared=findings.compared,
        credited=len(findings.credited),
        taken_back=len(findings.taken_back),
        unexplained=findings.unexplained,
        drifted=findings.drifted,
    )
    log.info("payments compared with Telegram's list", **result.model_dump())
    return Outcome(result)
