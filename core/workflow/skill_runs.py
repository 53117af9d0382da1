"""A skill at work on a ticket: whether one fits, which it is, and how it ends. Its steps are taken in core.skills."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial

from core.actors import LOOPOS
from core.company.company import Company
from core.company.skills import Skill
from core.context import Tx
from core.dispatch.draft import estimate_for
from core.knowledge.conditions import Facts, choose, failing, missed
from core.knowledge.recall import Knowledge, Query, find_resolutions
from core.knowledge.rules_in_force import applying
from core.model import Event, RunState
from core.store.brain_tables import SkillRun
from core.store.tables import Ticket
from core.tickets.records import note, own_resolutions


def begin(tx: Tx, ticket: Ticket) -> bool:
    """Let the approved skill that fits work on a new ticket. False where none does; where one but nearly does, the ticket
    says so. A ticket has one run: what came back goes on without."""
    if ticket.skill_artifact is not None:
        return False
    about = [one for one in tx.services.company.skills if ticket.category in one.trigger_conditions.category]
    if not about:
        return False
    choice = choose(about, partial(facts_of, tx, ticket))
    if choice.skill is not None:
        skill = choice.skill
        run = SkillRun(
            ticket_id=ticket.ticket_id,
            skill_id=skill.skill_id,
            version=skill.version,
            state=RunState.RUNNING,
            reason="",
            following=0,
            begun_at=tx.now,
        )
        tx.add(run)
        _show(ticket, skill, RunState.RUNNING)
        return True
    if choice.missed is not None:
        _show(ticket, choice.missed, RunState.FELL_BACK, f"condition: {choice.key}")
        _note(tx, ticket, "condition", choice.key)
    return False


def facts_of(tx: Tx, ticket: Ticket, skill: Skill) -> Facts:
    """What is known of `ticket`, were `skill` to send its vendor."""
    place = tx.services.company.place(ticket.property_id)
    return Facts(
        category=ticket.category,
        property_id=ticket.property_id,
        severity=ticket.severity,
        risk_tags=ticket.risk_tags,
        estimate_usd=_estimate(tx, ticket, skill),
        local_time=tx.now.astimezone(place.zone).time() if place is not None else None,
        inputs={
            "language": ticket.language,
            "reporter": ticket.reporter,
            "raw_input": ticket.raw_input,
            **{name: ticket.facts[name] for name in ("guest_inside", "near_power") if name in ticket.facts},
        },
    )


def _estimate(tx: Tx, ticket: Ticket, skill: Skill) -> Decimal | None:
    vendor = tx.services.company.vendor(skill.vendor_id)
    if vendor is None or ticket.property_id is None:
        return None
    return estimate_for(vendor, knowledge_for(tx, ticket, skill))[0]


def knowledge_for(tx: Tx, ticket: Ticket, skill: Skill) -> Knowledge:
    """What price and cap of its vendor hang on."""
    company, place, category = tx.services.company, ticket.property_id, ticket.category
    past = tx.memo(f"own:{place}:{category}", lambda: own_resolutions(tx.session, place or "", category))
    alike = find_resolutions([*company.resolutions, *past], Query("", place, category, ()))
    return Knowledge(
        sop=company.sop(category),
        resolutions=tuple(alike),
        skill=skill,
        rules=applying(company.rules, place, category, ticket.severity, tx.now),
    )


# --- while it runs


def at_work(company: Company, ticket: Ticket) -> Skill | None:
    """The skill that works on `ticket`, as it is approved now."""
    shown = ticket.skill_artifact
    if shown is None or shown["run"] != RunState.RUNNING:
        return None
    named = (shown["skill_id"], shown["version"])
    return next((one for one in company.skills if (one.skill_id, one.version) == named), None)


def asks(tx: Tx, ticket: Ticket, estimate: Decimal) -> str:
    """The name of the skill at work where one of its rules asks for a person; "" elsewhere."""
    skill = at_work(tx.services.company, ticket)
    if skill is None:
        return ""
    facts = replace(facts_of(tx, ticket, skill), estimate_usd=estimate)
    return skill.name if any(not failing(one.condition, facts) for one in skill.rules) else ""


# --- how it ends


def fall_back(tx: Tx, ticket: Ticket, why: str, key: str = "") -> None:
    """Something is not as the skill at work expects: the ticket goes on as without it, and says why."""
    if _end(tx, ticket, RunState.FELL_BACK, f"{why}: {key}" if key else why):
        _note(tx, ticket, why, key)


def reconsider(tx: Tx, ticket: Ticket) -> None:
    """What the ticket is about was corrected: a skill that would not have begun on it goes no further."""
    skill = at_work(tx.services.company, ticket)
    if skill is not None and (keys := missed(skill, facts_of(tx, ticket, skill))):
        fall_back(tx, ticket, "corrected", keys[0])


def finish(tx: Tx, ticket: Ticket) -> None:
    """All its steps are taken."""
    _end(tx, ticket, RunState.DONE, "")


def stop(tx: Tx, ticket: Ticket, reason: str) -> None:
    """The ticket ended before it did, or it is no longer approved."""
    _end(tx, ticket, RunState.STOPPED, reason)


def run_of(tx: Tx, ticket: Ticket) -> SkillRun | None:
    """What is kept of the skill at work."""
    shown = ticket.skill_artifact
    return (
        tx.get(SkillRun, ticket.ticket_id) if shown is not None and shown["run"] == RunState.RUNNING else None
    )


def _end(tx: Tx, ticket: Ticket, state: RunState, reason: str) -> bool:
    """False where no skill is at work."""
    run = run_of(tx, ticket)
    if run is None:
        return False
    assert ticket.skill_artifact is not None
    run.state, run.reason, run.ended_at = state, reason[:80], tx.now
    ticket.skill_artifact = {**ticket.skill_artifact, "run": state.value, "reason": reason}
    return True


def _show(ticket: Ticket, skill: Skill, state: RunState, reason: str = "") -> None:
    ticket.skill_artifact = {
        "skill_id": skill.skill_id,
        "version": skill.version,
        "name": skill.name,
        "run": state.value,
        "reason": reason,
    }


def _note(tx: Tx, ticket: Ticket, why: str, key: str) -> None:
    shown = ticket.skill_artifact or {}
    detail = {"skill_id": shown["skill_id"], "version": shown["version"], "why": why}
    note(tx, ticket, Event.FALLBACK, LOOPOS, **detail, **({"key": key} if key else {}))
