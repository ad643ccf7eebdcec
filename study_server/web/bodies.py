"""What is sent to the server, and may not even be looked at."""

from flask import abort, request

MOST_BYTES = 64 * 1024  # of a body


def read_body() -> None:
    """Receive the whole body before anything else happens.

    A server hands a request over when its head is there: a client that sends the rest slowly must
    not hold a database connection meanwhile, much less the lock of a writer.
    """
    if len(request.get_data()) >= MOST_BYTES:  # of chunks without a length, only so many are read
        abort(413)


def refuse_nul() -> None:
    """PostgreSQL cannot even be asked for it. JSON is held to it by its models."""
    if "\0" in request.path or "\0" in "".join(request.args.values()):
        abort(404)
    if request.method == "POST" and not request.is_json and "\0" in "".join(request.form.values()):
        abort(400)
