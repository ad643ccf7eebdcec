"""Checks of a request's body and address before anything else reads them."""

from flask import abort, request, session

MAX_BODY_BYTES = 64 * 1024
MAX_DISCARDED_BYTES, PIECE_BYTES = 4 * 1024 * 1024, 64 * 1024  # of uploads by strangers
# These receive large files piece by piece (web/multipart.py), and check their form themselves.
STREAMED_ENDPOINTS = {"stimuli.upload"}
# These receive a platform's list, or the sheet that was made from it, from signed-in researchers.
TABLE_ENDPOINTS = {"pay.reconcile_upload", "pay.review", "pay.download", "pay.settle"}
MAX_TABLE_BYTES = 2 * 1024 * 1024


def admit_tables() -> None:
    """Raise the limit of a body for a researcher who sends a table; before anything reads it."""
    if request.endpoint in TABLE_ENDPOINTS and "researcher" in session:
        request.max_content_length = request.max_form_memory_size = MAX_TABLE_BYTES


def read_body() -> None:
    """Receive the whole body before anything else happens.

    The server passes a request on as soon as its headers have arrived. A client that sends the body
    slowly must not hold a database connection meanwhile, let alone the write lock.
    """
    if request.endpoint in STREAMED_ENDPOINTS:
        if "researcher" not in session:
            _discard_body()
        return
    # A chunked body has no length; Flask stops reading it at the limit without an error.
    if len(request.get_data()) >= (request.max_content_length or MAX_BODY_BYTES):
        abort(413)


def _discard_body() -> None:
    """Receive a stranger's upload up to a limit, so that the redirect to the sign-in page arrives.

    A connection that is closed while the client still sends can lose the reply.
    """
    # Flask refuses a larger body unread, and a chunked one when the limit is reached.
    request.max_content_length = (request.content_length or MAX_DISCARDED_BYTES) + 1
    for _ in range(0, MAX_DISCARDED_BYTES, PIECE_BYTES):
        if not request.stream.read(PIECE_BYTES):
            return


def reject_nul_characters() -> None:
    """Refuse NUL characters, which PostgreSQL cannot store. JSON is checked by its models."""
    if "\0" in request.path or "\0" in "".join(request.args.values()):
        abort(404)
    if request.endpoint in STREAMED_ENDPOINTS or request.is_json:
        return
    if request.method == "POST" and "\0" in "".join(request.form.values()):
        abort(400)
