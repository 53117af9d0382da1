"""Stays as rows, and what they mean for the tickets of their property: `checkin_imminent` comes and goes with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.actors import LOOPOS
from core.company.schema import Property
from core.context import Tx
from core.model import Event, RiskTag
from core.stays.calendars import Stay, merged
from core.stays.guest_clock import GuestClock, clock_at
from core.store.loop_tables import StayRow
from core.store.tables import Ticket, table
from core.tickets.records import note, open_tickets

ROUTINE: Final = 2
SAME_DAY: Final = 3
RAISED: Final = "severity_was"
"""Among what the reservations say: they made it a matter of the same day."""
GUEST: Final = "guest"
"""Of a ticket's facts: what the reservations say."""


def keep(tx: Tx, property_id: str, feed: int, stays: Sequence[Stay]) -> None:
    """They are all that this feed says now."""
    rows = table(StayRow)
    known = {
        (row.starts, row.ends, row.kind)
        for row in tx.session.scalars(
            select(StayRow).where(StayRow.property_id == property_id, StayRow.feed == feed)
        )
    }
    wanted = {(one.starts, one.ends, one.kind) for one in stays}
    if known == wanted:
        return
    tx.change(delete(rows).where(rows.c.property_id == property_id, rows.c.feed == feed))
    for starts, ends, kind in sorted(wanted):
        tx.add(StayRow(property_id=property_id, feed=feed, starts=starts, ends=ends, kind=kind))
    tx.session.flush()


def stays_at(session: Session, property_id: str) -> list[Stay]:
    rows = session.scalars(select(StayRow).where(StayRow.property_id == property_id))
    return merged(Stay(row.starts, row.ends, row.kind) for row in rows)


def clock_of(session: Session, place: Property, now: datetime) -> GuestClock:
    return clock_at(stays_at(session, place.id), now, place.cleaner_minutes)


def apply(tx: Tx, ticket: Ticket) -> bool:
    """Bring what `ticket` says of guests up to date; whether it changed. Without a feed nothing is known, and what a person
    said stays."""
    place = tx.services.company.place(ticket.property_id)
    if place is None or not place.calendars:
        return False
    clock = clock_of(tx.session, place, tx.now)
    facts = clock.facts(place.cleaner_minutes)
    before = ticket.facts.get(GUEST, {})
    if clock.imminent and (ticket.severity == ROUTINE or RAISED in before):
        facts[RAISED] = ROUTINE
    if facts == before:
        return False
    _hurry(tx, ticket, before, facts)
    ticket.facts = {
        **{key: one for key, one in ticket.facts.items() if key != GUEST},
        **({GUEST: facts} if facts else {}),
    }
    tag = RiskTag.CHECKIN_IMMINENT.value
    tags = [one for one in ticket.risk_tags if one != tag]
    if clock.imminent:
        tags.append(tag)
    if tags != ticket.risk_tags and set(tags) != set(ticket.risk_tags):
        note(
            tx,
            ticket,
            Event.CHANGED,
            LOOPOS,
            field="risk_tags",
            old=ticket.risk_tags,
            new=tags,
            why="reservations",
        )
        ticket.risk_tags = tags
    return True


def _hurry(tx: Tx, ticket: Ticket, before: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """What could have waited is for the same day while somebody arrives, and can wait again when nobody does. What a person, or
    something worse, has changed meanwhile stays."""
    old = ticket.severity
    if RAISED in facts and RAISED not in before:
        ticket.severity = SAME_DAY
    elif RAISED in before and RAISED not in facts and old == SAME_DAY:
        ticket.severity = ROUTINE
    if ticket.severity != old:
        note(
            tx,
            ticket,
            Event.CHANGED,
            LOOPOS,
            field="severity",
            old=old,
            new=ticket.severity,
            why="reservations",
        )


def apply_all(tx: Tx, property_id: str) -> list[str]:
    """The open tickets there that changed."""
    return [one.ticket_id for one in open_tickets(tx, property_id) if apply(tx, one)]
