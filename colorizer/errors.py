"""The one exception that means: the user can put this right."""


class ColorizerError(Exception):
    """A user's mistake. The message is one line: where, what, and what to do."""
