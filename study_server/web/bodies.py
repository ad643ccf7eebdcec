"""Checks of what a request brings, before anything else reads it."""

from flask import abort, request

MAX_BODY_BYTES = 64 * 1024


def read_body() -> None:
    """Receive the whole body before anything else happens.

    A server hands a request over when its head is there: a client that sends the rest slowly must
    not hold a database connection meanwhile, much less the lock of a writer.
    """
    if len(request.get_data()) >= MAX_BODY_BYTES:  # of chunks without a length, no more is read
        abort(413)


def reject_nul_characters() -> None:
    """Refuse the character that PostgreSQL's texts cannot hold; JSON is checked by its models."""
    if "\0" in request.path or "\0" in "".join(request.args.values()):
        abort(404)
    if request.method == "POST" and not request.is_json and "\0" in "".join(request.form.values()):
        abort(400)
