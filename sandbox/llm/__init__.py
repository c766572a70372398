"""Language models for the demo and the tests: a real small one, and one that says what a script tells it to."""
