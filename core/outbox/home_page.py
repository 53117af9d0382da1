"""A person's home page on a platform that has one, as it stands when they open it."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from sqlalchemy import func, select

from core.actors import Reader
from core.cards import home
from core.cards.view import CardDraft
from core.company.reading import cost_places
from core.company.schema import Person
from core.context import Tx
from core.inbound import Opened
from core.model import Address, ApprovalStatus
from core.outbox import card_publisher
from core.store.tables import Dispatch, Ticket
from core.team.people import reader_for
from core.tickets.records import estimate_cents, latest_approval, open_tickets

MAX_LINES: Final = 20


def show(tx: Tx, opened: Opened) -> None:
    person = tx.services.person_at(opened.channel, opened.sender)
    reader = reader_for(tx, person)
    subject = person.id if person is not None else opened.sender[:40]
    company = tx.services.company
    if person is None:
        page = home.stranger(company.about.name, company.founder.name, reader.words)
    else:
        page = home.home(_snapshot(tx, person), reader.words)

    def drawn(_reader: Reader) -> CardDraft:
        return page

    if card_publisher.own_card(tx, "home", subject) is None:
        address = Address(opened.channel, opened.conversation_id)
        card_publisher.post_own(tx, "home", subject, drawn, [(address, reader)])
    else:
        card_publisher.redraw_own(tx, "home", subject, drawn, reader)


def _snapshot(tx: Tx, person: Person) -> home.HomeSnapshot:
    tickets = open_tickets(tx)
    asks = [
        ticket
        for ticket in tickets
        if (asked := latest_approval(ticket)) is not None
        and asked.status == ApprovalStatus.PENDING
        and person.id in asked.deciders
    ]
    asks += [t for t in tickets if any(q.answer is None and q.person_id == person.id for q in t.questions)]
    return home.HomeSnapshot(
        company=tx.services.company.about.name,
        now=tx.now,
        waiting=tuple(_line(tx, ticket) for ticket in dict.fromkeys(asks)),
        open=tuple(_line(tx, ticket) for ticket in tickets[:MAX_LINES]),
        open_count=len(tickets),
        authorised_today=_authorised_today(tx, person, cost_places(tx.services.company, person)),
    )


def _line(tx: Tx, ticket: Ticket) -> home.HomeLine:
    place = tx.services.company.place(ticket.property_id)
    return home.HomeLine(
        ticket_id=ticket.ticket_id,
        severity=ticket.severity,
        category=ticket.category,
        status=ticket.status,
        place=place.name if place is not None else None,
    )


def _authorised_today(tx: Tx, person: Person, places: frozenset[str] | None) -> Decimal | None:
    """None: money there is not theirs to see."""
    if places == frozenset():
        return None
    midnight = tx.now.astimezone(person.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = select(func.sum(estimate_cents())).where(
        Dispatch.authorized_at >= midnight, Dispatch.void.is_(False)
    )
    if places is not None:
        wanted = wanted.where(Dispatch.property_id.in_(places))
    return Decimal(tx.session.scalar(wanted) or 0) / 100
