"""Who may come in: keys, sessions of the pages, the installation's own secrets."""
