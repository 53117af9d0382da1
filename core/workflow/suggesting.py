"""Asking a model how to dispatch a ticket, before code drafts and decides. Its answer is a suggestion; without one the
rules draft alone, and the ticket says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from core.company.schema import Person, Property
from core.context import Commit, Services, Store, Task, Tx
from core.dispatch import suggestion
from core.dispatch.escalation import plan
from core.dispatch.suggestion import Suggestion
from core.llm.port import Ask, Unanswered
from core.metering import About
from core.model import Category, Status
from core.outbox import card_publisher
from core.store.tables import Ticket
from core.team.people import reader_for
from core.tickets.records import answered_at, find_ticket
from core.workflow import drafting, filing
from core.workflow.drafting import DRAFT, Thought

WITHIN: Final = timedelta(seconds=5)
"""With what reading a message may take (core.triage.by_model) a ticket waits less than 10 s for models that are down."""


@dataclass(frozen=True)
class _Case:
    """A ticket as the model is asked about it."""

    about: drafting.Wanted
    facts: dict[str, Any]
    said: tuple[str, ...]
    severity: int


class Suggester:
    def __init__(self, services: Services, store: Store) -> None:
        self._services = services
        self._store = store

    def task(self) -> Task:
        return Task(DRAFT, find=self._find, run=self.run, exhausted=_by_rule)

    def _find(self, session: Session, some: list[dict[str, Any]]) -> list[_Case | None]:
        wanted = [args["ticket"] for args in some]
        rows = session.scalars(
            select(Ticket)
            .where(Ticket.ticket_id.in_(wanted))
            .options(selectinload(Ticket.reports), selectinload(Ticket.questions))
        )
        cases = {row.ticket_id: _case(session, self._services, row) for row in rows}
        return [cases.get(one) for one in wanted]

    async def run(self, args: dict[str, Any], case: _Case | None) -> Commit | None:
        if case is None:
            return None
        ticket_id = str(args["ticket"])
        thought = await self._think(ticket_id, case)

        def commit(tx: Tx) -> None:
            _go_on(tx, ticket_id, thought)

        return commit

    async def _think(self, ticket_id: str, case: _Case) -> Thought:
        models = self._services.models
        if models is None:
            return Thought(case.about)
        about = About(
            "draft", property_id=case.about.property_id, ticket_id=ticket_id, severity=case.severity
        )
        ask = Ask(
            "strong",
            about,
            suggestion.STABLE,
            case.facts,
            case.said,
            Suggestion,
            most_tokens=900 + 2 * sum(len(one) for one in case.said) * (1 + len(case.about.translate_to)),
        )
        try:
            answer = await models.ask(ask, WITHIN)
        except Unanswered as unanswered:
            return Thought(case.about, why=(unanswered.why, *unanswered.tried))
        return Thought(case.about, answer.value, answer.engine, answer.instead)


def _case(session: Session, services: Services, ticket: Ticket) -> _Case | None:
    """None where nothing has to be drafted any more."""
    place = services.company.place(ticket.property_id)
    if ticket.status != Status.NEW or place is None or not ticket.reports:
        return None
    knowledge = drafting.knowledge_of(session, services, ticket, services.clock.now())
    category = Category(ticket.category)
    offered = suggestion.candidates(services.company, place, category, knowledge, ())
    rule = drafting.by_rule(services, place, category, knowledge, ())
    vendor = services.company.vendor(rule.vendor_id)
    founder = services.company.founder
    reporter = services.company.person(ticket.reporter) or founder
    texts = {"guest": place.language, "reporter": _language_for(reporter, ticket.language)}
    if vendor is not None:
        texts["vendor"] = vendor.languages[0]
    wanted = drafting.Wanted(
        property_id=place.id,
        category=category.value,
        texts=texts,
        translate_to=_unread_by(services, place, ticket),
        why_language=founder.languages[0],
    )
    about = {
        "severity": ticket.severity,
        "risks": list(ticket.risk_tags),
        "answers": dict(ticket.facts),
        "written_in": ticket.language,
        "local_time": services.clock.now().astimezone(place.zone).strftime("%A %H:%M"),
    }
    facts = suggestion.facts_for(
        place, category, knowledge, offered, about, texts, wanted.translate_to, wanted.why_language
    )
    return _Case(wanted, facts, tuple(report.raw_input for report in ticket.reports[-3:]), ticket.severity)


def _language_for(person: Person, written: str) -> str:
    return written if written in person.languages else person.languages[0]


def _unread_by(services: Services, place: Property, ticket: Ticket) -> tuple[str, ...]:
    """Languages into which the words must be put for those who will have the ticket, apart from English where that is
    there already. Of a single report alone: more are translated one by one, when somebody looks."""
    if len(ticket.reports) != 1:
        return ()
    company = services.company
    steps = company.escalation.steps_for(ticket.severity)
    readers = [company.founder.id, *(step.person_id for step in plan(company, place.id, steps))]
    found: dict[str, None] = {}
    for person in filter(None, (company.person(one) for one in readers)):
        language = person.languages[0]
        english = language == "en" and ticket.reports[0].transcript_en
        if ticket.language not in person.languages and not english:
            found[language] = None
    return tuple(found)


def _go_on(tx: Tx, ticket_id: str, thought: Thought) -> None:
    ticket = find_ticket(tx, ticket_id)
    if ticket.status != Status.NEW or ticket.property_id is None:
        return
    filing.advance(tx, ticket, thought=thought)
    show_receipt(tx, ticket)


def show_receipt(tx: Tx, ticket: Ticket) -> None:
    """Where nothing can be edited it was held back until there was something to say."""
    reader = reader_for(tx, tx.services.company.person(ticket.reporter), ticket.language)
    card_publisher.show(tx, "receipt", ticket, [(answered_at(tx, ticket), reader)])


def _by_rule(tx: Tx, args: dict[str, Any], why: str) -> None:
    ticket = find_ticket(tx, args["ticket"])
    wanted = drafting.Wanted(ticket.property_id or "", ticket.category)
    _go_on(tx, ticket.ticket_id, Thought(wanted, why=("failed", why[:120])))
