"""Whose turn: within a queue the owner with the fewest waiting jobs goes first, and nobody waits for ever.

Start-time fair queueing with one number for each job. A job's turn is one after its owner's last waiting job, but not
before the turn that the queue serves now. So ten thousand jobs of one owner get ten thousand turns, and another's
first job gets the next one; and as turns only grow, whoever waits is reached.

A higher priority is a head start of some turns. So whatever comes later with a higher priority, only so many of them
can go before a job that waits.
"""

HEAD_START = 10
HIGHEST = 20


def ticket_priority(priority: int, turn: int) -> int:
    """The number that the queue sorts by, highest first."""
    return max(-HIGHEST, min(HIGHEST, priority)) * HEAD_START - turn
