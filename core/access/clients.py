"""Which programs and browsers may act for whom, shown to whom it concerns, and taken back with one tap."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import structlog
from sqlalchemy import select

from core.access.grants import listed
from core.actors import Actor, Reader
from core.cards.programs import ProgramsSnapshot, programs
from core.cards.view import CardDraft
from core.context import Tx
from core.errors import Refused
from core.model import Address
from core.outbox import card_publisher
from core.store.client_tables import ClientRow, Grant
from core.store.session_rows import SessionRows

log = structlog.get_logger(__name__)


def revoke(tx: Tx, client_id: str, person_id: str, actor: Actor) -> None:
    """It acts for nobody any more (or, with `person_id`, not for them), from its next call on.

    Raises Refused("gone" | "unknown_client")."""
    wanted = select(Grant).where(Grant.client_id == client_id, Grant.revoked_at.is_(None))
    if person_id:
        wanted = wanted.where(Grant.person_id == person_id)
    found = tx.session.scalars(wanted).all()
    row = tx.get(ClientRow, client_id) if not person_id else None
    if row is not None and row.removed_at is None:
        row.removed_at = tx.now
    elif not found:
        known = row is not None or tx.session.scalar(
            select(Grant.id).where(Grant.client_id == client_id).limit(1)
        )
        raise Refused("gone" if known else "unknown_client")
    for grant in found:
        grant.revoked_at = tx.now
        tx.publish(f"grant:{grant.id}")
    log.info("client_revoked", client=client_id[:80], by=actor.person_id)
    draw_later(tx, actor.person_id)  # a program that is gone may have acted for nobody


def show(tx: Tx, person_id: str, ways: Iterable[tuple[Address, Reader]]) -> None:
    """The card of whoever acts for `person_id` (the founder sees everybody's)."""
    card_publisher.post_own(tx, "clients", person_id, _drawn(tx, person_id), ways)


def draw_later(tx: Tx, person_id: str) -> None:
    """Bring the cards that show who acts for them up to date, once, at the end of this unit of work."""
    for one in {person_id, tx.services.company.founder.id}:
        tx.before_commit(f"clients:{one}", partial(_draw, tx, one))


def _draw(tx: Tx, person_id: str) -> None:
    card_publisher.redraw_own(tx, "clients", person_id, _drawn(tx, person_id))


def _drawn(tx: Tx, person_id: str) -> Callable[[Reader], CardDraft]:
    company = tx.services.company
    every = person_id == company.founder.id
    found = tuple(listed(SessionRows(tx.session), tx.now, None if every else person_id))
    return partial(programs, ProgramsSnapshot(acting=found, every=every, now=tx.now), company)
