"""Readings that no program makes: what the loop itself has open. `signal` may wake it, `detail` may not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.asks.askers import ended_among
from core.asks.asks import ask_json
from core.loop.brief import PendingAsk
from core.store.loop_tables import AskRow, LoopApproval

NAMES: Final = ("sys-asks", "sys-claims", "sys-goals", "sys-schedules", "sys-sessions")


@dataclass(frozen=True, slots=True)
class OpenAsk:
    row: AskRow
    approval: LoopApproval | None
    live: bool
    """Somebody still waits for the answer."""

    def to_json(self) -> dict[str, Any]:
        return ask_json(self.row, self.approval, live=self.live)


def open_asks(session: Session) -> list[OpenAsk]:
    """What waits for an answer, oldest first, with what would be done."""
    wanted = select(AskRow).where(AskRow.answered_at.is_(None), AskRow.kind != "flag")
    return with_state(session, session.scalars(wanted.order_by(AskRow.asked_at, AskRow.id)).all())


def with_state(session: Session, rows: Sequence[AskRow]) -> list[OpenAsk]:
    found = [row.id for row in rows if row.kind == "approval"]
    approvals = {}
    if found:
        wanted = select(LoopApproval).where(LoopApproval.ask_id.in_(found))
        approvals = {one.ask_id: one for one in session.scalars(wanted)}
    gone = ended_among(session, {row.worker for row in rows if row.kind == "ask"})
    return [
        OpenAsk(
            row,
            approvals.get(row.id),
            live=row.kind != "ask" or row.read_at is not None or row.worker not in gone,
        )
        for row in rows
    ]


def sys_asks(asks: Sequence[PendingAsk]) -> dict[str, Any]:
    return {"signal": [one.id for one in asks]}


def sys_goals(goals: Mapping[str, datetime | None], now: datetime) -> dict[str, Any]:
    """`goals`: when each was last acted on."""
    ages = {name: None if at is None else int((now - at).total_seconds()) for name, at in goals.items()}
    return {"signal": {}, "detail": {"seconds_since_acted": ages}}


def sys_schedules(signals: Mapping[str, str | int], notes: Mapping[str, str]) -> dict[str, Any]:
    return {"signal": dict(signals), "detail": {"notes": dict(notes)}}


def sys_sessions(workers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """`workers`: as core.workers.roster describes them."""
    signal = [
        {
            **{key: one[key] for key in ("id", "state", "exit_code", "health")},
            **({"verify": one["verify"]} if one["verify"] is not None else {}),
        }
        for one in workers
    ]
    kept = ("idle_s", "uptime_s", "ask_id", "tells")
    return {"signal": signal, "detail": {one["id"]: {key: one[key] for key in kept} for one in workers}}


def sys_claims(held: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "signal": [{"name": one["name"], "session": one["session"]} for one in held],
        "detail": {"since": {one["name"]: one["ts"] for one in held}},
    }
