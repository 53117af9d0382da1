"""Puts together what the draft and the gate look at, and writes down what they decide."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.brain.recall import Knowledge, Query, recall
from core.company.schema import Vendor
from core.desk.records import authorised_for, month_spent, own_resolutions
from core.dispatch.draft import Draft, Reason, cap_for, draft, estimate_for
from core.dispatch.policy import Authorised, NeedsHuman, Proposal, decide
from core.ids import new_id
from core.model import Category
from core.money import usd
from core.store.engine import Tx
from core.store.tables import Dispatch, Ticket
from core.team.people import Actor


def remember(tx: Tx, ticket: Ticket) -> Knowledge:
    """What the company knows about `ticket`; its sources are written on the ticket."""
    query = Query(
        " ".join(report.raw_input for report in ticket.reports),
        ticket.property_id,
        ticket.category,
        tuple(ticket.risk_tags),
    )
    own = own_resolutions(tx, ticket.property_id, ticket.category) if ticket.property_id else []
    knowledge = recall(tx.office.company, query, own)
    ticket.matched_voice_memo_ids = [memo.id for memo in knowledge.memos]
    ticket.matched_sop_id = knowledge.sop.id if knowledge.sop else None
    ticket.matched_historical_ids = [past.id for past in knowledge.resolutions]
    ticket.skill_artifact = knowledge.skill.model_dump(mode="json") if knowledge.skill else None
    return knowledge


def write_draft(tx: Tx, ticket: Ticket, refused: Collection[str] = ()) -> Dispatch:
    """A fresh dispatch row for `ticket`; an earlier one that was not authorised is void."""
    place = tx.office.company.place(ticket.property_id)
    assert place is not None, "a draft needs a property"
    knowledge = remember(tx, ticket)
    made = draft(tx.office.company, place, Category(ticket.category), knowledge, tx.now, refused)
    for old in ticket.dispatches:
        if not old.authorized:
            old.void = True
    ticket.knowledge = _knowledge_json(made, knowledge)
    row = _unauthorised(
        tx,
        ticket.ticket_id,
        vendor_id=made.vendor_id,
        cost_estimate_usd=usd(made.estimate_usd),
        cap_usd=usd(made.cap_usd),
        property_id=place.id,
        eta_iso=tx.now + made.response,
        changes=[],
    )
    ticket.dispatches.append(row)
    return row


def _knowledge_json(made: Draft, knowledge: Knowledge) -> dict[str, object]:
    return {
        "why_vendor": made.why_vendor.to_json(),
        "why_price": made.why_price.to_json(),
        "sources": [source.to_json() for source in knowledge.sources],
    }


def redraft_for(tx: Tx, ticket: Ticket, dispatch: Dispatch, vendor: Vendor, actor: Actor) -> None:
    """Another vendor was picked: price, cap and arrival are drafted anew for them."""
    place = tx.office.company.place(ticket.property_id)
    assert place is not None
    knowledge = remember(tx, ticket)
    estimate, why_price = estimate_for(vendor, knowledge)
    dispatch.vendor_id = vendor.id
    dispatch.cost_estimate_usd = usd(estimate)
    dispatch.cap_usd = usd(cap_for(place, vendor, knowledge))
    who = tx.office.company.name_of(actor.person_id)
    ticket.knowledge = {
        **ticket.knowledge,
        "why_vendor": Reason("vendor_by_person", {"who": who}).to_json(),
        "why_price": why_price.to_json(),
    }


def gate(tx: Tx, ticket: Ticket, dispatch: Dispatch) -> Authorised | NeedsHuman:
    """The policy's answer to `dispatch` as it stands, with today's caps, budget and vendors."""
    company = tx.office.company
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
            month_spent_usd=month_spent(tx, place),
            month_budget_usd=place.monthly_budget_usd,
            human_from_severity=sop.human_if_severity if sop else 4,
            sender_known=company.person(ticket.reporter) is not None,
            understood=not ticket.triage.get("not_understood", False),
            late=bool(ticket.triage.get("late", False)),
            steering=[word for report in ticket.reports for word in report.triage.get("steering", [])],
        )
    )
    dispatch.reasons = [reason.to_json() for reason in outcome.reasons]
    return outcome


def copy_of(
    tx: Tx, old: Dispatch, amount: Decimal, eta: datetime | None, changes: list[dict[str, Any]]
) -> Dispatch:
    """A draft like `old` for another amount: not authorised by anybody yet."""
    return _unauthorised(
        tx,
        old.ticket_id,
        vendor_id=old.vendor_id,
        cost_estimate_usd=usd(amount),
        cap_usd=old.cap_usd,
        property_id=old.property_id,
        eta_iso=eta,
        changes=changes,
    )


def _unauthorised(tx: Tx, ticket_id: str, **drafted: Any) -> Dispatch:
    return Dispatch(
        dispatch_id=new_id(),
        ticket_id=ticket_id,
        reasons=[],
        steps=[],
        paged=[],
        created_at=tx.now,
        authorized=False,
        acknowledged=False,
        escalated=False,
        escalation_level=0,
        void=False,
        auto_escalate_after_seconds=0,
        offers=[],
        **{"texts": {}, **drafted},
    )
