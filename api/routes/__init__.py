"""One module for each resource under /v1, each with its `router`."""
