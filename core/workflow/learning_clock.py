"""When the company learns by itself: once a night, by the founder's clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Final

from sqlalchemy import select

from core.context import Tx
from core.store import deadlines
from core.store.deadlines import Due
from core.store.tables import Deadline
from core.workflow.skill_versions import LEARN

NIGHTLY: Final = "learn_nightly"
"""The timer's kind and its subject."""


def ensure(tx: Tx) -> None:
    """At the start: the timer runs at the hour that is set now, or not at all."""
    overdue = tx.session.scalar(
        select(Deadline.id).where(
            Deadline.kind == NIGHTLY,
            Deadline.due_at <= tx.now,
            Deadline.fired_at.is_(None),
            Deadline.cancelled_at.is_(None),
        )
    )
    if overdue is not None and tx.services.learn_at is not None:
        return  # a home that was off that night learns now, and plans the next
    deadlines.cancel(tx, NIGHTLY, NIGHTLY)
    _next(tx)


def on_nightly(tx: Tx, deadline: Due) -> None:
    _next(tx)
    tx.services.jobs.defer(tx, LEARN, {"night": True}, lane=LEARN)


def _next(tx: Tx) -> None:
    if tx.services.learn_at is not None:
        zone = tx.services.company.founder.zone
        deadlines.schedule(tx, NIGHTLY, NIGHTLY, following(tx.now.astimezone(zone), tx.services.learn_at))


def following(now: datetime, at: time) -> datetime:
    """The next moment after `now` (local, aware) at which its clock shows `at`, in UTC."""
    today = datetime.combine(now.date(), at, now.tzinfo)
    return (
        today if today > now else datetime.combine(now.date() + timedelta(days=1), at, now.tzinfo)
    ).astimezone(UTC)
