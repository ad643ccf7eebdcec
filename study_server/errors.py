"""What can go wrong on a user's side; each message says where, what, and what to do."""


class StudyError(Exception):
    """A mistake the user can mend: one line on stderr, exit code 2."""
