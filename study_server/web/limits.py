"""Limits on attempts per address, counted in the memory of each process."""

from flask import abort, current_app, request
from limits import RateLimitItem


def limit_attempts(limit: RateLimitItem, kind: str) -> None:
    """Count an attempt of this kind by the address of the request; 429 if there are too many."""
    if not current_app.extensions["limiter"].hit(limit, kind, request.remote_addr):
        abort(429)
