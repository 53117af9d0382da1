"""Readings that no program makes: what the loop itself has open. `signal` may wake it, `detail` may not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.loop.brief import PendingAsk
from core.store.loop_tables import AskRow, LoopApproval

NAMES: Final = ("sys-asks", "sys-claims", "sys-goals", "sys-schedules", "sys-sessions")


def open_asks(session: Session) -> list[tuple[AskRow, LoopApproval | None]]:
    """What waits for an answer, oldest first, with what would be done."""
    rows = session.scalars(
        select(AskRow).where(AskRow.answered_at.is_(None)).order_by(AskRow.asked_at, AskRow.id)
    ).all()
    found = [row.id for row in rows if row.kind == "approval"]
    approvals = {}
    if found:
        wanted = select(LoopApproval).where(LoopApproval.ask_id.in_(found))
        approvals = {one.ask_id: one for one in session.scalars(wanted)}
    return [(row, approvals.get(row.id)) for row in rows]


def sys_asks(asks: Sequence[PendingAsk]) -> dict[str, Any]:
    return {"signal": [one.id for one in asks]}


def sys_goals(goals: Mapping[str, datetime | None], now: datetime) -> dict[str, Any]:
    """`goals`: when each was last acted on."""
    ages = {name: None if at is None else int((now - at).total_seconds()) for name, at in goals.items()}
    return {"signal": {}, "detail": {"seconds_since_acted": ages}}


def sys_schedules(signals: Mapping[str, str | int], notes: Mapping[str, str]) -> dict[str, Any]:
    return {"signal": dict(signals), "detail": {"notes": dict(notes)}}


def nothing() -> dict[str, Any]:
    return {"signal": []}
