"""How a skill has done."""

from __future__ import annotations

import statistics
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.model import RunState
from core.money import usd
from core.store.brain_tables import SkillRun
from core.store.tables import Dispatch, Ticket


def of(session: Session, skill_id: str, version: int | None = None) -> dict[str, Any]:
    """`{runs, completed, fell_back, corrected, cost_usd, median_minutes, rating}` of one version, or of all. cost_usd: what
    the vendors billed in runs that were completed; minutes from report to resolution; null where nothing was."""
    wanted = select(
        SkillRun.ticket_id,
        SkillRun.state,
        SkillRun.reason,
        Ticket.created_at,
        Ticket.resolved_at,
        Ticket.rating,
    ).join(Ticket, Ticket.ticket_id == SkillRun.ticket_id)
    wanted = wanted.where(SkillRun.skill_id == skill_id)
    if version is not None:
        wanted = wanted.where(SkillRun.version == version)
    rows = session.execute(wanted).all()
    done = [row for row in rows if row.state == RunState.DONE]
    minutes = [(row.resolved_at - row.created_at) / timedelta(minutes=1) for row in done if row.resolved_at]
    ratings = [row.rating for row in done if row.rating is not None]
    return {
        "runs": len(rows),
        "completed": len(done),
        "fell_back": sum(row.state == RunState.FELL_BACK for row in rows),
        "corrected": sum(row.reason.startswith("corrected") for row in rows),
        "cost_usd": str(_billed(session, [row.ticket_id for row in done])),
        "median_minutes": round(statistics.median(minutes)) if minutes else None,
        "rating": round(statistics.mean(ratings), 1) if ratings else None,
    }


def _billed(session: Session, tickets: list[str]) -> Decimal:
    wanted = select(Dispatch.actual_cost_usd).where(
        Dispatch.ticket_id.in_(tickets), Dispatch.actual_cost_usd.is_not(None)
    )
    return usd(sum((bill for bill in session.scalars(wanted) if bill is not None), Decimal(0)))
