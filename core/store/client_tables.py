"""The tables of programs and browsers that act for somebody: who was let in, with which rights, by which secret."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.model import Audience, GrantKind, SecretKind
from core.store.tables import Base, Json
from core.store.types import Named


class ClientRow(Base):
    """A program that registered itself (RFC 7591)."""

    __tablename__ = "clients"
    client_id: Mapped[str] = mapped_column(String(60), primary_key=True)
    name: Mapped[str] = mapped_column(String(120))
    redirect_uris: Mapped[list[str]]
    auth_method: Mapped[str] = mapped_column(String(30))
    """none, client_secret_post or client_secret_basic"""
    secret: Mapped[str | None] = mapped_column(String(64))
    """SHA-256."""
    created_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]


class Grant(Base):
    """One person let one program (or browser) act for them."""

    __tablename__ = "grants"
    __table_args__ = (
        Index("ix_grants_person", "person_id", "created_at"),
        Index("ix_grants_client", "client_id", "person_id"),
        Index("ix_grants_told", "told", "created_at"),
    )
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    kind: Mapped[GrantKind] = mapped_column(Named(GrantKind, 10))
    client_id: Mapped[str] = mapped_column(String(500))
    """The address of its document, what it got when it registered, or, of tokens and browsers, the grant's own id."""
    name: Mapped[str] = mapped_column(String(120))
    person_id: Mapped[str] = mapped_column(String(60))
    scope: Mapped[str] = mapped_column(String(40))
    """Words between spaces; what was allowed, however much a token asks for."""
    audience: Mapped[Audience] = mapped_column(Named(Audience, 5))
    host: Mapped[str | None] = mapped_column(String(255))
    """Where an OAuth client's redirect leads: allowed once, not asked again for the same."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    last_used_from: Mapped[str | None] = mapped_column(String(60))
    revoked_at: Mapped[datetime | None]
    told: Mapped[bool] = mapped_column(Boolean, default=True, server_default=true())
    """False: made beside the running service, which has yet to tell the person."""


class Secret(Base):
    """What proves a grant, or leads to one. Only its SHA-256 is kept."""

    __tablename__ = "secrets"
    __table_args__ = (Index("ix_secrets_expires", "expires_at"),)
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[SecretKind] = mapped_column(Named(SecretKind, 10))
    grant_id: Mapped[str | None] = mapped_column(ForeignKey("grants.id"), index=True)
    person_id: Mapped[str | None] = mapped_column(String(60))
    detail: Mapped[Json]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    grant: Mapped[Grant | None] = relationship()


class Webhook(Base):
    """An address outside that is told of every change, in order."""

    __tablename__ = "webhooks"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    url: Mapped[str] = mapped_column(String(500))
    secret: Mapped[str] = mapped_column(String(80))
    """What signs each call; it has to be kept as it is."""
    added_by: Mapped[str] = mapped_column(String(60))
    added_at: Mapped[datetime]
    told_up_to: Mapped[int] = mapped_column(Integer)
    """The newest change (a history row) that it has taken."""
    failing_since: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
