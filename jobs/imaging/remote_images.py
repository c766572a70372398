"""A picture by the first remote provider that draws it, in the order of IMAGE_PROVIDERS; the guard sees each call."""

from dataclasses import dataclass
from uuid import uuid5

from jobs.db.work.jobs import Job
from jobs.errors import PostgenError
from jobs.imaging.fallback import LostJob, passable, rest_of
from jobs.imaging.orders import Orders
from jobs.imaging.painted import Painted, Wanted
from jobs.imaging.place import lanes_take_work
from jobs.providers.image_failures import OrderUnknown
from jobs.providers.image_provider import Drawn, ImageProvider, ImageRequest
from jobs.safety.safety import Safety
from jobs.settings import ImageSettings, LaneSettings


@dataclass(frozen=True)
class RemoteImages:
    """For one run. Nothing is drawn that `safety` has not let pass. `lanes` and `images` tell who else could draw."""

    orders: Orders
    safety: Safety
    lanes: LaneSettings
    images: ImageSettings

    @property
    def models(self) -> list[tuple[str, str]]:
        """Who may draw, by name and model, for what is there already."""
        return [(each.provider, each.model) for each in self.orders.providers]

    async def draw(self, job: Job, wanted: Wanted) -> Painted:
        """What was ordered is waited for first: Postponed is raised while it is not there.

        Raises what the last provider failed with when none is left, and at once where another must not be asked.
        """
        self.safety.require_passed([wanted.prompt])
        failures: dict[str, PostgenError] = {}
        if order := await self.orders.awaited(job):
            try:
                return await self.orders.resume(order)
            except PostgenError as error:
                failures[order.provider] = passable(error)
        silent = await self.orders.silent(job)
        for provider in self.orders.providers:
            if provider.provider in failures:
                continue
            try:
                if provider.provider in silent:
                    raise OrderUnknown(provider.provider, silent[provider.provider])
                return await self._drawn(job, provider, wanted)
            except LostJob:
                raise
            except PostgenError as error:
                failures[provider.provider] = passable(error)
        raise rest_of(list(failures.values()), to_a_lane=await self._has_lane(job))

    async def _drawn(self, job: Job, provider: ImageProvider, wanted: Wanted) -> Painted:
        if provider.orders:
            return await self.orders.place(job, provider, wanted)
        request = ImageRequest(**vars(wanted), order_id=uuid5(job.id, f"{job.retries}:{job.failures}"))
        async with self.orders.call(provider) as call:
            answer = await provider.draw(request)
            assert isinstance(answer, Drawn), "who takes no orders draws at once"
            call.answered(answer.usage, answer.request_id, status_code=200, cost=answer.cost)
        return Painted(answer, provider.provider, provider.model)

    async def _has_lane(self, job: Job) -> bool:
        async with self.orders.database.transaction() as connection:
            return await lanes_take_work(connection, self.lanes, self.images, job.model)
