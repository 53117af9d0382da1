"""How a skill has done."""

from __future__ import annotations

import statistics
from datetime import timedelta
from decimal import Decimal
from typing import Any

from core.model import RunState
from core.money import usd
from core.store.rows import Rows


def of(rows: Rows, skill_id: str, version: int | None = None) -> dict[str, Any]:
    """`{runs, completed, fell_back, corrected, cost_usd, median_minutes, rating}` of one version, or of all. cost_usd: what
    the vendors billed in runs that were completed; minutes from report to resolution; null where nothing was."""
    of_version = "" if version is None else "AND version = :version"
    found = rows.rows(
        "SELECT skill_runs.ticket_id, state, reason, created_at, resolved_at, rating FROM skill_runs "  # noqa: S608
        f"JOIN tickets ON tickets.ticket_id = skill_runs.ticket_id WHERE skill_id = :skill {of_version}",
        skill=skill_id,
        **({} if version is None else {"version": version}),
    )
    done = [row for row in found if row.state == RunState.DONE]
    minutes = [(row.resolved_at - row.created_at) / timedelta(minutes=1) for row in done if row.resolved_at]
    ratings = [row.rating for row in done if row.rating is not None]
    return {
        "runs": len(found),
        "completed": len(done),
        "fell_back": sum(row.state == RunState.FELL_BACK for row in found),
        "corrected": sum(row.reason.startswith("corrected") for row in found),
        "cost_usd": str(_billed(rows, [row.ticket_id for row in done])),
        "median_minutes": round(statistics.median(minutes)) if minutes else None,
        "rating": round(statistics.mean(ratings), 1) if ratings else None,
    }


def _billed(rows: Rows, tickets: list[str]) -> Decimal:
    bills = rows.rows(
        "SELECT actual_cost_usd FROM dispatches WHERE ticket_id IN :tickets AND actual_cost_usd IS NOT NULL",
        tickets=tickets,
    )
    return usd(sum((one.actual_cost_usd for one in bills), Decimal(0)))
