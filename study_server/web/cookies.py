"""The signed cookie: Flask's, kept also where the server's clock was set back.

itsdangerous takes a signature from the future for a bad one. Who agreed just before the clock
stepped back would come again as somebody new, and a form that they had open would be refused.
"""

from typing import Any

from flask import Flask, Request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer


class ClockTolerantSigner(TimestampSigner):
    """A signature is too old, but never too young."""

    def unsign(
        self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False
    ) -> Any:
        """Raises SignatureExpired, BadSignature."""
        value, signed_at = super().unsign(signed_value, return_timestamp=True)
        age_s = self.get_timestamp() - signed_at.timestamp()
        if max_age is not None and age_s > max_age:
            raise SignatureExpired(f"{age_s:.0f} s old", payload=value, date_signed=signed_at)
        return (value, signed_at) if return_timestamp else value


class ClockTolerantSerializer(URLSafeTimedSerializer):
    default_signer = ClockTolerantSigner


COOKIELESS_PREFIXES = (
    "/p/",
    "/api/",
    "/static/",
    "/healthz",
)  # who asks there, an address or a token says


class SessionInterface(SecureCookieSessionInterface):
    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        """None where none is needed: signatures take time, and trials come often."""
        if request.path.startswith(COOKIELESS_PREFIXES):
            return None  # Flask takes one that cannot be written
        return super().open_session(app, request)

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
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
