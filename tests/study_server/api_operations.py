"""The addresses of the trial API, from the one source that there is."""

from study_server.views.api.participant_routes import participant_routes
from study_server.views.api.routes import public_routes


def list_operations() -> list[tuple[str, str]]:
    """Return (method, path) of every operation: ("get", "/api/v1/studies/{slug}"), ..."""
    paths = public_routes.paths | participant_routes.paths
    return [
        (method, path)
        for path, item in paths.items()
        for method in ("get", "post")
        if getattr(item, method) is not None
    ]
