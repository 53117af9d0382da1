"""Which workers there are. An id that was used again is its newest run."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.cost.ledger import total
from core.store.loop_tables import AskRow
from core.store.tables import UsageRow
from core.store.worker_tables import TellRow, WorkerRow
from core.workers import launching
from core.workers.health import LIVE, health


def newest(session: Session, worker: str) -> WorkerRow | None:
    wanted = select(WorkerRow).where(WorkerRow.id == worker).order_by(WorkerRow.run.desc())
    return session.scalars(wanted.limit(1)).first()


def live(session: Session, worker: str) -> WorkerRow | None:
    row = newest(session, worker)
    return row if row is not None and row.state in LIVE else None


def all_live(session: Session) -> list[WorkerRow]:
    return list(session.scalars(select(WorkerRow).where(WorkerRow.state.in_(LIVE)).order_by(WorkerRow.run)))


def is_dead(session: Session, worker: str) -> bool:
    """There was such a worker, and it has ended. What was never started here is not known to be dead."""
    row = newest(session, worker)
    return row is not None and row.state not in LIVE


def shown(session: Session, *, every: bool = False) -> list[WorkerRow]:
    """Oldest first, the newest run of each; `every`: each run, those that were pruned too."""
    wanted = select(WorkerRow)
    if not every:
        wanted = wanted.where(
            WorkerRow.run.in_(select(func.max(WorkerRow.run)).group_by(WorkerRow.id)),
            WorkerRow.pruned.is_(False),
        )
    return list(session.scalars(wanted.order_by(WorkerRow.run.desc()).limit(500)))[::-1]


def spent(session: Session, row: WorkerRow) -> Decimal:
    """What this run cost so far: what was metered and what it said of itself."""
    return total(session, UsageRow.worker_id == row.id, UsageRow.run_id == str(row.run))


def waiting_asks(session: Session, workers: Sequence[str]) -> dict[str, AskRow]:
    """By worker, its oldest question that waits."""
    wanted = select(AskRow).where(
        AskRow.worker.in_(workers), AskRow.answered_at.is_(None), AskRow.kind.in_(("ask", "approval"))
    )
    found: dict[str, AskRow] = {}
    for row in session.scalars(wanted.order_by(AskRow.asked_at, AskRow.number)):
        found.setdefault(row.worker, row)
    return found


def describe(
    session: Session, sessions: Path, now: datetime, stuck_after: float, *, every: bool = False
) -> list[dict[str, Any]]:
    """[{id, state, alive, exit_code, health, flagged, note, ask_id, idle_s, uptime_s, cost_usd, verify, runner, run, ended_at, tells}]"""
    rows = shown(session, every=every)
    asks = waiting_asks(session, [row.id for row in rows])
    told = dict(
        session.execute(
            select(TellRow.worker, func.count()).where(TellRow.taken_at.is_(None)).group_by(TellRow.worker)
        ).all()
    )  # fmt: skip
    found = []
    for row in rows:
        alive = row.state in LIVE
        ask = asks.get(row.id)
        idle = idle_of(row, sessions, now)
        found.append(
            {
                "id": row.id,
                "state": row.state,
                "alive": alive,
                "exit_code": row.exit_code,
                "health": health(alive=alive, asks=ask is not None, idle=idle, stuck_after=stuck_after),
                "flagged": row.flagged,
                "note": row.note,
                "ask_id": ask.id if ask is not None else None,
                "idle_s": None if idle is None or not alive else round(idle),
                "uptime_s": max(0, round(((row.ended_at or now) - row.at).total_seconds())),
                "cost_usd": float(spent(session, row)),
                "verify": row.verify,
                "runner": row.runner,
                "run": row.run,
                "ended_at": row.ended_at.isoformat() if row.ended_at is not None else None,
                "tells": int(told.get(row.id, 0)) if alive else 0,
            }
        )
    return found


def idle_of(row: WorkerRow, sessions: Path, now: datetime) -> float | None:
    """Seconds since it printed something, or began."""
    last = launching.silent_since(sessions / row.id)
    return max(0.0, now.timestamp() - max(last or 0.0, row.at.timestamp()))
