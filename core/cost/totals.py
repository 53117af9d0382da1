"""Months that are over are added up once: "since the beginning" costs the same with a million tickets as with a thousand.

A month is closed once the one after it has ended. Its totals are rows of their own; whoever changes a row of a closed
month takes them away, and they are made again. What reads them is core.cost.spent."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import delete

from core.context import Tx
from core.cost.months import month_at, month_name
from core.cost.spent import ADDED_UP, KINDS, Amount, added_up, amounts, first_moment, months
from core.store.session_rows import SessionRows
from core.store.tables import Total


def first_open(now: datetime) -> datetime:
    """From here on nothing is added up yet: the beginning of the month before that of `now` (UTC)."""
    this = month_at(now, UTC).start
    return (
        this.replace(year=this.year - 1, month=12) if this.month == 1 else this.replace(month=this.month - 1)
    )


def add_up_next(tx: Tx) -> bool:
    """Add up the oldest closed month that is not; False where there is none."""
    rows = SessionRows(tx.session)
    first = first_moment(rows)
    if first is None:
        return False
    there = added_up(rows)
    closed = months(first, first_open(tx.now))
    month = next((span for span in closed if month_name(span) not in there), None)
    if month is None:
        return False
    for kind in KINDS:
        for one in amounts(rows, kind, month):
            tx.add(_row(kind, month_name(month), one))
    tx.add(_row(ADDED_UP, month_name(month), Amount(None, "", "", 0)))
    return True


def _row(kind: str, month: str, one: Amount) -> Total:
    return Total(
        kind=kind,
        month=month,
        property_id=one.property_id or "",
        tier=one.tier,
        model=one.model,
        amount=one.amount,
    )


def touched(tx: Tx, moment: datetime | None) -> None:
    """A row that counts at `moment` was written: what was added up for its month is not true any more."""
    if moment is None or moment >= first_open(tx.now):
        return
    month = month_name(month_at(moment, UTC))
    tx.before_commit(f"totals:{month}", lambda: _forget(tx, month))


def _forget(tx: Tx, month: str) -> None:
    tx.change(delete(Total).where(Total.month == month))
