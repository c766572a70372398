"""A job and the steps below it: submitted with their parent's result, counted, closed, and ended by their root."""
