"""How far is a world, stage by stage? From its job, and from how many steps there are by now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.db.work.jobs import Job
from jobs.db.work.trees import Count

OPEN = ("pending", "processing")


@dataclass(frozen=True)
class Planned:
    """How many there will be of each. `post_images`: as far as the posts are planned; `pictures`: whether any."""

    users: int
    posts: int
    post_images: int
    pictures: bool

    def by_stage(self) -> Mapping[str, int]:
        """In the order in which the stages begin."""
        return {
            "description": 1,
            "world_images": 2 if self.pictures else 0,
            "character_batch": 1,
            "characters": self.users,
            "avatars": self.users if self.pictures else 0,
            "post_batches": min(self.users, self.posts),
            "posts": self.posts,
            "post_images": self.post_images if self.pictures else 0,
        }


@dataclass(frozen=True)
class Standing:
    """Of one stage, in the words of jobs. A stage that ended with some of its parts missing is `completed`.

    `failed`: without a result; once the world has ended, those too that were never begun.
    """

    stage: str
    status: str
    planned: int
    done: int
    failed: int


def standings(root: Job, counts: Sequence[Count], planned: Planned) -> list[Standing]:
    """`counts`: of the steps that there are by now."""
    known = {each.stage: each for each in counts}
    plan = {**planned.by_stage(), **{stage: 0 for stage in known if stage not in planned.by_stage()}}
    return [_standing(root, known.get(stage, Count(stage, 0, 0, 0)), number) for stage, number in plan.items()]


def counts_at_the_end(root: Job) -> list[Count]:
    """As its job keeps them: the steps themselves may be forgotten before it."""
    return [
        Count(each["stage"], each["planned"], each["done"], each["failed"]) for each in root.progress.get("stages", ())
    ]


def _standing(root: Job, count: Count, planned: int) -> Standing:
    planned = max(planned, count.planned)
    if root.status not in OPEN:
        return Standing(count.stage, _end(root, count, planned), planned, count.done, planned - count.done)
    if planned and count.done + count.failed >= planned:
        status = "completed" if count.done else "failed"
    else:
        status = "processing" if count.planned else "pending"
    return Standing(count.stage, status, planned, count.done, count.failed)


def _end(root: Job, count: Count, planned: int) -> str:
    if count.done >= planned:
        return "completed"
    if root.status == "completed":
        return "completed" if count.done else "failed"
    return root.status
