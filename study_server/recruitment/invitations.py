"""Signed invitations: tokens in links that name a study, a mode and an external id."""

from itsdangerous import BadSignature, URLSafeSerializer

from study_server.vocabulary import Mode


def create_invitation(secret_key: str, slug: str, mode: Mode, external_id: str) -> str:
    """Create a token for `/s/SLUG?invitation=...`."""
    return _serializer(secret_key).dumps([slug, mode, external_id])


def read_invitation(secret_key: str, slug: str, token: str) -> tuple[Mode, str] | None:
    """Return (mode, external id) of an invitation to this study, or None if it is invalid."""
    try:
        invited_to, mode, external_id = _serializer(secret_key).loads(token)
    except (BadSignature, ValueError):
        return None
    return (Mode(mode), str(external_id)) if invited_to == slug else None


def _serializer(secret_key: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret_key, salt="invitation")
