"""The content rules as a run meets them: before a provider is asked, and in what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from uuid import UUID

import structlog

from jobs.db.people.blocks import Block, Stage
from jobs.errors import PermanentError, PostgenError, TemporaryError
from jobs.safety.blocked import Blocked
from jobs.safety.hard_block import broken_rule_of, without_rules
from jobs.safety.known_text import LATEST_MESSAGES
from jobs.safety.settings import SafetySettings

if TYPE_CHECKING:
    from jobs.providers.moderators.moderator import Moderator
    from jobs.providers.prompt import ChatMessage

log = structlog.get_logger()

# what adults may ask of an adult persona, by the names of OpenAI and of Llama Guard
FOR_ADULTS = frozenset({"sexual", "s12"})
MODERATOR_PAUSE = 30.0


class ModeratorAway(TemporaryError):
    """Without it nothing may pass, so the job waits."""

    code = "moderator_away"
    forgiven = None


@dataclass(frozen=True)
class Subject:
    """Of whom and for whom a run is. `counts`: whether its owner asked for it in their own words."""

    owner: str = ""
    kind: str | None = None
    job_id: UUID | None = None
    adult: bool = False
    counts: bool = True


@dataclass(frozen=True)
class Safety:
    """`for_run` gives one for each run, which collects in `blocks` what it refused.

    `passed`: prompts for pictures that were looked at; nothing else may be drawn.
    """

    settings: SafetySettings
    moderator: "Moderator | None" = None
    subject: Subject = Subject()
    blocks: list[Block] = field(default_factory=list)
    passed: set[str] = field(default_factory=set)

    def for_run(self, subject: Subject, moderator: "Moderator | None") -> "Safety":
        return replace(self, subject=subject, moderator=moderator, blocks=[], passed=set())

    @property
    def holds_back(self) -> bool:
        """Whether an answer must be whole before anybody sees a part of it: a moderator judges no halves."""
        return self.moderator is not None

    @property
    def _is_closed(self) -> bool:
        return self.subject.adult or self.settings.moderator_when_down == "closed"

    async def check_prompt(self, text: str) -> None:
        """The final prompt of a picture. Raises ContentBlocked, and ModeratorAway where it has to wait."""
        await self.require_lawful(text, "prompt")
        await self._moderate([("user", text)], "prompt")
        self.passed.add(text)

    async def check_conversation(self, system: str, messages: "Sequence[ChatMessage]") -> None:
        """What a language model is about to be shown. Raises as check_prompt."""
        latest = messages[-LATEST_MESSAGES:]
        await self.require_lawful("\n".join([without_rules(system), *(each.content for each in latest)]), "prompt")
        await self._moderate([(each.role, each.content) for each in latest], "prompt")

    async def check_answer(self, text: str, asked: "Sequence[ChatMessage]" = ()) -> None:
        """What a language model has answered to what it was `asked`. Raises as check_prompt."""
        await self.require_lawful(text, "answer", context="\n".join(each.content for each in asked[-1:]))
        await self._moderate([*((each.role, each.content) for each in asked[-1:]), ("assistant", text)], "answer")

    async def check_report(self, words: str, *, of: str) -> None:
        """What a language model tells `of` a document's words: it may name what they name. Raises as check_prompt."""
        if await broken_rule_of(of, adult=self.subject.adult) is None:
            await self.require_lawful(words, "answer")
        await self._moderate([("assistant", words)], "answer")

    async def require_lawful(self, text: str, stage: Stage, *, context: str = "") -> None:
        """The built-in rules alone. Raises ContentBlocked."""
        whole = f"{context}\n{text}" if context else text
        if rule := await broken_rule_of(whole, adult=self.subject.adult):
            raise self._blocked(rule, text, stage)

    def require_passed(self, texts: Sequence[object]) -> None:
        """Raises PermanentError for a picture whose prompt nobody has looked at: a mistake of ours."""
        if self.passed.isdisjoint(each for each in texts if isinstance(each, str)):
            raise PermanentError("The prompt of this picture was not checked.", code="internal_error", blame="platform")

    async def _moderate(self, said: list[tuple[str, str]], stage: Stage) -> None:
        if self.moderator is None:
            return
        try:
            verdict = await self.moderator.check(said)
        except PostgenError as error:
            self._without_moderator(error)
            return
        allowed = self.settings.allowed | (FOR_ADULTS if self.subject.adult else frozenset())
        against = sorted(set(verdict.categories) - allowed)
        if verdict.flagged and (against or not verdict.categories):
            raise self._blocked(f"moderator:{against[0] if against else 'flagged'}", said[-1][1], stage)

    def _without_moderator(self, error: PostgenError) -> None:
        if not self._is_closed:
            log.warning("the moderator cannot be asked, so it is not", reason=error.detail, code=error.code)
            return
        wait = getattr(error, "retry_in", None)
        raise ModeratorAway(
            f"The moderator cannot be asked, and without it this may not be made. {error.detail}",
            retry_in=MODERATOR_PAUSE if wait is None else wait,
            blame="platform",
        ) from error

    def _blocked(self, rule: str, text: str, stage: Stage) -> Blocked:
        blocked, subject = Blocked(rule, text, stage), self.subject
        counts = subject.counts and stage == "prompt"
        self.blocks.append(Block(subject.owner, rule, blocked.sha256, stage, counts, subject.kind, subject.job_id))
        log.warning("content blocked", rule=rule, sha256=blocked.sha256, stage=stage)
        return blocked
