"""The signed session cookie, which stays valid if the server's clock is set back.

itsdangerous rejects signatures from the future. After the clock stepped back, a participant who had
just consented would be treated as new, and a form that was open would be refused.
"""

import hashlib
from typing import Any

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer


class ClockTolerantSigner(TimestampSigner):
    """A signer whose signatures expire but are accepted if they come from the future."""

    def unsign(
        self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False
    ) -> Any:
        """Return the signed value. Raises SignatureExpired or BadSignature."""
        value, signed_at = super().unsign(signed_value, return_timestamp=True)
        age_s = self.get_timestamp() - signed_at.timestamp()
        if max_age is not None and age_s > max_age:
            raise SignatureExpired(f"{age_s:.0f} s old", payload=value, date_signed=signed_at)
        return (value, signed_at) if return_timestamp else value


class ClockTolerantSerializer(URLSafeTimedSerializer):
    """A serializer of signed values that uses ClockTolerantSigner."""

    default_signer = ClockTolerantSigner


def cookie_name(secret_key: str) -> str:
    """Return a name that differs between servers, because ports of a host share their cookies."""
    return f"hue_and_eye_{hashlib.sha256(secret_key.encode()).hexdigest()[:8]}"


# Paths without a cookie: the address or a token identifies the participant.
COOKIELESS_PREFIXES = ("/p/", "/api/", "/static/", "/healthz")


class SessionInterface(SecureCookieSessionInterface):
    """Flask's session interface with a clock-tolerant serializer and paths without a cookie."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """Return the session, or None for paths without a cookie, to save time on every trial."""
        if request.path.startswith(COOKIELESS_PREFIXES):
            return None  # Flask then uses a session that cannot be written
        return super().open_session(app, request)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return the serializer of the cookie, or None if the app has no secret key."""
        if not app.secret_key:
            return None
        return ClockTolerantSerializer(
            app.secret_key,
            salt=self.salt,
            serializer=self.serializer,
            signer_kwargs={
                "key_derivation": self.key_derivation,
                "digest_method": self.digest_method,
            },
        )
