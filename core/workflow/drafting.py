"""Puts together what the draft and the gate look at, and writes down what they decide."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy.orm import Session

from core.actors import LOOPOS, Actor
from core.company.schema import Property, Vendor
from core.context import Services, Tx
from core.cost.ledger import model_spent
from core.dispatch import rule_effects
from core.dispatch.draft import Draft, cap_for, draft, estimate_for
from core.dispatch.gate import Authorised, NeedsHuman, Proposal, decide
from core.dispatch.suggestion import Suggestion, Weighed, candidates, weigh
from core.ids import new_id
from core.knowledge.recall import Knowledge, Query, recall
from core.knowledge.rules_in_force import applying
from core.model import URGENT, Category, Event, RiskTag
from core.money import Amount, usd
from core.outbox import translations
from core.outbox.said_once import first_time
from core.store.tables import Dispatch, Ticket
from core.stored_values import Basis, Change, Reason
from core.tickets.records import authorised_for, month_of, month_spent, note, own_resolutions, vendor_day
from core.triage.wording import flaws
from core.workflow import skill_runs

DRAFT: Final = "draft"
"""The job that asks a model before a ticket is drafted."""


@dataclass(frozen=True)
class Wanted:
    """What a model was asked about a ticket: its answer counts only while that is still so."""

    property_id: str
    category: str
    texts: dict[str, str] = field(default_factory=dict)
    """reader -> language"""
    translate_to: tuple[str, ...] = ()
    why_language: str = "en"


@dataclass(frozen=True)
class Thought:
    """What came of asking."""

    wanted: Wanted
    suggestion: Suggestion | None = None
    engine: str = ""
    why: tuple[str, ...] = ()
    """Of no answer, or of one from elsewhere: a key of core.phrases.BY_RULE, then what was tried."""


def knowledge_of(session: Session, services: Services, ticket: Ticket, now: datetime) -> Knowledge:
    company, vectors = services.company, services.vectors
    query = Query(
        " ".join(report.raw_input for report in ticket.reports),
        ticket.property_id,
        ticket.category,
        tuple(ticket.risk_tags),
    )
    own = own_resolutions(session, ticket.property_id, ticket.category) if ticket.property_id else []
    ruled = applying(company.rules, ticket.property_id, ticket.category, ticket.severity, now)
    said = ticket.reports[0].raw_input if ticket.reports else ""
    near = partial(vectors.similar, said) if vectors is not None else None
    return recall(company, query, own, skill=skill_runs.at_work(company, ticket), rules=ruled, near=near)


def remember(tx: Tx, ticket: Ticket) -> Knowledge:
    """What the company knows about `ticket`; its sources are written on the ticket."""
    knowledge = knowledge_of(tx.session, tx.services, ticket, tx.now)
    ticket.matched_voice_memo_ids = [memo.id for memo in knowledge.memos]
    ticket.matched_sop_id = knowledge.sop.id if knowledge.sop else None
    ticket.matched_historical_ids = [past.id for past in knowledge.resolutions]
    return knowledge


def by_rule(
    services: Services, place: Property, category: Category, knowledge: Knowledge, refused: Collection[str]
) -> Draft:
    return draft(services.company, place, category, knowledge, services.clock.now(), refused)


def needs_thought(tx: Tx, ticket: Ticket) -> bool:
    """A model could help: somebody outside has to come. Never for a danger to life, which waits for nobody."""
    place = tx.services.company.place(ticket.property_id)
    if tx.services.models is None or place is None or ticket.severity >= 5 or ticket.triage.not_understood:
        return False
    knowledge = knowledge_of(tx.session, tx.services, ticket, tx.now)
    vendor = tx.services.company.vendor(
        by_rule(tx.services, place, Category(ticket.category), knowledge, ()).vendor_id
    )
    return vendor is None or vendor.person_id is None


def think_first(tx: Tx, ticket: Ticket) -> None:
    tx.services.jobs.defer(tx, DRAFT, {"ticket": ticket.ticket_id}, lane=f"draft:{ticket.ticket_id}")


def write_draft(
    tx: Tx, ticket: Ticket, refused: Collection[str] = (), thought: Thought | None = None
) -> Dispatch:
    """A fresh dispatch row for `ticket`; an earlier one that was not authorised is void. Of `thought` counts what can
    be believed."""
    place = tx.services.company.place(ticket.property_id)
    assert place is not None, "a draft needs a property"
    knowledge = remember(tx, ticket)
    made = by_rule(tx.services, place, Category(ticket.category), knowledge, refused)
    _note_rules(tx, ticket, place, knowledge, made, refused)
    weighed = _weighed(tx, ticket, place, knowledge, made, thought, refused)
    if weighed is not None:
        made = weighed.draft
        _keep_translations(tx, ticket, weighed.translations, thought.engine if thought else "")
    for old in ticket.dispatches:
        if not old.authorized:
            old.void = True
    ticket.knowledge = basis = Basis(made.why_vendor, made.why_price, knowledge.sources)
    if thought is not None:
        _note_fallback(tx, ticket, basis, thought, weighed)
    row = _unauthorised(
        tx,
        ticket.ticket_id,
        vendor_id=made.vendor_id,
        estimate=tx.services.company.rate_for(place.id, made.vendor_id).of_usd(made.estimate_usd),
        cap_usd=usd(made.cap_usd),
        property_id=place.id,
        eta_iso=tx.now + made.response,
        changes=(),
        texts=weighed.texts if weighed is not None else {},
        drafted_by=thought.engine if thought is not None and weighed is not None else "rules",
    )
    ticket.dispatches.append(row)
    return row


def _note_rules(
    tx: Tx, ticket: Ticket, place: Property, knowledge: Knowledge, made: Draft, refused: Collection[str]
) -> None:
    """Each rule that made a difference stands in the history, once for what it changed."""
    for rule in knowledge.rules:
        others = replace(knowledge, rules=tuple(one for one in knowledge.rules if one is not rule))
        without = by_rule(tx.services, place, Category(ticket.category), others, refused)
        effect = rule_effects.of(rule, made, without)
        if rule.kind == "recurring_fault" and RiskTag.RECURRENCE not in ticket.risk_tags:
            ticket.risk_tags = [*ticket.risk_tags, RiskTag.RECURRENCE.value]
        if effect and first_time(
            tx, f"ruled:{ticket.ticket_id}:{rule.rule_id}:{rule.version}:{effect[:40]}"[:150]
        ):
            note(tx, ticket, Event.RULED, LOOPOS, rule_id=rule.rule_id, version=rule.version, effect=effect)


def _weighed(
    tx: Tx,
    ticket: Ticket,
    place: Property,
    knowledge: Knowledge,
    made: Draft,
    thought: Thought | None,
    refused: Collection[str],
) -> Weighed | None:
    """None where no model answered, or the ticket is about something else by now."""
    if thought is None or thought.suggestion is None:
        return None
    wanted, baseline = thought.wanted, tx.services.baseline
    if (wanted.property_id, wanted.category) != (place.id, ticket.category):
        return None
    category = Category(ticket.category)
    told = "\n".join(
        [*(one.raw_input for one in ticket.reports), *(one.in_english for one in knowledge.memos)]
    )
    return weigh(
        thought.suggestion,
        made,
        tx.services.company,
        place,
        knowledge,
        candidates(tx.services.company, place, category, knowledge, refused),
        wanted.texts,
        wanted.translate_to,
        wanted.why_language,
        lambda text, language: flaws(text, language, baseline, source=told),
        lambda text, language: flaws(
            text, language, baseline, quotes=True, source=ticket.reports[0].raw_input
        ),
        tx.now,
    )


def _note_fallback(tx: Tx, ticket: Ticket, basis: Basis, thought: Thought, weighed: Weighed | None) -> None:
    """What the model did not do, for the history and the card."""
    fallback = thought.why[0] if thought.why and thought.why[0] != "off" else ""
    problems = weighed.problems if weighed is not None else ()
    ticket.knowledge = replace(basis, fallback=fallback, problems=problems)
    if fallback:
        note(tx, ticket, Event.FALLBACK, LOOPOS, tier="strong", why=fallback, tried=list(thought.why[1:]))
    if weighed is not None and (weighed.problems or weighed.dropped):
        refused = {"problems": list(weighed.problems), "dropped": list(weighed.dropped)}
        note(
            tx,
            ticket,
            Event.FALLBACK,
            LOOPOS,
            tier="strong",
            why="not_believed",
            by=thought.engine,
            **refused,
        )


def _keep_translations(tx: Tx, ticket: Ticket, made: Mapping[str, str], engine: str) -> None:
    for language, text in made.items():
        translations.keep(tx, ticket.reports[0].raw_input, language, text, engine)


def redraft_for(tx: Tx, ticket: Ticket, dispatch: Dispatch, vendor: Vendor, actor: Actor) -> None:
    """Another vendor was picked: price, cap and arrival are drafted anew for them."""
    place = tx.services.company.place(ticket.property_id)
    assert place is not None
    knowledge = remember(tx, ticket)
    estimate, why_price = estimate_for(vendor, knowledge)
    dispatch.vendor_id = vendor.id
    dispatch.texts, dispatch.drafted_by = {}, "rules"
    dispatch.estimate = tx.services.company.rate_for(place.id, vendor.id).of_usd(estimate)
    dispatch.cap_usd = usd(cap_for(place, vendor, knowledge))
    who = tx.services.company.name_of(actor.person_id)
    chosen = Reason("vendor_by_person", {"who": who})
    ticket.knowledge = (
        replace(ticket.knowledge, why_vendor=chosen, why_price=why_price)
        if ticket.knowledge
        else Basis(chosen, why_price)
    )


def price_by(ticket: Ticket, who: str) -> None:
    """Somebody set the price of what is drafted."""
    if ticket.knowledge is not None:
        ticket.knowledge = replace(ticket.knowledge, why_price=Reason("price_by_person", {"who": who}))


def gate(tx: Tx, ticket: Ticket, dispatch: Dispatch) -> Authorised | NeedsHuman:
    """The policy's answer to `dispatch` as it stands, with today's caps, budget and vendors."""
    company = tx.services.company
    place = company.place(ticket.property_id)
    assert place is not None
    vendor = company.vendor(dispatch.vendor_id)
    sop = company.sop(ticket.matched_sop_id)
    outcome = decide(
        Proposal(
            severity=ticket.severity,
            risk_tags=ticket.risk_tags,
            vendor_id=dispatch.vendor_id,
            estimate_usd=dispatch.cost_estimate_usd,
            cap_usd=dispatch.cap_usd,
            vendor_known=vendor is not None,
            vendor_approved_here=vendor is not None and company.reaches(vendor, place.id),
            already_authorised_usd=authorised_for(ticket),
            month_spent_usd=month_spent(tx, place) + model_spent(tx, place.id, month_of(tx, place)),
            month_budget_usd=place.monthly_budget_usd,
            vendor_day_usd=vendor_day(tx, vendor.id, place) if vendor is not None else usd(0),
            vendor_day_cap_usd=vendor.day_cap if vendor is not None else None,
            human_from_severity=sop.human_if_severity if sop else URGENT,
            sender_known=company.person(ticket.reporter) is not None,
            understood=not ticket.triage.not_understood,
            late=ticket.triage.late,
            unbelievable=_unbelievable(ticket),
            routine=skill_runs.asks(tx, ticket, dispatch.cost_estimate_usd),
            steering=[word for report in ticket.reports for word in report.triage.steering],
        )
    )
    dispatch.reasons = outcome.reasons
    return outcome


def _unbelievable(ticket: Ticket) -> list[str]:
    """What models said of it that did not validate: then a person decides (B12)."""
    basis = ticket.knowledge
    read = next(iter(ticket.triage.fallback), "")
    invalid = "invalid" in {read, basis.fallback if basis else ""}
    return [*(basis.problems if basis else ()), *(["answer"] if invalid else [])]


def without_order(tx: Tx, ticket: Ticket) -> Dispatch:
    """What holds a bill that nobody had ordered; void, since it authorises nothing."""
    row = _unauthorised(
        tx,
        ticket.ticket_id,
        vendor_id=None,
        estimate=Amount(usd(0)),
        cap_usd=usd(0),
        property_id=ticket.property_id,
        eta_iso=None,
        changes=(),
    )
    row.void = True
    ticket.dispatches.append(row)
    tx.session.flush()
    return row


def copy_of(
    tx: Tx, old: Dispatch, amount: Amount, eta: datetime | None, changes: tuple[Change, ...]
) -> Dispatch:
    """A draft like `old` for another amount: not authorised by anybody yet."""
    return _unauthorised(
        tx,
        old.ticket_id,
        vendor_id=old.vendor_id,
        estimate=amount,
        cap_usd=old.cap_usd,
        property_id=old.property_id,
        eta_iso=eta,
        changes=changes,
        texts=old.texts,
        drafted_by=old.drafted_by,
    )


def _unauthorised(tx: Tx, ticket_id: str, **drafted: Any) -> Dispatch:
    return Dispatch(
        dispatch_id=new_id(),
        ticket_id=ticket_id,
        reasons=(),
        steps=(),
        paged=[],
        created_at=tx.now,
        authorized=False,
        acknowledged=False,
        escalated=False,
        escalation_level=0,
        void=False,
        auto_escalate_after_seconds=0,
        offers=[],
        **{"texts": {}, "drafted_by": "rules", **drafted},
    )
