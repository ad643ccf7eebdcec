"""Researchers and their sign-in links."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from study_server.storage.models.base import Base
from study_server.vocabulary import Role


class Researcher(Base):
    """A person with access to the researcher pages."""

    __tablename__ = "researcher"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    role: Mapped[Role] = mapped_column(default=Role.OWNER, server_default=Role.OWNER)
    password_hash: Mapped[str | None]  # argon2; None if only sign-in links work


class LoginLink(Base):
    """A one-time sign-in link of a researcher. Only a hash of its token is stored."""

    __tablename__ = "login_link"

    token_digest: Mapped[str] = mapped_column(primary_key=True)
    researcher_id: Mapped[int] = mapped_column(ForeignKey("researcher.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime]
