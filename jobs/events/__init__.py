"""What is told about a job: its rows of events, and the job as the world outside reads it."""
