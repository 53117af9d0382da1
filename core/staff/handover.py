"""Who is on, and what they take over: covers for a property, and one post at each change (W15)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import select

from core.actors import Actor
from core.cards.handover import HandoverLine, HandoverSnapshot
from core.cards.handover import handover as draw
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


def cover(tx: Tx, actor: Actor, property_ids: Sequence[str], person_id: str, until: datetime | None) -> None:
    """From now on `person_id` is on for these properties. Raises Refused("unknown_person")."""
    person = tx.services.company.person(person_id)
    if person is None:
        raise Refused("unknown_person", name=person_id)
    before = {one: tx.services.company.on_site(one) for one in property_ids}
    # Whose it is by team.json covers for nobody: what they lent comes back.
    back = [one for one in property_ids if _is_owner(tx, one, person)]
    end(tx, back)
    property_ids = [one for one in property_ids if one not in back]
    if not property_ids:
        return
    for property_id in property_ids:
        row = tx.get(Cover, property_id) or tx.add(Cover(property_id=property_id))
        row.person_id, row.set_by, row.since, row.until = person.id, actor.person_id, tx.now, until
        deadlines.cancel(tx, property_id, "cover_ends")
        if until is not None:
            deadlines.schedule(tx, "cover_ends", property_id, until)
    roster.renew(tx)
    _post(tx, person, property_ids, [who for who in before.values() if who is not None])


def _is_owner(tx: Tx, property_id: str, person: Person) -> bool:
    owner = tx.services.written.on_site(property_id)
    return owner is not None and owner.id == person.id


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
    if back is not None and tx.services.company.person(back.id) is not None:
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
    seen = _snapshot(tx, places, to)
    card_publisher.post_own(
        tx,
        "handover",
        subject,
        lambda reader: draw(seen, reader.words, taken=False),
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


def _snapshot(tx: Tx, property_ids: Sequence[str], to: Person) -> HandoverSnapshot:
    company = tx.services.company
    tickets = [ticket for one in property_ids for ticket in open_tickets(tx, one)]
    return HandoverSnapshot(
        property_ids=tuple(property_ids),
        places=tuple(place.name for one in property_ids if (place := company.place(one)) is not None),
        lines=tuple(_line(tx, ticket) for ticket in tickets),
        can_take=any(_can_take(ticket, to) for ticket in tickets),
        now=tx.now,
    )


def _can_take(ticket: Ticket, to: Person) -> bool:
    dispatch = current_dispatch(ticket)
    return dispatch is not None and ticket.status == Status.DISPATCHED and dispatch.acknowledged_by != to.id


def _line(tx: Tx, ticket: Ticket) -> HandoverLine:
    name_of, dispatch, asked = tx.services.company.name_of, current_dispatch(ticket), latest_approval(ticket)
    running = dispatch if ticket.status == Status.DISPATCHED else None
    pending = asked is not None and asked.status == ApprovalStatus.PENDING
    return HandoverLine(
        ticket_id=ticket.ticket_id,
        severity=ticket.severity,
        category=ticket.category,
        status=ticket.status,
        owner=name_of(running.acknowledged_by or running.assignee) if running is not None else None,
        acknowledged=running is not None and running.acknowledged,
        deciders=tuple(map(name_of, asked.deciders)) if asked is not None and pending else (),
        next_at=_next_timer(tx, ticket),
    )


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
    seen = _snapshot(tx, places, person)
    card_publisher.redraw_own(tx, "handover", subject, lambda reader: draw(seen, reader.words, taken=True))


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
