"""The security headers of every response."""

from functools import lru_cache

FIXED_HEADERS = {
    "Cross-Origin-Embedder-Policy": "require-corp",  # with the next: 5 µs timestamps, not 100
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",  # a participant's address is their key
    "X-Content-Type-Options": "nosniff",
}


@lru_cache(maxsize=64)  # called for every response
def build_security_headers(
    framed_by: tuple[str, ...],
    forms_to: tuple[str, ...],
    content_security_policy: str | None = None,
    frames: tuple[str, ...] = (),
) -> dict[str, str]:
    """Return the security headers of a page.

    framed_by: origins that may frame the page. forms_to: other origins to which its forms may post.
    content_security_policy: replaces the default policy. frames: sources that the page may frame.
    """
    forms = " ".join(("'self'", *forms_to))
    ancestors = " ".join(framed_by) or "'none'"
    policy = content_security_policy or (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        f"connect-src 'self'; form-action {forms}; base-uri 'none'; "
        f"frame-ancestors {ancestors}"
    )
    if frames:
        policy += f"; frame-src {' '.join(frames)}"
    headers = FIXED_HEADERS | {"Content-Security-Policy": policy}
    return headers if framed_by else headers | {"X-Frame-Options": "DENY"}
