"""Who may see the studies: passwords as argon2 hashes, and links that let in once."""

import hashlib
import secrets
from datetime import timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.errors import StudyError
from study_server.storage.models import LoginLink, Researcher

PASSWORD_HASHER = PasswordHasher()
MIN_PASSWORD_LENGTH = 12  # characters


def add_researcher(db: Session, name: str, password: str) -> None:
    """Add one, or give a known one a new password; raises StudyError on a short password."""
    if len(password) < MIN_PASSWORD_LENGTH:
        raise StudyError(
            f"the password has {len(password)} characters; use {MIN_PASSWORD_LENGTH} or more"
        )
    _find_or_create(db, name).password_hash = PASSWORD_HASHER.hash(password)


def _find_or_create(db: Session, name: str) -> Researcher:
    researcher = db.scalar(select(Researcher).where(Researcher.name == name))
    if researcher is None:
        researcher = Researcher(name=name)
        db.add(researcher)
        db.flush()
    return researcher


def check_password(db: Session, name: str, password: str) -> Researcher | None:
    """The researcher whose name and password these are, else None."""
    researcher = db.scalar(select(Researcher).where(Researcher.name == name))
    stored = (researcher and researcher.password_hash) or _dummy_hash()
    try:
        PASSWORD_HASHER.verify(stored, password)
    except (VerifyMismatchError, InvalidHashError):
        return None
    return researcher


@cache
def _dummy_hash() -> str:
    """Checked for an unknown name, which then takes as long as a known one."""
    return PASSWORD_HASHER.hash(secrets.token_hex())


def password_fingerprint(researcher: Researcher) -> str:
    """Tells one password from the next, and nothing else of it."""
    return _digest(researcher.password_hash or "")[:16]


def create_login_token(db: Session, name: str, valid_for: timedelta) -> str:
    """A token that lets `name` in once; only its hash is kept."""
    token = secrets.token_urlsafe(24)
    researcher = _find_or_create(db, name)
    link = LoginLink(
        token_digest=_digest(token), researcher_id=researcher.id, expires_at=now() + valid_for
    )
    db.add(link)
    return token


def redeem_login_token(db: Session, token: str) -> Researcher | None:
    """The researcher it lets in, and the end of it; None when used, expired or unknown."""
    link = db.get(LoginLink, _digest(token))
    if link is None:
        return None
    researcher, expired = db.get(Researcher, link.researcher_id), link.expires_at < now()
    db.delete(link)
    return None if expired else researcher


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
