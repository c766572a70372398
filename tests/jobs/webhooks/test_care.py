"""Who gets tickets for what is due: not a receiver that lets a sender wait at this very moment."""

from jobs.webhooks.care import enqueue_due
from tests.factories import execute
from tests.jobs.webhooks.post import EVERYTHING, Post


async def test_tickets_for_a_receiver_that_hangs_kept_the_others_waiting(post: Post) -> None:
    """Each round of care handed out some that were only put back; with a hundred such receivers that took a while."""
    hanging = await post.register("hanging", events=EVERYTHING)
    await post.register("well", events=EVERYTHING)
    for _ in range(3):
        await post.job()
    where = f"endpoint_id = '{hanging.id}'"
    await execute(post.database, "UPDATE deliveries SET next_attempt_at = now()", "DELETE FROM procrastinate_jobs")
    begun = "UPDATE deliveries SET status = 'sending', next_attempt_at = NULL, sending_at = now() - interval"
    first = f"WHERE id = (SELECT min(id) FROM deliveries WHERE {where})"
    await execute(post.database, f"{begun} '3 s' {first}")
    assert await enqueue_due(post.database) == 3, "those of the other one"
    await execute(post.database, f"{begun} '25 s' {first}")
    assert await enqueue_due(post.database) == 2, "whoever was sending is gone by now, and strands nothing"
