"""A run and what it orders: written down before it goes out, found again by the next run, and never placed twice.

A crash at any point leaves the row. Without the provider's name for it, the provider is asked for it, or calls back.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID, uuid4

from jobs.db.gpu import predictions
from jobs.db.gpu.predictions import Prediction
from jobs.db.session import Database
from jobs.db.work.jobs import Job
from jobs.errors import PermanentError, PostgenError, TemporaryError
from jobs.guard.call import Call, Caller, Target
from jobs.guard.guard import Guard
from jobs.guard.refusals import BudgetSpent
from jobs.imaging.callbacks import Callbacks
from jobs.imaging.fallback import LostJob
from jobs.imaging.painted import Painted, Wanted
from jobs.imaging.postponed import Postponed
from jobs.providers.image_failures import OrderUnknown, Unreachable, WronglySetUp
from jobs.providers.image_provider import Drawn, ImageProvider, ImageRequest, Ordered

# before this, an order whose answer got lost may still be on its way in
SETTLED_SECONDS = 10.0
# a call back that has not come by then is overdue
OVERDUE_SECONDS = 120.0
# to the next look, after one that failed
LOOK_AGAIN_SECONDS = 10.0
# by then whatever was drawn is deleted, and whatever is still being drawn was given up
GIVEN_UP_SECONDS = 2 * 3600.0


@dataclass(frozen=True)
class Orders:
    providers: Sequence[ImageProvider]
    guard: Guard
    caller: Caller
    callbacks: Callbacks

    @property
    def database(self) -> Database:
        return self.callbacks.database

    def call(self, provider: ImageProvider) -> AbstractAsyncContextManager[Call]:
        """One call of it, through the guard, for this run's job."""
        return self.guard.call(Target(provider.provider, "image", provider.model), self.caller)

    async def awaited(self, job: Job) -> Prediction | None:
        async with self.database.statement() as connection:
            return await predictions.awaited(connection, job.id)

    async def silent(self, job: Job) -> predictions.Silent:
        async with self.database.statement() as connection:
            return await predictions.silent(connection, job)

    async def place(self, job: Job, provider: ImageProvider, wanted: Wanted) -> Painted:
        """Raises Postponed once it was taken, or may have been; else what it was refused with."""
        order_id = uuid4()
        try:
            async with self.call(provider) as call:
                callback_url = await self.callbacks.url_for(provider, order_id)
                request = ImageRequest(**vars(wanted), order_id=order_id, callback_url=callback_url)
                await self._write_down(job, provider, request)
                answer = await provider.draw(request)
                call.answered(request_id=answer.request_id, status_code=200)
        except OrderUnknown:
            raise Postponed(provider.provider, SETTLED_SECONDS) from None
        except PostgenError as refused:
            # it may not even have been written down, and then this changes nothing
            await self._over_by(order_id, refused)
            raise
        if isinstance(answer, Drawn):
            return Painted(answer, provider.provider, provider.model, order_id)
        async with self.database.statement() as connection:
            await predictions.placed(connection, order_id, answer.prediction_id)
        if answer.look_in > 0:
            raise Postponed(provider.provider, answer.look_in)
        order = await self.awaited(job)
        if order is None:
            raise LostJob("The job ended meanwhile.")
        return await self.resume(order)

    async def resume(self, order: Prediction) -> Painted:
        """Go on with what an earlier run has ordered. Raises Postponed, or what became of it when it is over."""
        provider = next((each for each in self.providers if each.provider == order.provider), None)
        if provider is None:
            raise await self._over_by(order.id, WronglySetUp(f"{order.provider} is not in IMAGE_PROVIDERS any more."))
        prediction_id = order.prediction_id or await self._found(provider, order)
        answer = await self._looked(provider, order, prediction_id)
        if isinstance(answer, Drawn):
            return Painted(answer, order.provider, order.model, order.id)
        awaits_call = order.request.get("callback_url") and order.called_at is None
        raise Postponed(order.provider, OVERDUE_SECONDS if awaits_call else answer.look_in, order.called_at)

    async def _write_down(self, job: Job, provider: ImageProvider, request: ImageRequest) -> None:
        asked: dict[str, Any] = {**asdict(request), "order_id": str(request.order_id)}
        async with self.database.statement() as connection:
            ours = await predictions.begin(connection, job, request.order_id, provider.provider, provider.model, asked)
        if not ours:
            raise LostJob("Another run holds the job.")

    async def _looked(self, provider: ImageProvider, order: Prediction, prediction_id: str) -> Drawn | Ordered:
        try:
            async with self.call(provider) as call:
                answer = await provider.collect(prediction_id)
                usage = answer.usage if isinstance(answer, Drawn) else {}
                cost = answer.cost if isinstance(answer, Drawn) else None
                call.answered(usage, answer.request_id, status_code=200, cost=cost)
                return answer
        except PostgenError as failure:
            raise await self._after(failure, order) from None

    async def _found(self, provider: ImageProvider, order: Prediction) -> str:
        """The provider's name for an order of which no answer came."""
        if order.age < SETTLED_SECONDS:
            raise Postponed(order.provider, SETTLED_SECONDS - order.age)
        try:
            async with self.call(provider) as call:
                found = await find(self.database, provider, order)
                call.answered(status_code=200)
        except OrderUnknown as unknown:
            if order.request.get("callback_url") and order.age < OVERDUE_SECONDS:
                raise Postponed(order.provider, OVERDUE_SECONDS - order.age) from None
            raise await self._over_by(order.id, unknown, "unknown") from None
        except PostgenError as failure:
            raise await self._after(failure, order) from None
        if found is None:
            words = f"{order.provider} did not take the order {order.id}."
            raise await self._over_by(order.id, Unreachable(words), "not_taken")
        async with self.database.statement() as connection:
            await predictions.placed(connection, order.id, found)
        return found

    async def _after(self, failure: PostgenError, order: Prediction) -> Exception:
        """A look that failed says nothing of the order, which may be waited for in vain, but not for ever."""
        is_over = getattr(failure, "over", False) or order.age > GIVEN_UP_SECONDS
        if is_over or (isinstance(failure, PermanentError) and not isinstance(failure, BudgetSpent)):
            return await self._over_by(order.id, failure)
        hint = failure.retry_in if isinstance(failure, TemporaryError) else None
        return Postponed(order.provider, LOOK_AGAIN_SECONDS if hint is None else hint, order.called_at)

    async def _over_by(self, order_id: UUID, failure: PostgenError, outcome: str = "") -> PostgenError:
        async with self.database.statement() as connection:
            await predictions.over(connection, order_id, outcome or failure.code)
        return failure


async def find(database: Database, provider: ImageProvider, order: Prediction) -> str | None:
    """As the provider's own, by what was written down."""
    async with database.statement() as connection:
        known = await predictions.known(connection, order)
    request = ImageRequest(**{**order.request, "order_id": order.id})
    return await provider.find(request, order.ordered_at, known)
