"""The tasks that compare candidates, each with its texts."""
