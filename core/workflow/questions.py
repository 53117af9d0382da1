"""Answers to one-tap questions, and the founder's questions in words."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, assert_never

from sqlalchemy import select

from core.actors import Actor
from core.context import Tx
from core.cost.ledger import reassign
from core.errors import Refused
from core.i18n import N_
from core.ids import new_id
from core.model import OPEN, URGENT, Category, Event, QuestionKind, RiskTag, Status
from core.outbox import card_publisher
from core.store import deadlines
from core.store.tables import Question, Ticket
from core.tickets.records import answered_at, find_ticket, latest_approval, move, note, survivor
from core.workflow import asking, closing, filing, reports

ANSWERED_WITHIN: Final = timedelta(hours=2)
"""So long the next words in a conversation count as the answer to a question asked there."""


def answer(tx: Tx, ticket: Ticket, question: Question, option: str, actor: Actor) -> None:
    """A tap on one of the choices. Raises Refused for a second answer or a choice that was not offered."""
    if option not in question.options:
        raise Refused("unknown_option")
    if question.answer == "":  # it ended with its ticket
        raise Refused("wrong_state", status=ticket.status)
    if question.answer is not None:
        who = tx.services.company.name_of(question.answered_by)
        place = tx.services.company.place(question.answer)
        raise Refused("already_answered", who=who, answer=place.name if place else question.answer)
    question.answer, question.answered_by, question.answered_at = option, actor.person_id, tx.now
    match question.kind:
        case QuestionKind.PROPERTY:
            _set_property(tx, ticket, option, actor)
        case QuestionKind.REOPEN:
            _reopen_or_new(tx, ticket, question, actor)
        case QuestionKind.CHARGE_TO:
            ticket.charge_to = option
            note(tx, ticket, Event.CORRECTED, actor, charge_to=option)
        case QuestionKind.NEAR_POWER | QuestionKind.GUEST_INSIDE | QuestionKind.DANGER | QuestionKind.DOOR:
            _set_fact(tx, ticket, question.kind, option, actor)
        case QuestionKind.ASK:
            raise Refused("unknown_option")  # it is answered in words
        case _:
            assert_never(question.kind)


def _set_property(tx: Tx, ticket: Ticket, property_id: str, actor: Actor) -> None:
    if ticket.property_id is not None or ticket.status not in {Status.NEW, Status.AWAITING_HUMAN}:
        raise Refused("wrong_state", status=ticket.status)
    ticket.property_id = property_id
    reassign(tx, ticket.ticket_id, property_id)
    deadlines.cancel(tx, ticket.ticket_id)
    if ticket.status == Status.AWAITING_HUMAN:
        # The founder was told that the property is missing; now it is drafted as if it had been there.
        move(tx, ticket, Event.CORRECTED, actor, property_id=property_id)
    else:
        note(tx, ticket, Event.CORRECTED, actor, property_id=property_id)
    words = " ".join(report.raw_input for report in ticket.reports)
    known = reports.known_problem(
        tx.session,
        tx.now,
        tx.services.company,
        property_id,
        Category(ticket.category),
        words,
        ticket.severity,
        ticket.ticket_id,
    )
    if known is not None and known.kind == "same":
        closing.merge(tx, ticket, find_ticket(tx, known.ticket_id), actor)
        return
    if known is not None:
        asking.ask_reopen(tx, ticket, find_ticket(tx, known.ticket_id))
    if known is None or ticket.severity >= URGENT:
        filing.advance(tx, ticket, actor)


@dataclass(frozen=True, slots=True)
class Asked:
    """What one person was asked in one conversation and has not answered."""

    place: Question | None
    """The newest "which property?"."""
    words: Question | None
    """The newest question in words, if it was asked lately."""


def open_questions(tx: Tx, channel: str, conversations: Collection[str], person_id: str) -> Asked:
    rows = tx.session.execute(
        select(Question, Ticket)
        .join(Ticket, Ticket.ticket_id == Question.ticket_id)
        .where(
            Question.person_id == person_id,
            Question.answer.is_(None),
            Question.kind.in_([QuestionKind.PROPERTY, QuestionKind.ASK]),
            Question.channel == channel,
            Question.conversation_id.in_(conversations),
            Ticket.status.in_(OPEN),
        )
    ).all()
    rows = sorted(rows, key=lambda row: row[0].created_at, reverse=True)
    place = next(
        (q for q, ticket in rows if q.kind == QuestionKind.PROPERTY and ticket.property_id is None), None
    )
    words = next(
        (q for q, _ in rows if q.kind == QuestionKind.ASK and q.created_at > tx.now - ANSWERED_WITHIN), None
    )
    return Asked(place, words)


def _reopen_or_new(tx: Tx, ticket: Ticket, question: Question, actor: Actor) -> None:
    """The old ticket may have gone on elsewhere since it was asked. Where that is `ticket` itself, or has ended for good,
    there is nothing to reopen: it goes on by itself."""
    deadlines.cancel(tx, ticket.ticket_id)
    old = survivor(tx, find_ticket(tx, question.text))
    gone = old is ticket or old.status not in {*OPEN, Status.RESOLVED}
    if question.answer == "new" or gone:
        if ticket.status == Status.NEW:
            filing.advance(tx, ticket, actor)
        return
    closing.merge(tx, ticket, old, actor)
    if old.status == Status.RESOLVED:
        closing.reopen(tx, old, actor)


def _set_fact(tx: Tx, ticket: Ticket, kind: QuestionKind, option: str, actor: Actor) -> None:
    ticket.facts = {**ticket.facts, kind: option}
    if kind == QuestionKind.NEAR_POWER and option == "yes":
        reports.worsen(tx, ticket, 4, [RiskTag.ELECTRICAL_RISK.value], actor)
        filing.reassess(tx, ticket)
        return
    if kind == QuestionKind.DANGER and option == "yes":
        reader = asking.reader_of(tx, actor.person_id, ticket.language)
        filing.warn(tx, answered_at(tx, ticket), reader, ticket)
        reports.worsen(tx, ticket, 5, [], actor)
        filing.reassess(tx, ticket)
        return
    note(tx, ticket, Event.CORRECTED, actor, **{kind: option})
    if kind == QuestionKind.GUEST_INSIDE and option == "no":
        asking.ask_fact(tx, ticket, QuestionKind.DOOR)


# --- questions in words


def ask_reporter(tx: Tx, ticket: Ticket, text: str, actor: Actor) -> None:
    """The founder wants to know something first. It goes to where the report came from."""
    if not text.strip():
        raise Refused("text_needed")
    address = answered_at(tx, ticket)
    question = Question(
        id=new_id(),
        ticket_id=ticket.ticket_id,
        kind=QuestionKind.ASK,
        person_id=ticket.reporter,
        channel=address.channel,
        conversation_id=address.conversation_id,
        text=text.strip()[:500],
        options=[],
        created_at=tx.now,
    )
    ticket.questions.append(question)
    note(tx, ticket, Event.NOTIFIED, actor, asked=ticket.reporter)
    reader = asking.reader_of(tx, ticket.reporter, ticket.language)
    who = tx.services.company.name_of(actor.person_id)
    card_publisher.say(
        tx,
        address,
        reader.words(
            N_("{who} asks about {ticket}: “{text}” Just write the answer here."),
            who=who,
            ticket=ticket.ticket_id,
            text=question.text,
        ),
    )


def answer_in_words(tx: Tx, question: Question, text: str, actor: Actor) -> Ticket:
    ticket = find_ticket(tx, question.ticket_id)
    question.answer, question.answered_by, question.answered_at = text, actor.person_id, tx.now
    note(tx, ticket, Event.RECEIVED, actor, answers=question.id)
    approval = latest_approval(ticket)
    who = tx.services.company.name_of(actor.person_id)
    for person_id in approval.deciders if approval else []:
        card_publisher.tell(
            tx,
            tx.services.company.person(person_id),
            lambda words: words(
                N_("{who} answers about {ticket}: “{text}”"),
                who=who,
                ticket=ticket.ticket_id,
                text=text[:500],
            ),
        )
    return ticket
