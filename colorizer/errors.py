"""The exception for errors that the user can fix."""


class ColorizerError(Exception):
    """An error that the user can fix. The message is one line: where, what, and what to do."""
