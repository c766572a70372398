"""A tree as a whole: its useless steps are closed, its root ends once nothing is open, and begins again.

Each method works in the caller's transaction and holds the root's row first. A step's own end does not: it ends alone,
and then someone looks whether it was the last.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from jobs import ended
from jobs.companion import picture_progress
from jobs.companion.wallet.accounts import Wallet
from jobs.db.dialog import dialogs
from jobs.db.work import jobs as job_rows
from jobs.db.work import trees as rows
from jobs.db.work.jobs import Job, Json
from jobs.db.work.trees import Step
from jobs.enqueue import stop_running, withdraw_all
from jobs.errors import PermanentError
from jobs.imaging.letting_go import let_go
from jobs.kinds.contract import Further
from jobs.trees import counts
from jobs.trees.verdict import BRANCH_FAILED, Closing, End, branch, by_parent, judge
from jobs.usage import less, summed
from jobs.webhooks.plan import announce


@dataclass(frozen=True)
class Trees:
    """`result_ttl`: seconds for which what has ended stays readable. `go_on` submits what follows a root's steps."""

    wallet: Wallet
    result_ttl: int
    go_on: Callable[[AsyncConnection, Job], Awaitable[Further]]

    async def settle(self, connection: AsyncConnection, root_id: UUID) -> Job | None:
        """Close what is of no use any more, and end the root if nothing is open; the root if it ended now."""
        root = await rows.lock_root(connection, root_id)
        if root is None or not root.waits_for_steps:
            return None
        overdue = too_late().as_json() if root.deadline and root.deadline <= datetime.now(UTC) else None
        while True:
            # once more after each closing: a step that completed just before may have left children
            steps = await rows.steps(connection, root_id)
            verdict = judge(root, steps, overdue=overdue)
            stopping = {step.id for step in steps if step.stopping}
            closings = [each for each in verdict.closings if not stopping.issuperset(each.ids)]
            if not closings:
                break
            for closing in closings:
                await self._close(connection, closing)
        if verdict.end is None:
            return None
        further = await self.go_on(connection, root) if verdict.end.status == "completed" else Further()
        if further.steps:
            await self.tell(connection, root)
            return None
        return await self._end(connection, root, steps, verdict.end, further.result)

    async def cancel(self, connection: AsyncConnection, job: Job) -> bool:
        """A node with all that hangs below it; False if it is in no tree that is open: then nothing was done."""
        root = await rows.lock_root(connection, job.root_id or job.id)
        if root is None or not root.waits_for_steps:
            return False
        if job.id == root.id:
            if asked := await job_rows.request_cancel(connection, root.id):
                await announce(connection, asked, "job.cancelling")
        else:
            await self._close_below(connection, root, job.id)
        await self.settle(connection, root.id)
        return True

    async def failed_below(self, connection: AsyncConnection, root: Job, node: UUID) -> list[Step]:
        """What a retry of the node runs again: it, what failed below it, and what was closed because of those."""
        steps = await rows.steps(connection, root.id)
        meant = {node, *(step.id for step in branch(node, by_parent(steps)))}
        failed = [step for step in steps if not step.is_open and step.status != "completed"]
        again = {step.id for step in failed if step.id in meant}
        causes = {str(each) for each in again}
        return [step for step in failed if step.id in again or _closed_because_of(step) in causes]

    async def reopen(self, connection: AsyncConnection, root: Job) -> Job | None:
        """It ended, and waits again for steps that are tried anew. Raises InsufficientFunds."""
        own = less(root.usage, await rows.used(connection, root.id))
        reopened = await rows.reopen(connection, root, own)
        if reopened:
            await self.wallet.charge_again(connection, root)
            await announce(connection, reopened, "job.retried")
        return reopened

    async def tell(self, connection: AsyncConnection, root: Job) -> None:
        """Steps begin that were not open before."""
        progress = counts.progress(await rows.counts(connection, root.id))
        if changed := await rows.set_progress(connection, root.id, progress):
            await announce(connection, changed, "job.progress")

    async def _close_below(self, connection: AsyncConnection, root: Job, node: UUID) -> None:
        while True:
            steps = await rows.steps(connection, root.id)
            meant = {node, *(step.id for step in branch(node, by_parent(steps)))}
            going = [step.id for step in steps if step.id in meant and step.is_open and not step.stopping]
            if not going:
                return
            await self._close(connection, Closing(tuple(going), "cancelled", None))

    async def _close(self, connection: AsyncConnection, closing: Closing) -> None:
        """Those that wait end now; those that run are asked to stop, and end with these words."""
        closed = await rows.close(connection, closing.ids, closing.status, closing.error, self.result_ttl)
        asked = await rows.ask(connection, closing.ids, closing.error)
        for job in closed:
            if job.dialog_id is not None:
                await dialogs.release(connection, job.dialog_id, job.id)
            await let_go(connection, job)
            await picture_progress.clear(connection, job)
        await withdraw_all(connection, [job.ticket_id for job in closed if job.ticket_id is not None])
        await stop_running(connection, [job.ticket_id for job in asked if job.ticket_id is not None])

    async def _end(
        self, connection: AsyncConnection, root: Job, steps: Sequence[Step], end: End, result: Json | None
    ) -> Job | None:
        done = await rows.end(
            connection,
            root,
            end.status,
            result=result,
            error=end.error,
            partial=end.partial,
            usage=summed(root.usage, await rows.used(connection, root.id)),
            progress=counts.progress(counts.count(steps), counts.missing(steps)),
            ttl=self.result_ttl,
        )
        if done:
            in_vain = all(step.status != "completed" for step in steps)
            await ended.of_tree(connection, self.wallet, done, in_vain=in_vain)
        return done


def too_late() -> PermanentError:
    return PermanentError("The deadline passed before the job was done.", code="deadline_passed", blame="platform")


def _closed_because_of(step: Step) -> str | None:
    error: Json = step.error or {}
    return error.get("cause") if error.get("code") == BRANCH_FAILED else None
