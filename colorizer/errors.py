"""The exceptions for errors that the user can fix, and for photographs that cannot be used."""


class ColorizerError(Exception):
    """An error that the user can fix. The message is one line: where, what, and what to do."""


class UnreadablePhotographError(Exception):
    """A photograph cannot be used; the message is the reason."""
