"""What is sent to the server, and may not even be looked at."""

from typing import Any

from flask import abort, request
from flask.json.provider import DefaultJSONProvider

MOST_BYTES = 64 * 1024  # of a body


class Json(DefaultJSONProvider):
    """Nested too deeply for the parser is malformed, not a failure of the server."""

    def loads(self, s: str | bytes, **options: Any) -> Any:
        """Raises ValueError."""
        try:
            return super().loads(s, **options)
        except RecursionError as error:
            raise ValueError("nested too deeply") from error


def refuse_nul() -> None:
    """PostgreSQL cannot even be asked for it. JSON is held to it by its models."""
    if "\0" in request.path or "\0" in "".join(request.args.values()):
        abort(404)
    if request.method == "POST" and not request.is_json and "\0" in "".join(request.form.values()):
        abort(400)
