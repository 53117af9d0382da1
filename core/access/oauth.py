"""OAuth clients and what they are given: registration, codes, access and refresh tokens that rotate.

One authorization is one grant, and every token of it belongs to that grant: revoking it ends all of them at once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import delete, select, update

from core.access import credentials, scopes
from core.context import Tx
from core.errors import LoopOSError, Refused
from core.model import Audience, GrantKind, SecretKind
from core.store.client_tables import ClientRow, Grant, Secret
from core.store.tables import table
from core.text import escape, shorten

log = structlog.get_logger(__name__)

CODE_LASTS: Final = timedelta(seconds=60)
REFRESH_LASTS: Final = timedelta(days=30)
"""From its last use."""
GRACE: Final = timedelta(seconds=120)
"""So long a refresh token works on after it was rotated: hosts refresh from several processes at once. Later it is a thief's."""
CONSENT_LASTS: Final = timedelta(minutes=10)


class OAuthError(LoopOSError):
    """`code` as RFC 6749 names it."""

    def __init__(self, code: str, text: str = "", status: int = 400) -> None:
        super().__init__(code)
        self.code = code
        self.text = text
        self.status = status


@dataclass(frozen=True, slots=True)
class Client:
    """A program that asks, however it became known."""

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    auth_method: str = "none"
    secret: str | None = None
    """SHA-256."""
    proven: bool = False
    """Its name stands in a document at an address of its own."""


def register(tx: Tx, name: str, redirect_uris: Sequence[str], auth_method: str) -> tuple[Client, str | None]:
    """Returns the client and its secret, where it has one."""
    client_id = f"lo_client_{secrets.token_urlsafe(18)}"
    secret = secrets.token_urlsafe(32) if auth_method != "none" else None
    row = tx.add(
        ClientRow(
            client_id=client_id,
            name=shorten(escape(name).strip(), 120) or "?",
            redirect_uris=list(redirect_uris),
            auth_method=auth_method,
            secret=credentials.digest(secret) if secret is not None else None,
            created_at=tx.now,
        )
    )
    return _client(row), secret


def registered(session: Any, client_id: str) -> Client | None:
    """None where it was never registered, or was removed."""
    row = session.get(ClientRow, client_id) if len(client_id) <= 60 else None
    return _client(row) if row is not None and row.removed_at is None else None


def _client(row: ClientRow) -> Client:
    return Client(row.client_id, row.name, tuple(row.redirect_uris), row.auth_method, row.secret)


# --- asking the person


@dataclass(frozen=True, slots=True)
class Asked:
    """What a client asks for, checked, before its person says yes."""

    client_id: str
    client_name: str
    proven: bool
    redirect_uri: str
    state: str | None
    challenge: str
    scope: str


def wait_for_consent(tx: Tx, person_id: str, asked: Asked, place: str) -> str:
    """Keep the request until its person has answered; returns its name."""
    detail = {name: getattr(asked, name) for name in Asked.__slots__}
    return credentials.keep(
        tx, SecretKind.CONSENT, CONSENT_LASTS, person_id=person_id, place=place[:60], **detail
    )


def awaited(session: Any, request: str, person_id: str, now: Any) -> tuple[Asked, str] | None:
    """What waits for this person's yes under that name, and from where it was asked; None where nothing does."""
    row = credentials.find(session, SecretKind.CONSENT, request, now)
    if row is None or row.person_id != person_id:
        return None
    return Asked(**{name: row.detail[name] for name in Asked.__slots__}), str(row.detail["place"])


def for_whom(tx: Tx, request: str) -> str | None:
    """Who was asked; None where nothing waits under that name."""
    row = credentials.find(tx.session, SecretKind.CONSENT, request, tx.now)
    return row.person_id if row is not None else None


def answer(tx: Tx, request: str, person_id: str, scope: str | None, host: str = "") -> str:
    """The person lets the program act for them with at most `scope`, or does not (None); returns the code, "" after a no.
    Raises Refused("gone"): they had answered, or it is over."""
    found = awaited(tx.session, request, person_id, tx.now)
    rows = table(Secret)
    where = (rows.c.hash == credentials.digest(request), rows.c.used_at.is_(None))
    # One conditional UPDATE decides who was first.
    if found is None or tx.change(update(rows).where(*where).values(used_at=tx.now)) != 1:
        raise Refused("gone")
    return _allow(tx, person_id, found[0], scope, host) if scope is not None else ""


def allowed_before(session: Any, person_id: str, asked: Asked, host: str, now: Any) -> bool:
    """The same person let the same client, led to the same place, do as much."""
    wanted = scopes.included(scopes.named(asked.scope) or ())
    rows = select(Grant).where(
        Grant.client_id == asked.client_id, Grant.person_id == person_id, Grant.kind == GrantKind.OAUTH
    )
    return any(
        grant.host == host
        and credentials.is_good(grant, now)
        and wanted <= scopes.included(scopes.named(grant.scope) or ())
        for grant in session.scalars(rows)
    )


