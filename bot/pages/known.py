"""What the pages show of what the company knows: one property, routines, rules."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import func, select

from core import phrases
from core.access.credentials import Caller
from core.cards.rule_words import sentence
from core.company.reading import brain_places
from core.company.skills import skill_json
from core.context import Tx
from core.errors import Refused
from core.i18n import Words
from core.knowledge.quoting import quoted, reads
from core.model import SYSTEM
from core.outbox import translations
from core.store.brain_tables import RuleRow
from core.store.session_rows import SessionRows
from core.store.tables import Ticket
from core.team.learnt import rule_from, skill_from
from core.tickets.records import is_open, repairs_here
from core.workflow import rule_view, skill_record, skill_versions, skill_view

MAX_REPAIRS: Final = 100


def place(tx: Tx, caller: Caller, property_id: str, words: Words) -> dict[str, Any]:
    """What the company knows about one property, as far as they may read it. Raises Refused("which_property")."""
    company = tx.services.company
    place = company.place(property_id)
    if place is None:
        raise Refused("which_property")
    readable = brain_places(company, caller.person)
    may_read = readable is None or property_id in readable
    speaks = reads(words.language, caller.person)
    return {
        "place": place,
        "who": (company.on_site(property_id) or company.founder).name,
        "open": tx.session.scalar(
            select(func.count()).select_from(Ticket).where(Ticket.property_id == property_id, is_open())
        ),
        "readable": may_read,
        "memos": _memos(tx, property_id, speaks) if may_read else [],
        "repairs": _repairs(tx, property_id) if may_read else [],
        "skills": [
            one
            for one in company.skills
            if not one.trigger_conditions.property_id or property_id in one.trigger_conditions.property_id
        ],
        "rules": [
            {
                "id": one.rule_id,
                "text": next((one.text[code] for code in speaks if code in one.text), one.kind),
            }
            for one in company.rules
            if one.when.property_id in {None, property_id} and one.holds(tx.now)
        ],
        "vendors": [one for one in company.vendors if company.reaches(one, property_id)],
    }


def _memos(tx: Tx, property_id: str, speaks: Sequence[str]) -> list[dict[str, Any]]:
    company = tx.services.company
    found = [one for one in company.memos if one.holds and one.property_id == property_id]
    made = translations.known(tx.session, [one.transcript for one in found], speaks[0])
    told = []
    for one in sorted(found, key=lambda memo: memo.recorded_at, reverse=True):
        quote = quoted(one.transcript, one.language, one.transcript_en, speaks, made.get(one.transcript, ""))
        told.append(
            {
                "id": one.id,
                "quote": quote.text,
                "language": quote.language,
                "who": company.name_of(one.speaker),
                "day": one.recorded_at.date().isoformat(),
                "kind": phrases.CATEGORY[one.category] if one.category else "",
                "audio": one.audio_sha256,
            }
        )
    return told


def _repairs(tx: Tx, property_id: str) -> list[dict[str, Any]]:
    """The newest MAX_REPAIRS, ours and those that were brought in."""
    company = tx.services.company
    own = [one for one in repairs_here(tx.session) if one.property_id == property_id]
    ids = {one.id for one in own}
    brought = [one for one in company.resolutions if one.property_id == property_id]
    every = sorted([*own, *brought], key=lambda one: (one.resolved_on, one.id), reverse=True)
    return [
        {
            "day": one.resolved_on.isoformat(),
            "kind": phrases.CATEGORY[one.category],
            "vendor": vendor.name if (vendor := company.vendor(one.vendor_id)) is not None else "–",
            "usd": one.cost_usd,
            "rating": one.rating,
            "ticket": one.id.upper() if one.id in ids else "",
            "summary": one.summary,
        }
        for one in every[:MAX_REPAIRS]
    ]


def skills(tx: Tx) -> list[dict[str, Any]]:
    """Of every skill the version that matters."""
    return [_skill(tx, row) for row in skill_view.shown(SessionRows(tx.session))]


def skill(tx: Tx, skill_id: str) -> dict[str, Any]:
    """`{shown, versions}`: the version that matters, and all of them, newest first. Raises Refused("unknown_skill")."""
    shown = skill_view.find(SessionRows(tx.session), skill_id)
    every = [_skill(tx, row) for row in reversed(skill_versions.versions(tx.session, skill_id))]
    return {"shown": _skill(tx, shown), "versions": every}


def _skill(tx: Tx, row: Any) -> dict[str, Any]:
    one, company = skill_from(row.content), tx.services.company
    vendor, condition = company.vendor(one.vendor_id), one.trigger_conditions
    names = [
        place.name for place_id in condition.property_id if (place := company.place(place_id)) is not None
    ]
    return {
        "skill_id": row.skill_id,
        "version": row.version,
        "name": one.name,
        "description": one.description,
        "status": phrases.LEARNT_STATUS[row.status],
        "who": company.name_of(row.decided_by) if row.decided_by else "",
        "at": row.decided_at or row.proposed_at,
        "kinds": [phrases.CATEGORY[kind] for kind in condition.category],
        "places": names,
        "severity": (condition.severity.min, condition.severity.max) if condition.severity else None,
        "vendor": vendor.name if vendor is not None else one.vendor_id or "",
        "cap": one.auth_cap_usd,
        "steps": [(phrases.SKILL_STEP[step.do], step.note) for step in one.workflow_steps],
        "tickets": one.sources.derived_from_tickets,
        "record": skill_record.of(SessionRows(tx.session), row.skill_id, row.version),
        "json": json.dumps(skill_json(one), ensure_ascii=False, indent=2),
    }


def rules(tx: Tx, words: Words) -> list[dict[str, Any]]:
    every = select(RuleRow).order_by(RuleRow.proposed_at.desc()).limit(100)
    company = tx.services.company
    return [
        {
            "id": one.rule_id,
            "text": sentence(company, rule_from(one.content), words) or one.text,
            "who": company.name_of(one.proposed_by) if one.proposed_by != SYSTEM else "LoopOS",
            "at": one.proposed_at,
            "ticket_id": one.ticket_id,
            "status": phrases.LEARNT_STATUS[one.status],
            "used": words("{uses} of {of}", uses=one.uses, of=most)
            if (most := rule_from(one.content).max_uses)
            else "",
            "evidence": [
                (
                    seen.get("ticket_id") or seen.get("resolution_id") or seen.get("memo_id") or "",
                    seen.get("value", ""),
                )
                for seen in one.evidence
            ],
            "diff": rule_view.diff_of(one),
            "pull_request": one.pull_request,
        }
        for one in tx.session.scalars(every)
    ]
