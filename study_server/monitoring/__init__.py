"""Show a study while it runs: its participants, their comments and its progress."""
