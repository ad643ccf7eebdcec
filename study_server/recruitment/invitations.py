"""Signed invitations: links that say in which mode somebody takes part, and cannot be forged."""

from itsdangerous import BadSignature, URLSafeSerializer

from study_server.vocabulary import Mode


def create_invitation(secret_key: str, slug: str, mode: Mode, external_id: str) -> str:
    """A token for `/s/SLUG?invitation=...`."""
    return _serializer(secret_key).dumps([slug, mode, external_id])


def read_invitation(secret_key: str, slug: str, token: str) -> tuple[Mode, str] | None:
    """(mode, person) of an invitation to this study; None when it is forged or to another."""
    try:
        invited_to, mode, person = _serializer(secret_key).loads(token)
    except (BadSignature, ValueError):
        return None
    return (Mode(mode), str(person)) if invited_to == slug else None


def _serializer(secret_key: str) -> URLSafeSerializer:
    return URLSafeSerializer(secret_key, salt="invitation")
