"""The headers by which a browser keeps a page to itself."""

from functools import lru_cache

FIXED_HEADERS = {
    "Cross-Origin-Embedder-Policy": "require-corp",  # with the next: timestamps of 5 us, not 100
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",  # a participant's address is their key
    "X-Content-Type-Options": "nosniff",
}


@lru_cache(maxsize=64)  # every response wants them
def build_security_headers(
    framed_by: tuple[str, ...],
    forms_to: tuple[str, ...],
    content_security_policy: str | None = None,
) -> dict[str, str]:
    """framed_by: whose pages may frame this one. forms_to: where its forms may go beside here.

    policy: of a page that needs one of its own.
    """
    forms = " ".join(("'self'", *forms_to))
    ancestors = " ".join(framed_by) or "'none'"
    policy = content_security_policy or (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        f"connect-src 'self'; form-action {forms}; base-uri 'none'; "
        f"frame-ancestors {ancestors}"
    )
    headers = FIXED_HEADERS | {"Content-Security-Policy": policy}
    return headers if framed_by else headers | {"X-Frame-Options": "DENY"}
