"""The error for a user's mistakes."""


class StudyError(Exception):
    """A mistake that the user can fix.

    The message says where, what and what to do; the commands print it on one line of stderr and
    exit with status 2.
    """
