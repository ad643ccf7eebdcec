"""What is sent to the server, and may not even be looked at."""

from flask import abort, request

MOST_BYTES = 64 * 1024  # of a body


def refuse_nul() -> None:
    """PostgreSQL cannot even be asked for it. JSON is held to it by its models."""
    if "\0" in request.path or "\0" in "".join(request.args.values()):
        abort(404)
    if request.method == "POST" and not request.is_json and "\0" in "".join(request.form.values()):
        abort(400)
