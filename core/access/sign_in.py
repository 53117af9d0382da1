"""Signing in to the page without a password: a code out of one's own chat, or a yes there to a browser that waits."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Literal

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.access import credentials
from core.actors import Actor, Reader
from core.cards.sign_in import SignInSnapshot
from core.cards.sign_in import sign_in as sign_in_card
from core.cards.view import CardDraft
from core.context import Tx
from core.errors import Refused
from core.model import Audience, GrantKind, Scope, SecretKind
from core.outbox import card_publisher
from core.store.client_tables import Secret
from core.store.tables import table
from core.text import escape, shorten

CODE_LASTS: Final = timedelta(minutes=10)
SESSION_LASTS: Final = timedelta(days=30)
WAITS: Final = timedelta(minutes=5)
"""So long a browser waits for its person's yes."""
MAX_CARDS: Final = 3
"""Of one person in CARDS_WITHIN: more would be somebody else's game with their phone."""
CARDS_WITHIN: Final = timedelta(minutes=10)
_CROCKFORD: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_MISREAD: Final = str.maketrans({"I": "1", "L": "1", "O": "0"})


# --- a code


def new_code(tx: Tx, person_id: str) -> str:
    """`XXXX-XXXX`, good once and for ten minutes."""
    drawn = "".join(secrets.choice(_CROCKFORD) for _ in range(8))
    credentials.keep(tx, SecretKind.SIGN_IN, CODE_LASTS, person_id=person_id, secret=drawn)
    return f"{drawn[:4]}-{drawn[4:]}"


def spelled(typed: str) -> str:
    """A code as it was drawn, however somebody types it."""
    kept = "".join(letter for letter in typed.upper() if letter.isalnum())[:40]
    return kept.translate(_MISREAD)


def use_code(tx: Tx, typed: str) -> str | None:
    """The person whose code it is, for this once; None where it is wrong, used or old."""
    row = credentials.find(tx.session, SecretKind.SIGN_IN, spelled(typed), tx.now)
    if row is None or not _take(tx, row):
        return None
    return row.person_id


def _take(tx: Tx, row: Secret) -> bool:
    """One conditional UPDATE decides who was first."""
    rows = table(Secret)
    taken = tx.change(
        update(rows).where(rows.c.hash == row.hash, rows.c.used_at.is_(None)).values(used_at=tx.now)
    )
    tx.session.refresh(row)
    return taken == 1


def open_session(tx: Tx, person_id: str, browser: str, place: str) -> str:
    """Let a browser act for the person; returns what its cookie says. Always a new one: what a browser brought along before
    it was signed in counts for nothing."""
    grant = credentials.new_grant(
        tx,
        GrantKind.SESSION,
        person_id,
        name=browser,
        scope=Scope.DECIDE.value,
        audience=Audience.API,
        expires_at=tx.now + SESSION_LASTS,
    )
    grant.last_used_at, grant.last_used_from = tx.now, place[:60]
    return credentials.keep(tx, SecretKind.SESSION, SESSION_LASTS, grant=grant)


# --- a yes in chat


@dataclass(frozen=True, slots=True)
class Waiting:
    """A browser that waits. `secret` is its alone; `digits` stand on its page and on the card."""

    secret: str
    digits: str


def ask(tx: Tx, named: str, browser: str, place: str, path: str) -> Waiting:
    """Ask `named` in chat whether it is they who wait at `browser`. Whoever is not known here, or was asked too often, is
    answered just the same: the page says nothing about who is of the team."""
    wanted = escape(named).strip().casefold()
    person = next(
        (one for one in tx.services.company.team if wanted in {one.id.casefold(), one.name.casefold()}), None
    )
    digits = f"{secrets.randbelow(100):02d}"
    known = person is not None and _asked_lately(tx, person.id) < MAX_CARDS
    secret = credentials.keep(
        tx,
        SecretKind.WAITING,
        WAITS,
        person_id=person.id if known and person is not None else None,
        digits=digits,
        next=path,
        browser=shorten(escape(browser), 80),
        place=place[:60],
        answer="",
    )
    if known:
        tx.session.flush()
        row = tx.session.get_one(Secret, credentials.digest(secret))
        card_publisher.post_own(
            tx, "signin", _subject(row), _card(row), card_publisher.readers_of(tx, person)
        )
    return Waiting(secret, digits)


def _card(row: Secret) -> Callable[[Reader], CardDraft]:
    known = {one.name: str(row.detail[one.name]) for one in fields(SignInSnapshot)}
    return partial(sign_in_card, SignInSnapshot(**known))


def draw_later(tx: Tx, row: Secret) -> None:
    """They have answered."""
    subject = _subject(row)
    tx.before_commit(
        f"signin:{subject}", lambda: card_publisher.redraw_own(tx, "signin", subject, _card(row))
    )


def _asked_lately(tx: Tx, person_id: str) -> int:
    since = tx.now - CARDS_WITHIN
    rows = select(Secret.hash).where(
        Secret.kind == SecretKind.WAITING, Secret.person_id == person_id, Secret.created_at > since
    )
    return len(tx.session.scalars(rows).all())


def _subject(row: Secret) -> str:
    return row.hash[:32]


def waiting(tx: Tx, subject: str) -> Secret | None:
    """The browser that a card is about."""
    rows = select(Secret).where(Secret.kind == SecretKind.WAITING, Secret.hash.startswith(subject))
    return tx.session.scalar(rows) if len(subject) == 32 and subject.isalnum() else None


def answer(tx: Tx, subject: str, verdict: Literal["allowed", "denied"], _actor: Actor) -> None:
    """Raises Refused("gone")."""
    row = waiting(tx, subject)
    if row is None or row.expires_at <= tx.now or row.detail["answer"]:
        raise Refused("gone")
    row.detail = {**row.detail, "answer": verdict}
    tx.publish(f"signin:{subject}")


@dataclass(frozen=True, slots=True)
class Outcome:
    state: Literal["waiting", "allowed", "over"]
    subject: str = ""


def outcome(session: Session, secret: str, now: datetime) -> Outcome:
    """How it stands with a browser that waits. Reads only."""
    row = credentials.find(session, SecretKind.WAITING, secret, now)
    if row is None or row.detail["answer"] == "denied":
        return Outcome("over")
    return Outcome("allowed" if row.detail["answer"] == "allowed" else "waiting", _subject(row))


def finish(tx: Tx, secret: str) -> tuple[str, str] | None:
    """The browser was let in and comes for its session: (what its cookie says, where it wanted to go), once."""
    row = credentials.find(tx.session, SecretKind.WAITING, secret, tx.now)
    if row is None or row.detail["answer"] != "allowed" or row.person_id is None or not _take(tx, row):
        return None
    session = open_session(tx, row.person_id, str(row.detail["browser"]), str(row.detail["place"]))
    return session, str(row.detail["next"])
