"""Months that are over are added up once: "since the beginning" costs the same with a million tickets as with a thousand.

A month is closed once the one after it has ended. Its totals are rows of their own; whoever changes a row of a closed
month takes them away, and they are made again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from core.context import Tx
from core.cost.ledger import grains, within
from core.cost.months import Span, month_at, month_name, month_named
from core.store.tables import Dispatch, Ticket, Total, UsageRow
from core.tickets.records import vendor_cents

Kind = Literal["models", "vendors", "tickets", "added_up"]
ADDED_UP: Final = "added_up"
"""The row that says that a month's totals are there."""


@dataclass(frozen=True, slots=True)
class Amount:
    """Grains of a dollar for models, cents for vendors, a count for tickets."""

    property_id: str | None
    tier: str
    model: str
    amount: int


def first_open(now: datetime) -> datetime:
    """From here on nothing is added up yet: the beginning of the month before that of `now` (UTC)."""
    this = month_at(now, UTC).start
    return (
        this.replace(year=this.year - 1, month=12) if this.month == 1 else this.replace(month=this.month - 1)
    )


def months(first: datetime, end: datetime) -> Iterator[Span]:
    """Each month (UTC) from that of `first` until `end`."""
    span = month_at(first, UTC)
    while span.start < end:
        yield span
        span = month_at(span.end, UTC)


# --- adding up


def add_up_next(tx: Tx) -> bool:
    """Add up the oldest closed month that is not; False where there is none."""
    first = _first(tx.session)
    if first is None:
        return False
    there = _added_up(tx.session)
    closed = months(first, first_open(tx.now))
    month = next((span for span in closed if month_name(span) not in there), None)
    if month is None:
        return False
    for kind, find in _LIVE.items():
        for one in find(tx.session, month, None):
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


# --- reading


def since_the_beginning(session: Session, kind: Kind, properties: Sequence[str] | None) -> list[Amount]:
    """Of every month: from its totals where they are there, from its rows where not."""
    first = _first(session)
    there = _added_up(session)
    wanted = select(Total.property_id, Total.tier, Total.model, func.sum(Total.amount)).where(
        Total.kind == kind
    )
    if properties is not None:
        wanted = wanted.where(Total.property_id.in_(properties))
    rows = session.execute(wanted.group_by(Total.property_id, Total.tier, Total.model))
    found = [Amount(place or None, tier, model, int(amount)) for place, tier, model, amount in rows]
    if first is None:
        return found
    begin = month_at(first, UTC).start
    known = max([begin, *(month_named(one, UTC).end for one in there)])
    missing = [span for span in months(begin, known) if month_name(span) not in there]
    # Behind the last month that was added up everything is one span without an end.
    for span in [*missing, Span(known, datetime.max.replace(tzinfo=UTC))]:
        found += _LIVE[kind](session, span, properties)
    return found


def _added_up(session: Session) -> set[str]:
    return set(session.scalars(select(Total.month).where(Total.kind == ADDED_UP)))


def _first(session: Session) -> datetime | None:
    """The oldest moment at which anything counts."""
    oldest = (
        session.scalar(select(func.min(UsageRow.at))),
        session.scalar(select(func.min(Dispatch.authorized_at))),
        session.scalar(select(func.min(Ticket.created_at))),
    )
    return min((one for one in oldest if one is not None), default=None)


def _models(session: Session, span: Span, properties: Sequence[str] | None) -> Iterable[Amount]:
    group = (UsageRow.property_id, UsageRow.tier, UsageRow.model)
    wanted = select(*group, func.sum(grains())).where(within(span), *_of(UsageRow.property_id, properties))
    return [
        Amount(place, tier, model, int(total))
        for place, tier, model, total in session.execute(wanted.group_by(*group))
    ]


def _vendors(session: Session, span: Span, properties: Sequence[str] | None) -> Iterable[Amount]:
    wanted = select(Dispatch.property_id, func.sum(vendor_cents())).where(
        Dispatch.authorized_at >= span.start,
        Dispatch.authorized_at < span.end,
        Dispatch.authorized.is_(True),
        Dispatch.void.is_(False),
        *_of(Dispatch.property_id, properties),
    )
    rows = session.execute(wanted.group_by(Dispatch.property_id))
    return [Amount(place, "", "", int(total)) for place, total in rows]


def _tickets(session: Session, span: Span, properties: Sequence[str] | None) -> Iterable[Amount]:
    wanted = select(Ticket.property_id, func.count()).where(
        Ticket.created_at >= span.start, Ticket.created_at < span.end, *_of(Ticket.property_id, properties)
    )
    rows = session.execute(wanted.group_by(Ticket.property_id))
    return [Amount(place, "", "", int(count)) for place, count in rows]


def _of(column: Any, properties: Sequence[str] | None) -> list[ColumnElement[bool]]:
    return [] if properties is None else [column.in_(properties)]


_LIVE: Final[dict[str, Callable[[Session, Span, Sequence[str] | None], Iterable[Amount]]]] = {
    "models": _models,
    "vendors": _vendors,
    "tickets": _tickets,
}
