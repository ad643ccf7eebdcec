"""The path below which the server is reached, such as /study of https://host/study."""

from collections.abc import Callable, Iterable
from typing import Any

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


class PathPrefix:
    """A WSGI middleware that names the prefix SCRIPT_NAME, so that every address begins with it.

    The web server in front may pass the whole path on, or remove the prefix. Requests without the
    prefix, such as a health check on the server's own port, work as well.
    """

    def __init__(self, app: WsgiApp, prefix: str) -> None:
        """Set the application and the prefix: a slash and one or more segments, no final slash."""
        self._app = app
        self._prefix = prefix

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Handle a request."""
        path = environ.get("PATH_INFO", "")
        if path == self._prefix or path.startswith(f"{self._prefix}/"):
            environ["PATH_INFO"] = path[len(self._prefix) :]
        environ["SCRIPT_NAME"] = self._prefix
        return self._app(environ, start_response)
