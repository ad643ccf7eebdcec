"""The addresses of the trial API, from the one source that there is."""

from study_server.views.api import routes


def list_operations() -> list[tuple[str, str]]:
    """Return (method, path) of every operation: ("get", "/api/v1/studies/{slug}"), ..."""
    paths = routes.public_routes.paths | routes.participant_routes.paths
    return [
        (method, path)
        for path, item in paths.items()
        for method in ("get", "post")
        if getattr(item, method) is not None
    ]
