"""What can be set when a sandbox is created?"""

import re
from dataclasses import dataclass

TOKEN = re.compile(r"([0-9]{1,16}):[A-Za-z0-9_-]{1,120}")


@dataclass(frozen=True)
class BotAccount:
    """One bot. The digits of its token before the colon are its id."""

    token: str
    username: str = "sandbox_bot"
    first_name: str = "Sandbox"

    def __post_init__(self) -> None:
        if TOKEN.fullmatch(self.token) is None:
            raise ValueError(
                f"{self.token!r} is not a bot token. Write digits, a colon and a secret, such as 1000:secret."
            )

    @property
    def bot_id(self) -> int:
        return int(self.token.partition(":")[0])


@dataclass(frozen=True)
class FloodLimits:
    """Telegram's flood control for messages and edits, as far as its documentation states it."""

    overall_per_second: float = 30
    chat_per_second: float = 1
    chat_burst: int = 5


@dataclass(frozen=True)
class SandboxOptions:
    """`retry_scale` multiplies every wait of the webhook's retries: 0.01 makes 2, 4, 8 s into 20, 40, 80 ms.

    Callback answers are refused after `callback_answer_seconds`; Telegram publishes no figure, its clients give
    up after about this long.
    """

    retry_scale: float = 1.0
    webhook_timeout: float = 60
    message_lifetime: float = 24 * 3600
    query_lifetime: float = 150
    callback_answer_seconds: float = 15
    pre_checkout_seconds: float = 10
    draft_seconds: float = 30
    action_seconds: float = 5
    flood: FloodLimits | None = None
