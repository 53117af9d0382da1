"""Who calls: the secret that a program or a browser shows, and the person for whom it may act.

A secret is 256 random bits and only its SHA-256 is kept, so it needs no slow hash. Whoever left the team is nobody at the next
call, whatever their secrets say: the person is looked up each time."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from core.access import scopes
from core.company.company import Company
from core.company.schema import Person
from core.context import Tx
from core.errors import Refused
from core.i18n import N_, Words
from core.ids import new_id
from core.model import Audience, GrantKind, Scope, SecretKind
from core.outbox import card_publisher
from core.store.client_tables import Grant, Secret
from core.store.tables import PersonState, table
from core.text import escape, shorten

log = structlog.get_logger(__name__)

PREFIX: Final = {
    SecretKind.ACCESS: "lo_at_",
    SecretKind.REFRESH: "lo_rt_",
    SecretKind.STATIC: "lo_st_",
    SecretKind.SESSION: "lo_se_",
}
"""So that whoever finds one in a log or a repository knows what it is."""
MAX_DAYS: Final = 365
USED_EVERY: Final = timedelta(minutes=1)
"""So old may the note of a grant's last use become before it is written anew."""
_LIVE: Final = frozenset({SecretKind.ACCESS, SecretKind.STATIC, SecretKind.SESSION})


@dataclass(frozen=True, slots=True)
class Caller:
    """A proven program (or browser) and the person it acts for."""

    grant_id: str
    client_id: str
    kind: GrantKind
    name: str
    person: Person
    language: str
    scopes: frozenset[Scope]
    audience: Audience
    last_used_at: datetime | None
    until: datetime
    """Its secret is good until then."""

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes

    @property
    def words(self) -> Words:
        """In which its person is answered."""
        return Words(self.language, self.person.zone)


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_secret(kind: SecretKind) -> str:
    return f"{PREFIX.get(kind, '')}{secrets.token_urlsafe(32)}"


_OF_A_SECRET: Final = (
    select(
        *(table(Secret).c[name] for name in ("kind", "detail", "expires_at")),
        *(table(Grant).c[name] for name in ("id", "client_id", "name", "person_id", "scope", "audience")),
        *(table(Grant).c[name] for name in ("last_used_at", "revoked_at")),
        table(Grant).c.kind.label("door"),
        table(Grant).c.expires_at.label("ends_at"),
        table(PersonState).c.language,
    )
    .join_from(table(Secret), table(Grant), table(Grant).c.id == table(Secret).c.grant_id)
    .outerjoin(table(PersonState), table(PersonState).c.person_id == table(Grant).c.person_id)
    .where(table(Secret).c.hash == bindparam("hash"))
)
"""Written once and past the mapper: it stands before every call, and each time anew it took longer than SQLite does."""


def caller(session: Session, company: Company, secret: str, now: datetime) -> Caller | None:
    """Whoever shows `secret`; None where it is wrong, old, revoked, or its person has left. Reads only, in one statement: it
    stands before every call."""
    row = session.connection().execute(_OF_A_SECRET, {"hash": digest(secret)}).one_or_none()
    if row is None or row.kind not in _LIVE or row.expires_at <= now:
        return None
    person = company.person(row.person_id)
    if person is None or not _lasts(row.revoked_at, row.ends_at, now):
        return None
    asked = scopes.named(str(row.detail.get("scope", row.scope))) or frozenset()
    allowed = scopes.included(scopes.named(row.scope) or ())
    return Caller(
        row.id,
        row.client_id,
        row.door,
        row.name,
        person,
        row.language or person.languages[0],
        scopes.included(asked) & allowed,
        row.audience,
        row.last_used_at,
        row.expires_at,
    )


def is_still(session: Session, company: Company, caller: Caller, now: datetime) -> bool:
    """What was proved when the call began is still so."""
    grant = session.get(Grant, caller.grant_id)
    there = company.person(caller.person.id) is not None
    return there and caller.until > now and grant is not None and is_good(grant, now)


def is_good(grant: Grant, now: datetime) -> bool:
    return _lasts(grant.revoked_at, grant.expires_at, now)


def _lasts(revoked_at: datetime | None, expires_at: datetime | None, now: datetime) -> bool:
    return revoked_at is None and (expires_at is None or expires_at > now)


