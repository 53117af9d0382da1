"""From an understood message to a ticket that is on its way: file it, ask what is missing, draft, gate."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from core import phrases
from core.actors import LOOPOS, Actor, Reader
from core.company.schema import Person
from core.context import Tx
from core.i18n import N_
from core.model import URGENT, Address, Event, QuestionKind, RiskTag, Status, Triage
from core.outbox import card_publisher
from core.outbox.said_once import first_time
from core.stays import keeping as guests
from core.store import deadlines
from core.store.deadlines import Due
from core.store.tables import Ticket
from core.stored_values import Reason, to_json
from core.tickets.records import current_dispatch, move, note
from core.workflow import asking, dispatching, drafting, gating, skill_runs

# --- the way on


def advance(tx: Tx, ticket: Ticket, actor: Actor = LOOPOS, thought: drafting.Thought | None = None) -> bool:
    """Take a NEW ticket as far as it can go by itself: ask, or draft and gate, then dispatch or ask the
    founder. Where an approved skill fits, that does it (core.skills), at the end of this unit of work. Where a model can
    help it is asked first, by a job that comes back here with its `thought`: then False."""
    assert ticket.status == Status.NEW
    guests.apply(tx, ticket)
    if ticket.property_id is None:
        asking.ask_property(tx, ticket)
        return True
    if thought is None and skill_runs.begin(tx, ticket):
        return True
    if thought is None and drafting.needs_thought(tx, ticket):
        drafting.think_first(tx, ticket)
        return False
    draft_and_ask(tx, ticket, thought)
    return True


def draft_and_ask(tx: Tx, ticket: Ticket, thought: drafting.Thought | None = None) -> None:
    """Draft it, ask its reporter what is missing, and let the gate decide."""
    dispatch = drafting.write_draft(tx, ticket, thought=thought)
    asking.ask_facts(tx, ticket)
    gating.put_forward(tx, ticket, dispatch)


def reassess(tx: Tx, ticket: Ticket) -> None:
    """The ticket became worse, or a fact came in: what was decided is looked at again."""
    if ticket.status == Status.NEW:
        advance(tx, ticket)
        return
    if ticket.status == Status.AWAITING_HUMAN:
        dispatch = current_dispatch(ticket)
        if dispatch is not None:
            gating.put_forward(tx, ticket, dispatch, keep_asking=True)
    elif ticket.status == Status.DISPATCHED and ticket.severity >= URGENT:
        # Somebody is on the way already; the founder must know that it is worse than when it was authorised.
        dispatching.hasten(tx, ticket)
        founder = tx.services.company.founder
        card_publisher.show(tx, "ticket", ticket, card_publisher.readers_of(tx, founder), again=True)
        note(tx, ticket, Event.NOTIFIED, LOOPOS, who=founder.id, worse=True)
        _tell_authorised_before(tx, ticket, founder)


def _tell_authorised_before(tx: Tx, ticket: Ticket, founder: Person) -> None:
    """The rules had let it go; as it is now they would have asked him."""
    dispatch = current_dispatch(ticket)
    if dispatch is None or dispatch.authorized_by != LOOPOS.person_id:
        return
    if not first_time(tx, f"worse:{dispatch.dispatch_id}"):
        return
    vendor = tx.services.company.vendor(dispatch.vendor_id)
    card_publisher.tell(
        tx,
        founder,
        lambda words: words(
            N_("{ticket} has become urgent. {vendor} was sent by the rules before that, for about {amount}."),
            ticket=ticket.ticket_id,
            vendor=vendor.name if vendor is not None else "",
            amount=words.amount(dispatch.estimate),
        ),
        urgency=card_publisher.Urgency.PRESSING,
    )


# --- danger first


def warn(tx: Tx, address: Address, reader: Reader, about: Triage | Ticket) -> None:
    """Say at once what to do about a danger, with the country's number. From a table: no model, no waiting."""
    text = emergency_text(tx, reader, about.property_id, about.risk_tags)
    card_publisher.say(tx, address, text, urgency=card_publisher.Urgency.PRESSING)


def emergency_text(tx: Tx, reader: Reader, property_id: str | None, risk_tags: Collection[str]) -> str:
    numbers = tx.services.emergency.get(_country(tx, reader, property_id)) or tx.services.emergency[""]
    order = (
        RiskTag.GAS_RISK,
        RiskTag.FIRE_RISK,
        RiskTag.INJURY,
        RiskTag.SECURITY_RISK,
        RiskTag.ELECTRICAL_RISK,
        RiskTag.WATER_DAMAGE,
    )
    hazard = next((tag.value for tag in order if tag in risk_tags), "")
    return reader.words(phrases.EMERGENCY[hazard], fire=numbers["fire_medical"], police=numbers["police"])


def _country(tx: Tx, reader: Reader, property_id: str | None) -> str:
    """Where it is; of words that name no place, where its writer works. "" where that may be several countries."""
    company = tx.services.company
    person = company.person(reader.person_id)
    ids = [property_id] if property_id else list(person.properties if person is not None else [])
    countries = {place.country for one in ids if (place := company.place(one)) is not None}
    return countries.pop() if len(countries) == 1 else ""


# --- asking what is missing, one tap each


def on_question_silent(tx: Tx, deadline: Due) -> None:
    """Nobody answered. A reopen question counts as "new"; without a property the founder has to look."""
    ticket = tx.get(Ticket, deadline.subject)
    if ticket is None or ticket.status != Status.NEW:
        return
    for question in ticket.questions:
        if question.answer is None and question.kind == QuestionKind.REOPEN:
            question.answer, question.answered_by, question.answered_at = "new", LOOPOS.person_id, tx.now
    if ticket.property_id is not None:
        advance(tx, ticket)
        return
    move(tx, ticket, Event.GATED, LOOPOS, authorised=False, reasons=to_json([Reason("property_unknown")]))
    asking.tell_founder_property_missing(tx, ticket)
    times = tx.services.company.escalation
    deadlines.schedule(
        tx, "place_remind", ticket.ticket_id, tx.now + timedelta(seconds=times.approval_remind_seconds)
    )
    deadlines.schedule(
        tx, "place_lapse", ticket.ticket_id, tx.now + timedelta(seconds=times.approval_lapse_seconds)
    )


def _still_without_place(tx: Tx, deadline: Due) -> Ticket | None:
    ticket = tx.get(Ticket, deadline.subject)
    if ticket is None or ticket.status != Status.AWAITING_HUMAN or ticket.property_id is not None:
        return None
    return ticket


def on_place_remind(tx: Tx, deadline: Due) -> None:
    ticket = _still_without_place(tx, deadline)
    if ticket is not None:
        asking.tell_founder_property_missing(tx, ticket, again=True)


def on_place_lapse(tx: Tx, deadline: Due) -> None:
    """Nobody ever said where it is: it lapses, which is not a no, and can be reopened."""
    ticket = _still_without_place(tx, deadline)
    if ticket is not None:
        move(tx, ticket, Event.LAPSED, LOOPOS, why="property_unknown")
