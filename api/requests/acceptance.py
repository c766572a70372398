"""From a checked request to a job: what it names must be there and be the caller's, and there must be room for it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from api.authentication import Caller
from api.requests.job_request import JobRequest, KindRequest
from jobs.companion.personas import Personas
from jobs.db.analyses import comparisons
from jobs.db.dialog.dialog_owner import owns_dialog
from jobs.db.work import job_list
from jobs.db.work.jobs import Job, Json
from jobs.db.world import worlds
from jobs.errors import Conflict, InvalidInput, TooManyRequests
from jobs.kinds.contract import NewJob
from jobs.submit import Intake
from jobs.webhooks import endpoints, event_types

# how soon a place may be free is not known; asked again after this long, nobody is bothered
TRY_AGAIN_SECONDS = 5


@dataclass(frozen=True)
class Acceptance:
    """One caller's request in the transaction in which it is accepted, or not at all."""

    connection: AsyncConnection
    caller: Caller
    intake: Intake
    personas: Personas

    async def accept(self, request: KindRequest) -> Job:
        """Raises InvalidInput that points at the field, TooManyRequests when the owner's places are taken, Forbidden
        when they are suspended, and ContentBlocked."""
        await self.require_room()
        new = await self._new_job(request)
        job = await self.intake.submit(self.connection, new)
        if comparison_id := new.input.get("comparison_id"):
            await comparisons.set_job(self.connection, UUID(comparison_id), job.id)
        if job.kind == "init_world_creation":
            # it can be read from now on, however long its first step waits
            asked = {name: job.input[name] for name in ("prompt", "users", "posts")}
            pictures = job.input.get("pictures", self.intake.draws)
            await worlds.create(self.connection, job.id, job.owner, pictures=pictures, **asked)
        return job

    async def require_room(self) -> None:
        """From here to the end of the transaction no other one takes the owner's free places.

        Raises Forbidden where the owner is suspended.
        """
        self.caller.require_good_standing()
        most = self.caller.open_jobs
        if most is not None and await job_list.open_jobs(self.connection, self.caller.owner, most) >= most:
            raise TooManyRequests(
                f"This key allows {most} open jobs at a time, and as many of yours are open."
                " Wait until some have ended, or cancel some.",
                code="too_many_open_jobs",
                retry_in=TRY_AGAIN_SECONDS,
            )

    async def _new_job(self, request: KindRequest) -> NewJob:
        given: Json = request.input.model_dump(mode="json", exclude_none=True)
        self._require_persona(given.get("persona"))
        await self._require_dialog(given.get("dialog_id"))
        await self._require_comparison(given.get("comparison_id"))
        return NewJob(
            request.kind,
            given,
            self.caller.owner,
            dialog_id=given.get("dialog_id"),
            destination=await self._destination(request),
            metadata=request.metadata,
            priority=request.priority,
            run_at=request.run_at,
            deadline=request.deadline,
        )

    async def _destination(self, request: JobRequest) -> Json:
        """Also the endpoint of the job's own webhook_url, which is made if this owner has had none there yet."""
        if request.webhook_url is None:
            return {}
        url, events = request.webhook_url, request.webhook_events
        endpoint_id = await endpoints.for_job(self.connection, self.caller.owner, url, events)
        return {"webhook": {"endpoint_id": str(endpoint_id), "events": event_types.checked(events)}}

    def _require_persona(self, persona: str | None) -> None:
        if persona is None:
            return
        try:
            self.personas.find(persona)
        except InvalidInput as error:
            raise _wrong("/input/persona", error.detail, error.code) from None

    async def _require_dialog(self, dialog_id: int | None) -> None:
        if dialog_id is None or await owns_dialog(self.connection, self.caller.owner, dialog_id):
            return
        raise _wrong("/input/dialog_id", f"You have no dialog {dialog_id}.", "unknown_dialog")

    async def _require_comparison(self, named: str | None) -> None:
        """Theirs, and not being analysed already."""
        if named is None:
            return
        await comparisons.lock(self.connection, UUID(named), self.caller.owner)
        found = await comparisons.get(self.connection, UUID(named), self.caller.owner)
        if found is None:
            raise _wrong("/input/comparison_id", f"You have no comparison {named}.", "unknown_comparison")
        if found.job_id is not None and found.is_open:
            raise Conflict(
                f"The comparison is being analysed by the job {found.job_id}. Wait for its end, or cancel it.",
                code="comparison_busy",
            )


def _wrong(pointer: str, detail: str, code: str) -> InvalidInput:
    return InvalidInput(detail, errors=[{"pointer": pointer, "detail": detail}], code=code)
