"""Every table of ours. The tables named procrastinate_… are the queue's and come from its own schema."""
