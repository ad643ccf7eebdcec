"""The headers by which a browser keeps a page to itself."""

from collections.abc import Collection

HEADERS = {
    "Cross-Origin-Embedder-Policy": "require-corp",  # with the next: timestamps of 5 us, not 100
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",  # a participant's address is their key
    "X-Content-Type-Options": "nosniff",
}


def security_headers(framed_by: Collection[str], forms_to: Collection[str]) -> dict[str, str]:
    """framed_by: whose pages may frame this one. forms_to: where its forms may go beside here."""
    forms = " ".join(("'self'", *forms_to))
    ancestors = " ".join(framed_by) or "'none'"
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        f"connect-src 'self'; form-action {forms}; base-uri 'none'; "
        f"frame-ancestors {ancestors}"
    )
    headers = HEADERS | {"Content-Security-Policy": policy}
    return headers if framed_by else headers | {"X-Frame-Options": "DENY"}
