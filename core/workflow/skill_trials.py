"""A dry run: what a skill would have done with past tickets, and what that would have saved. Nothing is done."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from core.actors import Actor
from core.company.company import Company
from core.company.skills import DispatchVendor, Skill
from core.context import Tx
from core.dispatch.draft import cap_for, estimate_for
from core.dispatch.gate import ALWAYS_ASK
from core.i18n import N_
from core.knowledge.conditions import Facts, failing, missed
from core.knowledge.recall import Knowledge, Query, find_resolutions
from core.model import URGENT, Status
from core.money import usd
from core.outbox import card_publisher
from core.store.brain_tables import SkillVersion
from core.store.tables import Approval, Ticket, UsageRow
from core.team.learnt import skill_from
from core.tickets.records import current_dispatch, own_resolutions

PAST: Final = 50
"""Tickets that are looked at, the newest."""


def tried(session: Session, company: Company, skill: Skill) -> dict[str, Any]:
    """`{skill_id, version, tickets: [{ticket_id, would: run|ask|not, steps, vendor_id, usd, really: {vendor_id, usd, minutes}}],
    saved: {strong_calls, usd, minutes}}` over the newest tickets that were resolved of its kinds at its places."""
    condition = skill.trigger_conditions
    wanted = select(Ticket).where(Ticket.status == Status.RESOLVED, Ticket.category.in_(condition.category))
    if condition.property_id:
        wanted = wanted.where(Ticket.property_id.in_(condition.property_id))
    rows = session.scalars(
        wanted.order_by(Ticket.number.desc()).limit(PAST).options(selectinload(Ticket.dispatches))
    ).all()
    found = [_one(session, company, skill, ticket) for ticket in rows]
    ran = {one["ticket_id"]: one["would"] for one in found if one["would"] != "not"}
    calls = session.execute(
        select(UsageRow.ticket_id, UsageRow.usd).where(UsageRow.ticket_id.in_(ran), UsageRow.tier == "strong")
    ).all()
    straight = [name for name, would in ran.items() if would == "run"]
    waits = session.execute(
        select(Approval.created_at, Approval.decided_at).where(
            Approval.ticket_id.in_(straight), Approval.decided_at.is_not(None)
        )
    ).all()
    waited = sum((end - begin for begin, end in waits if end is not None), timedelta(0))
    return {
        "skill_id": skill.skill_id,
        "version": skill.version,
        "tickets": found,
        "saved": {
            "strong_calls": len(calls),
            "usd": str(sum((cost for _, cost in calls), Decimal(0)).normalize() + Decimal(0)),
            "minutes": round(waited / timedelta(minutes=1)),
        },
    }


def _one(session: Session, company: Company, skill: Skill, ticket: Ticket) -> dict[str, Any]:
    place, vendor = company.place(ticket.property_id), company.vendor(skill.vendor_id)
    dispatch = current_dispatch(ticket)
    minutes = (ticket.resolved_at - ticket.created_at) / timedelta(minutes=1) if ticket.resolved_at else None
    really = {
        "vendor_id": dispatch.vendor_id if dispatch is not None else None,
        "usd": _text(dispatch.actual_cost_usd if dispatch is not None else None),
        "minutes": round(minutes) if minutes is not None else None,
    }
    told: dict[str, Any] = {
        "ticket_id": ticket.ticket_id,
        "would": "not",
        "steps": [],
        "vendor_id": None,
        "usd": None,
    }
    if place is None or vendor is None or not company.reaches(vendor, place.id):
        return {**told, "really": really}
    past = [
        *company.resolutions,
        *own_resolutions(session, place.id, ticket.category, before=ticket.created_at),
    ]
    alike = find_resolutions(past, Query("", place.id, ticket.category))
    estimate = estimate_for(vendor, Knowledge(resolutions=tuple(alike)))[0]
    facts = _facts(ticket, estimate, ticket.created_at, place.zone)
    if missed(skill, facts):
        return {**told, "really": really}
    sop = company.sop(ticket.category)
    cap = cap_for(place, vendor, Knowledge(sop=sop, skill=skill))
    asks = (
        ticket.severity >= (sop.human_if_severity if sop is not None else URGENT)
        or bool({*ALWAYS_ASK} & {*ticket.risk_tags})
        or estimate > cap
        or any(not failing(rule.condition, facts) for rule in skill.rules)
    )
    steps = [
        step.do
        for step in skill.workflow_steps
        if isinstance(step, DispatchVendor) or step.condition is None or not failing(step.condition, facts)
    ]
    return {
        **told,
        "would": "ask" if asks else "run",
        "steps": steps,
        "vendor_id": vendor.id,
        "usd": _text(estimate),
        "really": really,
    }


def _facts(ticket: Ticket, estimate: Decimal, moment: datetime, zone: Any) -> Facts:
    return Facts(
        category=ticket.category,
        property_id=ticket.property_id,
        severity=ticket.severity,
        risk_tags=ticket.risk_tags,
        estimate_usd=estimate,
        local_time=moment.astimezone(zone).time(),
        inputs={
            "language": ticket.language,
            "reporter": ticket.reporter,
            "raw_input": ticket.raw_input,
            **ticket.facts,
        },
    )


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(usd(amount))


def show(tx: Tx, row: SkillVersion, actor: Actor) -> dict[str, Any]:
    """Say to who asked what it would have done; returns it too."""
    found = tried(tx.session, tx.services.company, skill_from(row.content))
    would = [one["would"] for one in found["tickets"]]
    saved = found["saved"]
    card_publisher.tell(
        tx,
        tx.services.company.person(actor.person_id),
        lambda words: words(
            N_(
                "{skill} on {count} past tickets: it would have sent by itself {run}, asked you {ask}, not fitted {none}. "
                "Saved: {calls} questions to a model, {minutes} minutes of waiting."
            ),
            skill=f"{row.skill_id} v{row.version}",
            count=len(would),
            run=would.count("run"),
            ask=would.count("ask"),
            none=would.count("not"),
            calls=saved["strong_calls"],
            minutes=saved["minutes"],
        ),
    )
    return found
