"""What a worker is told between its steps: queued while it lives, each delivered once, in its order."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.orm import Session

from core.context import Tx
from core.errors import Refused
from core.store.loop_events import happened
from core.store.tables import table
from core.store.worker_tables import TellRow
from core.text import escape
from core.workers import roster

LONGEST: Final = 4000


def tell(tx: Tx, worker: str, text: str, by: str) -> str:
    """Its id. Raises Refused("text_needed" | "too_long" | "worker_not_live")."""
    said = escape(text).strip()
    if not said:
        raise Refused("text_needed")
    if len(said) > LONGEST:
        raise Refused("too_long", most=LONGEST)
    row = roster.live(tx.session, worker)
    if row is None:
        raise Refused("worker_not_live", worker=worker[:80])
    number = 1 + (tx.session.scalar(select(func.max(TellRow.number)).where(TellRow.worker == worker)) or 0)
    made = tx.add(
        TellRow(
            id=f"{worker}-{number}",
            worker=worker,
            number=number,
            run=row.run,
            text=said,
            by=by,
            at=tx.now,
            taken_at=None,
        )
    )
    tx.session.flush()
    happened(tx, "workers")
    return made.id


def take(tx: Tx, worker: str) -> list[str]:
    """What waits for it, oldest first; nobody is given it again."""
    row = roster.live(tx.session, worker)
    if row is None:
        return []
    rows = list(tx.session.scalars(_waiting(worker, row.run)))
    for one in rows:
        one.taken_at = tx.now
    if rows:
        happened(tx, "workers")
    return [one.text for one in rows]


def waiting(session: Session, worker: str, run: int) -> int:
    return len(session.scalars(_waiting(worker, run)).all())


def drop(tx: Tx, worker: str) -> None:
    """Its worker has ended, or its id is another's now."""
    rows = table(TellRow)
    tx.change(update(rows).where(rows.c.worker == worker, rows.c.taken_at.is_(None)).values(taken_at=tx.now))


def any_taken_before(session: Session, limit: datetime) -> bool:
    newest = select(func.max(TellRow.number)).group_by(TellRow.worker)
    wanted = select(TellRow.id).where(TellRow.taken_at < limit, TellRow.number.not_in(newest))
    return session.scalar(wanted.limit(1)) is not None


def forget(tx: Tx, limit: datetime) -> None:
    """What was taken long ago. The newest of each worker stays: its number is never used again."""
    rows = table(TellRow)
    newest = select(func.max(TellRow.number)).where(TellRow.worker == rows.c.worker).scalar_subquery()
    old = rows.c.taken_at < limit
    tx.change(delete(rows).where(old, rows.c.number < newest))


def _waiting(worker: str, run: int) -> Select[TellRow]:
    wanted = select(TellRow).where(TellRow.worker == worker, TellRow.run == run, TellRow.taken_at.is_(None))
    return wanted.order_by(TellRow.number)
