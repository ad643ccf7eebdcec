"""Checks of a request's body and address before anything else reads them."""

from flask import abort, request

MAX_BODY_BYTES = 64 * 1024
# These receive large files piece by piece (web/multipart.py), and check their form themselves.
STREAMED_ENDPOINTS = {"stimuli.upload"}


def read_body() -> None:
    """Receive the whole body before anything else happens.

    The server passes a request on as soon as its headers have arrived. A client that sends the body
    slowly must not hold a database connection meanwhile, let alone the write lock.
    """
    if request.endpoint in STREAMED_ENDPOINTS:
        return
    # A chunked body has no length; Flask stops reading it at the limit without an error.
    if len(request.get_data()) >= MAX_BODY_BYTES:
        abort(413)


def reject_nul_characters() -> None:
    """Refuse NUL characters, which PostgreSQL cannot store. JSON is checked by its models."""
    if "\0" in request.path or "\0" in "".join(request.args.values()):
        abort(404)
    if request.endpoint in STREAMED_ENDPOINTS or request.is_json:
        return
    if request.method == "POST" and "\0" in "".join(request.form.values()):
        abort(400)
