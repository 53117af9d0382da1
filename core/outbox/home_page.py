"""A person's home page on a platform that has one: what waits for them, what is open, what today cost."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from sqlalchemy import func, select

from core import phrases
from core.actors import Reader
from core.cards.card import Fact, Section
from core.cards.view import CardDraft
from core.company.schema import Person
from core.context import Tx
from core.inbound import Opened
from core.model import Address, ApprovalStatus
from core.outbox import card_publisher
from core.store.tables import Dispatch, Ticket
from core.team.people import reader_for
from core.tickets.records import cents, latest_approval, open_tickets

MAX_LINES: Final = 20


def show(tx: Tx, opened: Opened) -> None:
    person = tx.services.person_at(opened.channel, opened.sender)
    reader = reader_for(tx, person)
    subject = person.id if person is not None else opened.sender[:40]

    def sketch(_reader: Reader) -> CardDraft:
        return _sketch(tx, person, reader) if person is not None else _unknown(tx, reader)

    if card_publisher.own_card(tx, "home", subject) is None:
        address = Address(opened.channel, opened.conversation_id)
        card_publisher.post_own(tx, "home", subject, sketch, [(address, reader)])
    else:
        card_publisher.redraw_own(tx, "home", subject, sketch, reader)


def _unknown(tx: Tx, reader: Reader) -> CardDraft:
    words, founder = reader.words, tx.services.company.founder
    return CardDraft(
        title=tx.services.company.about.name,
        lead=words("I do not know you yet. Please ask {who} to let you in.", who=founder.name),
    )


def _sketch(tx: Tx, person: Person, reader: Reader) -> CardDraft:
    words = reader.words
    tickets = open_tickets(tx)
    asks = [
        ticket
        for ticket in tickets
        if (asked := latest_approval(ticket)) is not None
        and asked.status == ApprovalStatus.PENDING
        and person.id in asked.deciders
    ]
    asks += [t for t in tickets if any(q.answer is None and q.person_id == person.id for q in t.questions)]
    lead = words("{count} waiting for you", count=len(asks)) if asks else words("Nothing waits for you.")
    sections = []
    if asks:
        lines = "\n".join(_line(tx, ticket, reader) for ticket in dict.fromkeys(asks))
        sections.append(Section(title=words("Waiting for you"), text=lines))
    shown = "\n".join(_line(tx, ticket, reader) for ticket in tickets[:MAX_LINES])
    if len(tickets) > MAX_LINES:
        shown += "\n" + words("… and {count} more.", count=len(tickets) - MAX_LINES)
    sections.append(Section(title=words("Open tickets"), text=shown or words("No open tickets. 🎉")))
    return CardDraft(
        title=tx.services.company.about.name,
        lead=lead,
        state="asking" if asks else "open",
        facts=(
            Fact(label=words("Open tickets"), value=str(len(tickets))),
            Fact(label=words("Authorised today"), value=words.money(_authorised_today(tx, person))),
            Fact(label=words("As of"), value=words.time(tx.now, tx.now)),
        ),
        sections=tuple(sections),
    )


def _line(tx: Tx, ticket: Ticket, reader: Reader) -> str:
    place = tx.services.company.place(ticket.property_id)
    what = phrases.label(phrases.CATEGORY, ticket.category, reader.words)
    status = phrases.label(phrases.STATUS, ticket.status, reader.words)
    return f"{ticket.ticket_id} · {ticket.severity} · {what} · {place.name if place else '–'} · {status}"


def _authorised_today(tx: Tx, person: Person) -> Decimal:
    midnight = tx.now.astimezone(person.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    wanted = select(func.sum(cents(Dispatch.cost_estimate_usd))).where(
        Dispatch.authorized_at >= midnight, Dispatch.void.is_(False)
    )
    return Decimal(tx.session.scalar(wanted) or 0) / 100
