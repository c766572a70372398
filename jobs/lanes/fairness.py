"""Whose turn: within a queue the owner with the fewest waiting jobs goes first, and nobody waits for ever.

Start-time fair queueing with one number for each job. A job's turn is one after its owner's last waiting job, but not
before the turn that the queue serves now. So ten thousand jobs of one owner get ten thousand turns, and another's
first job gets the next one; and as turns only grow, whoever waits is reached.
"""

# between two classes of priority lie more turns than a queue will ever serve between two restarts of its numbers
CLASS = 100_000_000
HIGHEST_CLASS = 20


def ticket_priority(priority: int, turn: int) -> int:
    """A person in a chat goes before a batch, and within a class the lower turn goes first."""
    bounded = max(-HIGHEST_CLASS, min(HIGHEST_CLASS, priority))
    return bounded * CLASS - turn % CLASS
