"""Researchers who may see the studies: Argon2 password hashes and one-time sign-in links."""

import hashlib
import secrets
from datetime import timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError
from sqlalchemy import select
from sqlalchemy.orm import Session

from study_server.clock import now
from study_server.counts import format_count
from study_server.errors import StudyError
from study_server.storage.models import LoginLink, Researcher
from study_server.vocabulary import Role

PASSWORD_HASHER = PasswordHasher()
MIN_PASSWORD_LENGTH = 12  # characters
MAX_NAME_LENGTH = 64  # characters
INVITATION_VALID_FOR = timedelta(days=2)
ROLE_TEXTS = {Role.OWNER: "an owner", Role.VIEWER: "a viewer"}


def hash_password(password: str) -> str:
    """Return the Argon2 hash of a new password; raise StudyError if the password is too short.

    Hashing takes longer than storing many answers: call this before a transaction begins.
    """
    if len(password) < MIN_PASSWORD_LENGTH:
        raise StudyError(
            f"the password has {format_count(len(password), 'character', 'characters')}; "
            f"use at least {MIN_PASSWORD_LENGTH}"
        )
    return PASSWORD_HASHER.hash(password)


def add_researcher(db: Session, name: str, password_hash: str, role: Role = Role.OWNER) -> None:
    """Add a researcher, or set a new password and role. password_hash: from `hash_password`."""
    researcher = _find_or_create(db, name)
    researcher.password_hash, researcher.role = password_hash, role


def list_researchers(db: Session) -> list[Researcher]:
    """Return all researchers by name."""
    return list(db.scalars(select(Researcher).order_by(Researcher.name)))


def change_role(db: Session, name: str, role: Role) -> None:
    """Give a researcher another role.

    Raises StudyError if there is no such researcher, or if nobody would be left who may change
    studies.
    """
    everyone = db.scalars(select(Researcher).order_by(Researcher.id).with_for_update()).all()
    changed = next((one for one in everyone if one.name == name), None)
    if changed is None:
        raise StudyError(f"there is no researcher {name!r}")
    is_last = not any(one.role is Role.OWNER for one in everyone if one is not changed)
    if role is not Role.OWNER and is_last:
        raise StudyError(f"{name} is the last owner; make somebody else an owner first")
    changed.role = role
    db.flush()


def invite_researcher(db: Session, name: str, role: Role, valid_for: timedelta) -> str:
    """Add a researcher without a password; return the token of their one-time sign-in link.

    Those who have no password yet can be invited again. Raises StudyError if the name is empty or
    that of somebody with a password.
    """
    name = " ".join(name.split())
    if not name or len(name) > MAX_NAME_LENGTH:
        raise StudyError(f"enter a name of 1 to {MAX_NAME_LENGTH} characters")
    researcher = _find_or_create(db, name)
    if researcher.password_hash is not None:
        raise StudyError(f"{name} has an account already")
    researcher.role = role
    return create_login_token(db, name, valid_for)


def _find_or_create(db: Session, name: str) -> Researcher:
    researcher = db.scalar(select(Researcher).where(Researcher.name == name))
    if researcher is None:
        researcher = Researcher(name=name)
        db.add(researcher)
        db.flush()
    return researcher


def check_password(db: Session, name: str, password: str) -> Researcher | None:
    """Return the researcher with this name and password, or None.

    Ends the session's transaction before checking the password, because others wait for its lock.
    """
    researcher = db.scalar(select(Researcher).where(Researcher.name == name))
    stored = researcher.password_hash if researcher is not None else None
    db.commit()
    try:
        PASSWORD_HASHER.verify(stored or _dummy_hash(), password)
    except (VerifyMismatchError, InvalidHashError):
        return None
    if researcher is None or researcher.password_hash != stored:  # it was changed in the meantime
        return None
    return researcher


@cache
def _dummy_hash() -> str:
    """Return a hash to verify for unknown names, so that they take as long as known ones."""
    return PASSWORD_HASHER.hash(secrets.token_hex())


def password_fingerprint(researcher: Researcher) -> str:
    """Return a short digest that changes with the password and does not reveal it."""
    return _digest(researcher.password_hash or "")[:16]


def create_login_token(db: Session, name: str, valid_for: timedelta) -> str:
    """Create a one-time sign-in token for a researcher; only its hash is stored."""
    token = secrets.token_urlsafe(24)
    researcher = _find_or_create(db, name)
    link = LoginLink(
        token_digest=_digest(token), researcher_id=researcher.id, expires_at=now() + valid_for
    )
    db.add(link)
    return token


def redeem_login_token(db: Session, token: str) -> Researcher | None:
    """Use up a sign-in token and return its researcher, or None if it is invalid or expired."""
    link = db.get(LoginLink, _digest(token))
    if link is None:
        return None
    researcher, expired = db.get(Researcher, link.researcher_id), link.expires_at < now()
    db.delete(link)
    return None if expired else researcher


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
