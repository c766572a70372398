"""Who writes to the bot: what they chose, own, may, and what of them is erased."""
