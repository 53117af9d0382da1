"""Durable timers. A row is owed until it fired or was cancelled; firing and its effect are one commit."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import structlog
from sqlalchemy import bindparam, func, select, update

from core.ids import new_id
from core.model import OutboxStatus, TimerKind
from core.store import crashpoints
from core.store.ports import U
from core.store.tables import Deadline, OutboxRow, table
from core.store.unit import Unit

log = structlog.get_logger(__name__)

ROUND: Final = 1000
"""Most deadlines looked at in one commit."""
TOGETHER: Final = 25
"""Deadlines prepared and fired between two looks at the clock."""
SLICE: Final = 0.05
"""Seconds one round may hold the writer: a webhook's 200 waits behind it."""
MAX_ATTEMPTS: Final = 5
"""Then a timer whose effect always fails is stopped, and the founder hears of it."""

_ROWS: Final = table(Deadline)
_OPEN: Final = _ROWS.c.fired_at.is_(None) & _ROWS.c.cancelled_at.is_(None)


class Due(NamedTuple):
    """A deadline whose moment has come."""

    id: str
    kind: TimerKind
    subject: str
    args: dict[str, Any]
    attempts: int
    error: str | None


Handler = Callable[[U, Due], None]

_DUE: Final = (
    select(_ROWS.c.id, _ROWS.c.kind, _ROWS.c.subject, _ROWS.c.args, _ROWS.c.attempts, _ROWS.c.error)
    .where(_OPEN, _ROWS.c.due_at <= bindparam("now"))
    .order_by(_ROWS.c.due_at, _ROWS.c.id)
    .limit(ROUND)
)
_NEXT: Final = select(func.min(_ROWS.c.due_at)).where(_OPEN)
_FIRED: Final = (
    update(_ROWS)
    .where(_ROWS.c.id.in_(bindparam("ids", expanding=True)))
    # Its own effect may have cancelled every timer of its subject: it fired all the same.
    .values(fired_at=bindparam("now"), cancelled_at=None)
)
_CANCELLED: Final = "cancelled deadlines"


def schedule(tx: Unit, kind: TimerKind, subject: str, due_at: datetime, **args: Any) -> None:
    """Owe `kind` about `subject` at `due_at` (aware)."""
    tx.add(Deadline(id=new_id(), kind=kind, subject=subject, args=args, due_at=due_at, created_at=tx.now))
    tx.publish("deadlines")


def cancel(tx: Unit, subject: str, *kinds: TimerKind) -> None:
    """Stop every pending timer of `subject` (only those of `kinds` if any are named)."""
    statement = update(_ROWS).where(_ROWS.c.subject == subject, _OPEN).values(cancelled_at=tx.now)
    if kinds:
        statement = statement.where(_ROWS.c.kind.in_(kinds))
    tx.session.flush()
    stopped = tx.session.execute(statement.returning(_ROWS.c.id)).scalars().all()
    tx.memo(_CANCELLED, set[str]).update(stopped)


def pending(tx: Unit, subject: str, kind: str) -> list[Due]:
    """What is still owed about `subject`."""
    tx.session.flush()
    wanted = select(
        _ROWS.c.id, _ROWS.c.kind, _ROWS.c.subject, _ROWS.c.args, _ROWS.c.attempts, _ROWS.c.error
    ).where(_OPEN, _ROWS.c.subject == subject, _ROWS.c.kind == kind)
    return [Due(*row) for row in tx.session.execute(wanted)]


def shift(tx: Unit, by: timedelta) -> None:
    """The wall clock was set by so much: every pending timer, and every message that is held until its moment, waits for
    as long as it would have waited."""
    messages = table(OutboxRow)
    owed = messages.c.status.in_((OutboxStatus.PENDING, OutboxStatus.SENDING))
    for rows, moment, waits in ((_ROWS, "due_at", _OPEN), (messages, "not_before", owed)):
        for one, at in tx.session.execute(select(rows.c.id, rows.c[moment]).where(waits)).all():
            tx.change(update(rows).where(rows.c.id == one).values({moment: at + by}))
    tx.publish("deadlines")


def next_due(tx: Unit) -> datetime | None:
    found: datetime | None = tx.session.execute(_NEXT).scalar()
    return found


def fire_due(
    tx: U,
    handlers: Mapping[TimerKind, Handler[U]],
    given_up: Handler[U],
    prepare: Callable[[U, list[Due]], None] = lambda tx, due: None,
) -> int:
    """Fire deadlines that are due, as many as fit into SLICE: all in one savepoint, or, where one of them fails,
    each in its own, so that a broken one stands alone. One that failed MAX_ATTEMPTS times is stopped and
    handed to `given_up`. `prepare` may read ahead what the handlers of several will need.

    Returns how many were looked at; 0 means that nothing is due."""
    tx.session.flush()
    due = [Due(*row) for row in tx.session.execute(_DUE, {"now": tx.now})]
    if not due:
        return 0
    try:
        with tx.nested():
            return _fire_some(tx, due, handlers, prepare)
    except Exception:
        for one in due:
            _fire_alone(tx, one, handlers, given_up)
        return len(due)


def _fire_some(
    tx: U, due: list[Due], handlers: Mapping[TimerKind, Handler[U]], prepare: Callable[[U, list[Due]], None]
) -> int:
    """Returns how many were looked at before the time was up."""
    until = time.perf_counter() + SLICE
    fired: list[str] = []
    seen = 0
    while seen < len(due) and time.perf_counter() < until:
        some = due[seen : seen + TOGETHER]
        prepare(tx, some)
        for one in some:
            # An earlier one of this round may have cancelled it.
            if one.id not in tx.memo(_CANCELLED, set[str]):
                crashpoints.reach("timer_marked")
                handlers[one.kind](tx, one)
                fired.append(one.id)
        tx.finish()
        tx.session.flush()
        seen += len(some)
    tx.change(_FIRED, {"ids": fired, "now": tx.now})
    return seen


def _fire_alone(tx: U, one: Due, handlers: Mapping[TimerKind, Handler[U]], given_up: Handler[U]) -> None:
    if tx.session.execute(select(_ROWS.c.id).where(_ROWS.c.id == one.id, _OPEN)).first() is None:
        return  # cancelled by one before it
    try:
        with tx.nested():
            _fire_some(tx, [one], handlers, lambda tx, due: None)
    except Exception as error:
        failed = one._replace(attempts=one.attempts + 1, error=f"{type(error).__name__}: {error}"[:300])
        log.error("deadline_failed", kind=one.kind, attempt=failed.attempts, exc_info=error)
        spent = failed.attempts >= MAX_ATTEMPTS
        again = tx.now + timedelta(seconds=2**failed.attempts)
        outcome = {"cancelled_at": tx.now} if spent else {"due_at": again}
        tx.change(
            update(_ROWS)
            .where(_ROWS.c.id == one.id)
            .values(attempts=failed.attempts, error=failed.error, **outcome)
        )
        if spent:
            given_up(tx, failed)
