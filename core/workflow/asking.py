"""Asking what is missing, one tap each."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from core import phrases
from core.actors import LOOPOS, Actor, Reader
from core.context import Tx
from core.ids import new_id
from core.model import URGENT, Category, Event, QuestionKind, RiskTag
from core.outbox import card_publisher
from core.store import deadlines
from core.store.tables import Question, Ticket
from core.team.people import reader_for
from core.tickets.records import answered_at, current_dispatch, note

WATERY: Final = frozenset({Category.HVAC_LEAK, Category.PLUMBING_LEAK, Category.PLUMBING_BLOCKAGE})


HOMELY: Final = frozenset(
    {*WATERY, Category.HVAC_FAILURE, Category.ELECTRICAL, Category.PEST, Category.APPLIANCE}
)


def ask_property(tx: Tx, ticket: Ticket) -> None:
    person = tx.services.company.person(ticket.reporter)
    own = list(person.properties) if person else []
    rest = [place.id for place in tx.services.company.properties if place.id not in own]
    if not any(
        question.kind == QuestionKind.PROPERTY and question.answer is None for question in ticket.questions
    ):
        _ask(tx, ticket, QuestionKind.PROPERTY, [*own, *rest])
    deadlines.cancel(tx, ticket.ticket_id)
    seconds = tx.services.company.escalation.question_seconds
    deadlines.schedule(tx, "question_silent", ticket.ticket_id, tx.now + timedelta(seconds=seconds))
    if ticket.severity >= URGENT or ticket.triage.not_understood:
        tell_founder_property_missing(tx, ticket)


def ask_facts(tx: Tx, ticket: Ticket) -> None:
    """Water near power? A guest inside? Only where the answer matters and the words did not give it. Who
    opens the door is asked once it is known that no guest can."""
    if ticket.triage.maybe_danger:
        ask_fact(tx, ticket, QuestionKind.DANGER)
    if ticket.category in WATERY and RiskTag.ELECTRICAL_RISK not in ticket.risk_tags:
        ask_fact(tx, ticket, QuestionKind.NEAR_POWER)
    if ticket.category in HOMELY and RiskTag.GUEST_ANGRY not in ticket.risk_tags:
        ask_fact(tx, ticket, QuestionKind.GUEST_INSIDE)


def ask_fact(tx: Tx, ticket: Ticket, kind: str, of: str | None = None) -> None:
    """Ask one of phrases.CHOICES, once per ticket; `of` somebody else than its reporter."""
    if all(question.kind != kind for question in ticket.questions):
        _ask(tx, ticket, kind, list(phrases.CHOICES[kind]), of=of)


def _ask(
    tx: Tx, ticket: Ticket, kind: str, options: list[str], text: str = "", of: str | None = None
) -> None:
    address = answered_at(tx, ticket)
    ticket.questions.append(
        Question(
            id=new_id(),
            ticket_id=ticket.ticket_id,
            kind=kind,
            person_id=of or ticket.reporter,
            channel=address.channel,
            conversation_id=address.conversation_id,
            text=text,
            options=options,
            created_at=tx.now,
        )
    )


def ask_reopen(tx: Tx, ticket: Ticket, old: Ticket) -> None:
    """A problem like one resolved lately: the same again, or a new one (W16)?"""
    _ask(tx, ticket, QuestionKind.REOPEN, ["reopen", "new"], text=old.ticket_id)
    seconds = tx.services.company.escalation.question_seconds
    deadlines.schedule(tx, "question_silent", ticket.ticket_id, tx.now + timedelta(seconds=seconds))


def tell_founder_property_missing(tx: Tx, ticket: Ticket, *, again: bool = False) -> None:
    founder = tx.services.company.founder
    card_publisher.show(tx, "ticket", ticket, card_publisher.readers_of(tx, founder), again=again)
    note(tx, ticket, Event.NOTIFIED, LOOPOS, who=founder.id, why="property_unknown")


def reader_of(tx: Tx, person_id: str, language: str | None = None) -> Reader:
    return reader_for(tx, tx.services.company.person(person_id), language)


def ask_who_pays(tx: Tx, ticket: Ticket, actor: Actor) -> None:
    """Three buttons, to whoever closed it, once money was spent and nobody said whose it is."""
    dispatch = current_dispatch(ticket)
    spent = dispatch is not None and (dispatch.actual_cost_usd or 0) > 0
    if ticket.charge_to is None and spent and tx.services.company.person(actor.person_id) is not None:
        ask_fact(tx, ticket, QuestionKind.CHARGE_TO, of=actor.person_id)