def used(tx: Tx, grant_id: str, place: str) -> None:
    """Note when and from where it was last used."""
    rows = table(Grant)
    tx.change(
        update(rows).where(rows.c.id == grant_id).values(last_used_at=tx.now, last_used_from=place[:60])
    )


def keep(
    tx: Tx,
    kind: SecretKind,
    lasts: timedelta,
    *,
    grant: Grant | None = None,
    person_id: str | None = None,
    secret: str | None = None,
    **detail: object,
) -> str:
    """Keep a new secret; returns it. Nobody can find it again."""
    made = secret or new_secret(kind)
    tx.add(
        Secret(
            hash=digest(made),
            kind=kind,
            grant=grant,
            person_id=person_id,
            detail=detail,
            created_at=tx.now,
            expires_at=tx.now + lasts,
        )
    )
    return made


def find(session: Session, kind: SecretKind, secret: str, now: datetime) -> Secret | None:
    """The row of a secret that leads to a grant, while it is good and was not used."""
    row = session.get(Secret, digest(secret))
    good = row is not None and row.kind is kind and row.used_at is None and row.expires_at > now
    return row if good else None


def new_grant(
    tx: Tx,
    kind: GrantKind,
    person_id: str,
    *,
    name: str,
    scope: str,
    audience: Audience,
    client_id: str = "",
    host: str | None = None,
    expires_at: datetime | None = None,
    told: bool = True,
) -> Grant:
    """`client_id` "": it has no name of its own, so the grant's is its."""
    grant_id = new_id()
    return tx.add(
        Grant(
            id=grant_id,
            kind=kind,
            client_id=client_id or grant_id,
            name=shorten(escape(name).strip(), 120) or client_id[:120] or grant_id,
            person_id=person_id,
            scope=scope,
            audience=audience,
            host=host,
            created_at=tx.now,
            expires_at=expires_at,
            told=told,
        )
    )


# --- tokens that are made by hand


def make_token(
    tx: Tx, person_id: str, name: str, scope: str, audience: str, days: int, *, told: bool
) -> tuple[str, Grant]:
    """A token for a client without connectors. Raises Refused("unknown_person" | "unknown_option" | "bad_days")."""
    person = tx.services.company.person(person_id)
    if person is None:
        raise Refused("unknown_person", name=person_id[:40])
    wanted = scopes.named(scope)
    if not wanted or audience not in set(Audience):
        raise Refused("unknown_option")
    if not 1 <= days <= MAX_DAYS:
        raise Refused("bad_days", most=MAX_DAYS)
    lasts = timedelta(days=days)
    grant = new_grant(
        tx,
        GrantKind.STATIC,
        person.id,
        name=name,
        scope=scopes.spelled(wanted),
        audience=Audience(audience),
        expires_at=tx.now + lasts,
        told=told,
    )
    secret = keep(tx, SecretKind.STATIC, lasts, grant=grant)
    if told:
        tell(tx, grant)
    log.info("token_made", person=person.id, client=grant.client_id, scope=grant.scope)
    return secret, grant


def untold(session: Session) -> list[str]:
    """Grants of which nobody was told yet: made by the shell beside the running service."""
    return list(session.scalars(select(Grant.id).where(Grant.told.is_(False))))


def tell(tx: Tx, grant: Grant) -> None:
    """Whoever can act for somebody is no secret to them."""
    grant.told = True
    person = tx.services.company.person(grant.person_id)
    scope = grant.scope
    card_publisher.tell(
        tx,
        person,
        lambda words: words(
            N_("A token named “{name}” can act for you now ({scope}). /clients shows it and takes it back."),
            name=grant.name,
            scope=scope,
        ),
    )


def tell_of(tx: Tx, grant_ids: list[str]) -> None:
    for one in grant_ids:
        grant = tx.get(Grant, one)
        if grant is not None and not grant.told:
            tell(tx, grant)


def sweep(tx: Tx, before: datetime) -> None:
    """Secrets that ran out before `before` are of no use to anybody. Once used or rotated they are kept as long: whoever
    shows one again is a thief, or was robbed."""
    rows = table(Secret)
    tx.change(delete(rows).where(rows.c.expires_at < before))