def _allow(tx: Tx, person_id: str, asked: Asked, scope: str, host: str) -> str:
    """The code."""
    grant = credentials.new_grant(
        tx,
        GrantKind.OAUTH,
        person_id,
        name=asked.client_name,
        scope=scope,
        audience=Audience.MCP,
        client_id=asked.client_id,
        host=host,
        expires_at=tx.now + REFRESH_LASTS,
    )
    log.info("client_allowed", client=asked.client_id[:80], person=person_id, scope=scope)
    return credentials.keep(
        tx,
        SecretKind.CODE,
        CODE_LASTS,
        grant=grant,
        client=asked.client_id,
        redirect_uri=asked.redirect_uri,
        challenge=asked.challenge,
    )


# --- tokens


@dataclass(frozen=True, slots=True)
class Given:
    access: str
    refresh: str
    scope: str
    seconds: int


@dataclass(frozen=True, slots=True)
class Failure:
    """`robbed`: what was shown had been used, so everything of its grant is ended; that must be kept, though it failed."""

    error: OAuthError
    robbed: bool = False


def exchange(
    tx: Tx, client: Client, code: str, redirect_uri: str | None, verifier: str, lasts: timedelta
) -> Given | Failure:
    row = tx.session.get(Secret, credentials.digest(code))
    if row is None or row.kind is not SecretKind.CODE or row.detail["client"] != client.client_id:
        return Failure(OAuthError("invalid_grant", "That code is not known."))
    if row.used_at is not None:
        _end(tx, row.grant, "code used twice")
        return Failure(OAuthError("invalid_grant", "That code was used."), robbed=True)
    if row.expires_at <= tx.now or row.grant is None or not credentials.is_good(row.grant, tx.now):
        return Failure(OAuthError("invalid_grant", "That code is too old."))
    if redirect_uri != row.detail["redirect_uri"]:
        return Failure(OAuthError("invalid_grant", "redirect_uri is another."))
    if not _proves(verifier, str(row.detail["challenge"])):
        return Failure(OAuthError("invalid_grant", "code_verifier does not fit."))
    row.used_at = tx.now
    return _give(tx, row.grant, row.grant.scope, lasts)


def _proves(verifier: str, challenge: str) -> bool:
    if not 43 <= len(verifier) <= 128 or not verifier.isascii():
        return False
    digest = hashlib.sha256(verifier.encode()).digest()
    made = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return hmac.compare_digest(made, challenge)


def refresh(tx: Tx, client: Client, token: str, scope: str | None, lasts: timedelta) -> Given | Failure:
    row = tx.session.get(Secret, credentials.digest(token))
    bad = Failure(OAuthError("invalid_grant", "That refresh token is not good."))
    if row is None or row.kind is not SecretKind.REFRESH or row.grant is None:
        return bad
    grant = row.grant
    if (
        grant.client_id != client.client_id
        or row.expires_at <= tx.now
        or not credentials.is_good(grant, tx.now)
    ):
        return bad
    if tx.services.company.person(grant.person_id) is None:
        return bad
    if row.used_at is not None and tx.now - row.used_at > GRACE:
        _end(tx, grant, "refresh token used again")
        return Failure(bad.error, robbed=True)
    wanted = str(row.detail["scope"])
    if scope is not None:
        asked, had = scopes.named(scope), scopes.included(scopes.named(wanted) or ())
        if not asked or not asked <= had:
            return Failure(OAuthError("invalid_scope", "More than was allowed."))
        wanted = scopes.spelled(asked)
    row.used_at = row.used_at or tx.now
    return _give(tx, grant, wanted, lasts)


def _give(tx: Tx, grant: Grant, scope: str, lasts: timedelta) -> Given:
    grant.expires_at = tx.now + REFRESH_LASTS
    access = credentials.keep(tx, SecretKind.ACCESS, lasts, grant=grant, scope=scope)
    again = credentials.keep(tx, SecretKind.REFRESH, REFRESH_LASTS, grant=grant, scope=scope)
    return Given(access, again, scope, int(lasts.total_seconds()))


def _end(tx: Tx, grant: Grant | None, why: str) -> None:
    if grant is not None and grant.revoked_at is None:
        grant.revoked_at = tx.now
        tx.publish(f"grant:{grant.id}")
        log.warning("grant_ended", client=grant.client_id[:80], why=why)


def revoke(tx: Tx, client: Client, token: str) -> None:
    """Both halves are dead, whichever was shown. What is not known, or another's, changes nothing."""
    row = tx.session.get(Secret, credentials.digest(token))
    if row is None or row.grant is None or row.grant.client_id != client.client_id:
        return
    rows = table(Secret)
    tx.change(delete(rows).where(rows.c.grant_id == row.grant_id))
    row.grant.revoked_at = row.grant.revoked_at or tx.now
    tx.publish(f"grant:{row.grant_id}")
