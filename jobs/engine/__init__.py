"""The hardened queue worker: fetches tickets per queue, runs them, settles them, and outlives database and network."""
