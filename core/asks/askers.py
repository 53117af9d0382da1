"""Who put a question, and whether they still wait for its answer."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.store.loop_tables import AskRow
from core.store.worker_tables import WorkerRow

ENDED = ("exited", "killed")


def ended_among(session: Session, workers: Collection[str]) -> set[str]:
    """Those of `workers` that have ended. What was never started as a worker (a script, the loop, the shell) waits for as long as
    it likes."""
    if not workers:
        return set()
    newest = select(func.max(WorkerRow.run)).where(WorkerRow.id.in_(workers)).group_by(WorkerRow.id)
    wanted = select(WorkerRow.id).where(WorkerRow.run.in_(newest), WorkerRow.state.in_(ENDED))
    return set(session.scalars(wanted))


def is_stranded(session: Session, row: AskRow) -> bool:
    """Its worker has ended: the answer starts a successor."""
    return row.kind == "ask" and row.read_at is None and bool(ended_among(session, [row.worker]))
