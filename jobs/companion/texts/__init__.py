"""The catalogues: every sentence that a person in a chat may read, in Russian and in English."""
