"""Which programs and browsers may act for whom, shown to whom it concerns, and taken back with one tap."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

import structlog
from sqlalchemy import select

from core.access.grants import Acting, listed
from core.actors import Actor, Reader
from core.cards.card import Fact
from core.cards.view import ButtonDraft, CardDraft
from core.context import Tx
from core.errors import Refused
from core.i18n import N_
from core.model import Address, GrantKind
from core.outbox import card_publisher
from core.store.client_tables import ClientRow, Grant
from core.store.session_rows import SessionRows

log = structlog.get_logger(__name__)

MAX_SHOWN: Final = 8
"""On a card: more buttons no platform shows."""
KIND: Final = {
    GrantKind.OAUTH: N_("connected program"),
    GrantKind.STATIC: N_("token"),
    GrantKind.SESSION: N_("browser"),
}


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
    """What the card looks at is read here, once."""
    every = person_id == tx.services.company.founder.id
    found = listed(SessionRows(tx.session), tx.now, None if every else person_id)
    return partial(_card, tx, every, found)


def _card(tx: Tx, every: bool, found: Sequence[Acting], reader: Reader) -> CardDraft:
    words, company = reader.words, tx.services.company
    title = words("Programs and browsers")
    if not found:
        lead = words("Nothing acts for you: no program, no token, no browser.")
        return CardDraft(title=title, lead=lead, state="done")
    facts = [
        Fact(
            label=grant.name,
            value=_described(grant, reader, tx.now, company.name_of(grant.person_id) if every else ""),
        )
        for grant in found[:MAX_SHOWN]
    ]
    buttons = [
        ButtonDraft(
            "revoke",
            words("Take back {name}", name=grant.name[:40]),
            "danger",
            {"client": grant.client_id, "person": grant.person_id},
        )
        for grant in found[:MAX_SHOWN]
    ]
    lead = words("What may act for people of the team.") if every else words("What may act for you.")
    if len(found) > MAX_SHOWN:
        lead += " " + words(
            "The newest {count} of {all}; the page shows the rest.", count=MAX_SHOWN, all=len(found)
        )
    return CardDraft(title=title, lead=lead, state="open", facts=tuple(facts), buttons=tuple(buttons))


def _described(grant: Acting, reader: Reader, now: datetime, who: str) -> str:
    words = reader.words
    when = (
        words("last used {at}", at=words.time(grant.last_used_at, now))
        if grant.last_used_at is not None
        else words("never used")
    )
    return " · ".join(part for part in (who, words(KIND[grant.kind]), grant.scope, when) if part)
