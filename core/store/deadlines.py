"""Durable timers. A row is owed until it fired or was cancelled; firing and its effect are one commit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import func, select, update

from core.ids import new_id
from core.store import crashpoints
from core.store.engine import Tx
from core.store.tables import Deadline

log = structlog.get_logger(__name__)

Handler = Callable[[Tx, Deadline], None]
ROUND: Final = 250
"""Deadlines fired in one commit."""
MOST_ATTEMPTS: Final = 5


def schedule(tx: Tx, kind: str, subject: str, due_at: datetime, **args: Any) -> None:
    """Owe `kind` about `subject` at `due_at` (aware)."""
    tx.add(Deadline(id=new_id(), kind=kind, subject=subject, args=args, due_at=due_at, created_at=tx.now))
    tx.tell("deadlines")


def cancel(tx: Tx, subject: str, *kinds: str) -> None:
    """Stop every pending timer of `subject` (only those of `kinds` if any are named)."""
    statement = (
        update(Deadline)
        .where(Deadline.subject == subject, Deadline.fired_at.is_(None), Deadline.cancelled_at.is_(None))
        .values(cancelled_at=tx.now)
    )
    if kinds:
        statement = statement.where(Deadline.kind.in_(kinds))
    tx.session.flush()
    tx.session.execute(statement, execution_options={"synchronize_session": "fetch"})


def next_due(tx: Tx) -> datetime | None:
    return tx.session.scalar(
        select(func.min(Deadline.due_at)).where(Deadline.fired_at.is_(None), Deadline.cancelled_at.is_(None))
    )


def fire_due(tx: Tx, handlers: dict[str, Handler], given_up: Handler) -> int:
    """Fire up to ROUND deadlines that are due, each in its own savepoint so that a broken one stands alone;
    one that failed MOST_ATTEMPTS times is stopped and handed to `given_up`.

    Returns how many were looked at; 0 means that nothing is due."""
    due = tx.session.scalars(
        select(Deadline)
        .where(Deadline.fired_at.is_(None), Deadline.cancelled_at.is_(None), Deadline.due_at <= tx.now)
        .order_by(Deadline.due_at, Deadline.id)
        .limit(ROUND)
    ).all()
    for deadline in due:
        # An earlier one of this round may have cancelled it.
        if deadline.cancelled_at is None:
            _fire(tx, deadline, handlers, given_up)
    return len(due)


def _fire(tx: Tx, deadline: Deadline, handlers: dict[str, Handler], given_up: Handler) -> None:
    try:
        with tx.session.begin_nested():
            deadline.fired_at = tx.now
            crashpoints.reach("timer_marked")
            handlers[deadline.kind](tx, deadline)
    except Exception as error:
        tx.session.refresh(deadline)
        deadline.attempts += 1
        deadline.error = f"{type(error).__name__}: {error}"[:300]
        log.error("deadline_failed", kind=deadline.kind, attempt=deadline.attempts, exc_info=error)
        if deadline.attempts >= MOST_ATTEMPTS:
            deadline.cancelled_at = tx.now
            given_up(tx, deadline)
        else:
            deadline.due_at = tx.now + timedelta(seconds=2**deadline.attempts)
