"""Who is on, and what they take over: covers for a property, and one post at each change (W15)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import select

from core import phrases
from core.actors import Actor, Reader
from core.cards.card import Section
from core.cards.view import ButtonDraft, CardDraft
from core.company.schema import Person
from core.context import Tx
from core.errors import Refused
from core.i18n import N_
from core.ids import new_id
from core.model import ApprovalStatus, Event, Status
from core.outbox import card_publisher
from core.store import deadlines
from core.store.deadlines import Due
from core.store.tables import Cover, Deadline, Ticket
from core.team import roster
from core.team.people import reader_for
from core.tickets.records import current_dispatch, latest_approval, note, open_tickets
from core.workflow import dispatching

MAX_LINES: Final = 25


def cover(tx: Tx, actor: Actor, property_ids: Sequence[str], person_id: str, until: datetime | None) -> None:
    """From now on `person_id` is on for these properties. Raises Refused("unknown_person")."""
    person = tx.services.company.person(person_id)
    if person is None:
        raise Refused("unknown_person", name=person_id)
    before = {one: tx.services.company.on_site(one) for one in property_ids}
    for property_id in property_ids:
        row = tx.get(Cover, property_id) or tx.add(Cover(property_id=property_id))
        row.person_id, row.set_by, row.since, row.until = person.id, actor.person_id, tx.now, until
        deadlines.cancel(tx, property_id, "cover_ends")
        if until is not None:
            deadlines.schedule(tx, "cover_ends", property_id, until)
    roster.renew(tx)
    _post(tx, person, property_ids, [who for who in before.values() if who is not None])


def end(tx: Tx, property_ids: Sequence[str]) -> list[str]:
    """Whom team.json names is on again; returns the properties that were covered."""
    ended = []
    for property_id in property_ids:
        if tx.get(Cover, property_id) is not None:
            _end(tx, property_id)
            ended.append(property_id)
    return ended


def _end(tx: Tx, property_id: str) -> None:
    row = tx.get(Cover, property_id)
    if row is None:
        return
    gone = tx.services.company.person(row.person_id)
    deadlines.cancel(tx, property_id, "cover_ends")
    tx.session.delete(row)
    roster.renew(tx)
    back = tx.services.written.on_site(property_id)
    if back is not None:
        _post(tx, back, [property_id], [gone] if gone is not None else [])


def on_cover_ends(tx: Tx, deadline: Due) -> None:
    _end(tx, deadline.subject)


def covers(tx: Tx) -> dict[str, Cover]:
    return {row.property_id: row for row in tx.session.scalars(select(Cover))}


# --- the post


def _post(tx: Tx, to: Person, property_ids: Iterable[str], before: Iterable[Person]) -> None:
    """One card to who is on now; those who were on before are told to whom it went."""
    subject = new_id()
    places = list(property_ids)
    card_publisher.post_own(
        tx,
        "handover",
        subject,
        lambda reader: _sketch(tx, places, to, reader),
        card_publisher.readers_of(tx, to),
    )
    names = ", ".join(place.name for one in places if (place := tx.services.company.place(one)) is not None)
    for person in {one.id: one for one in before}.values():
        if person.id != to.id:
            card_publisher.tell(
                tx,
                person,
                lambda words: words(N_("{who} is on for {places} now."), who=to.name, places=names),
            )


def _sketch(tx: Tx, places: Sequence[str], to: Person, reader: Reader, *, taken: bool = False) -> CardDraft:
    words, company = reader.words, tx.services.company
    tickets = [ticket for one in places for ticket in open_tickets(tx, one)]
    names = words.join([place.name for one in places if (place := company.place(one)) is not None])
    lines = "\n".join(_line(tx, ticket, reader) for ticket in tickets[:MAX_LINES])
    if len(tickets) > MAX_LINES:
        lines += "\n" + words("… and {count} more.", count=len(tickets) - MAX_LINES)
    lead = words("You are on for {places} now.", places=names)
    lead += " " + (
        words("Open tickets: {count}", count=len(tickets)) if tickets else words("Nothing is open there.")
    )
    running = [ticket for ticket in tickets if _can_take(ticket, to)]
    buttons = (
        ()
        if taken or not running
        else (ButtonDraft("take", words("Take all"), "primary", {"places": list(places), "to": to.id}),)
    )
    return CardDraft(
        title=words("Hand-over"),
        lead=lead + (" " + words("You have taken them.") if taken else ""),
        state="done" if taken or not tickets else "asking",
        sections=(Section(title=words("Open tickets"), text=lines),) if lines else (),
        buttons=buttons,
    )


def _can_take(ticket: Ticket, to: Person) -> bool:
    dispatch = current_dispatch(ticket)
    return dispatch is not None and ticket.status == Status.DISPATCHED and dispatch.acknowledged_by != to.id


def _line(tx: Tx, ticket: Ticket, reader: Reader) -> str:
    """The ticket, who has it, and what comes next and when."""
    words, dispatch = reader.words, current_dispatch(ticket)
    what = phrases.label(phrases.CATEGORY, ticket.category, words)
    parts = [f"{ticket.ticket_id} · {ticket.severity} · {what}"]
    if ticket.status == Status.DISPATCHED and dispatch is not None:
        owner = dispatch.acknowledged_by or dispatch.assignee
        parts.append(tx.services.company.name_of(owner))
        if not dispatch.acknowledged:
            parts.append(words("nobody has taken it yet"))
    elif (asked := latest_approval(ticket)) is not None and asked.status == ApprovalStatus.PENDING:
        parts.append(words("{who} decides", who=", ".join(map(tx.services.company.name_of, asked.deciders))))
    else:
        parts.append(phrases.label(phrases.STATUS, ticket.status, words))
    upcoming = _next_timer(tx, ticket)
    if upcoming is not None:
        parts.append(words("next: {at}", at=words.time(upcoming, tx.now)))
    return " · ".join(parts)


def _next_timer(tx: Tx, ticket: Ticket) -> datetime | None:
    dispatch, asked = current_dispatch(ticket), latest_approval(ticket)
    subjects = [
        ticket.ticket_id,
        *([dispatch.dispatch_id] if dispatch else []),
        *([asked.id] if asked else []),
    ]
    found: datetime | None = tx.session.scalar(
        select(Deadline.due_at)
        .where(Deadline.subject.in_(subjects), Deadline.fired_at.is_(None), Deadline.cancelled_at.is_(None))
        .order_by(Deadline.due_at)
        .limit(1)
    )
    return found


def take_over(tx: Tx, subject: str, property_ids: Sequence[str], actor: Actor) -> None:
    """Take everything over with one tap: what nobody has is acknowledged, what another has changes hands."""
    person = tx.services.company.person(actor.person_id)
    assert person is not None, "only members of the team have the right"
    places = list(property_ids)
    for one in places:
        for ticket in open_tickets(tx, one):
            if _can_take(ticket, person):
                _take(tx, ticket, person, actor)
    card_publisher.redraw_own(
        tx, "handover", subject, lambda reader: _sketch(tx, places, person, reader, taken=True)
    )


def _take(tx: Tx, ticket: Ticket, person: Person, actor: Actor) -> None:
    dispatch = current_dispatch(ticket)
    assert dispatch is not None
    had = dispatch.acknowledged_by
    dispatch.paged = [*dispatch.paged, person.id]
    if not dispatch.acknowledged:
        dispatching.acknowledge(tx, ticket, actor)
    else:
        dispatch.acknowledged_by, dispatch.acknowledged_on = person.id, actor.channel
        note(tx, ticket, Event.ACKNOWLEDGED, actor, dispatch_id=dispatch.dispatch_id, taken_from=had)
    reader = reader_for(tx, person)
    addresses = [(address, reader) for address in tx.services.addresses_of(person)]
    card_publisher.show(tx, "job", ticket, addresses)
