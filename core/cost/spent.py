"""What was spent, added up by the database: for models, for vendors, for how many tickets. Only looks, without the ORM."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from core.cost.months import Span, month_at, month_name, month_named
from core.store.rows import Rows
from core.store.sums import GRAINS, VENDOR_CENTS

Kind = Literal["models", "vendors", "tickets"]
KINDS: Final[tuple[Kind, Kind, Kind]] = ("models", "vendors", "tickets")
ADDED_UP: Final = "added_up"
"""The row of totals that says that a month's are there."""
END: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Amount:
    """Grains of a dollar for models, cents for vendors, a count for tickets."""

    property_id: str | None
    tier: str
    model: str
    amount: int


def amounts(rows: Rows, kind: Kind, span: Span, properties: Sequence[str] | None = None) -> list[Amount]:
    """Row by row of the tables. `properties`: of these alone."""
    return _FIND[kind](rows, span, properties)


def first_call(rows: Rows, properties: Sequence[str] | None = None) -> datetime | None:
    """When a model was asked for the first time."""
    if properties is None:
        found = rows.rows("SELECT MIN(at) AS at FROM usage")
    else:  # one by one: each is the first row of its index
        wanted = "SELECT MIN(at) AS at FROM usage WHERE property_id = :place"
        found = [row for place in properties for row in rows.rows(wanted, place=place)]
    return min((row.at for row in found if row.at is not None), default=None)


def since_the_beginning(rows: Rows, kind: Kind, properties: Sequence[str] | None) -> list[Amount]:
    """Of every month: from its totals where they are there, from its rows where not."""
    first, there = first_moment(rows), added_up(rows)
    where, values = _of(properties)
    found = [
        Amount(one.property_id or None, one.tier, one.model, int(one.amount))
        for one in rows.rows(
            "SELECT property_id, tier, model, SUM(amount) AS amount FROM totals "  # noqa: S608
            f"WHERE kind = :kind {where} GROUP BY property_id, tier, model",
            kind=kind,
            **values,
        )
    ]
    if first is None:
        return found
    begin = month_at(first, UTC).start
    known = max([begin, *(month_named(one, UTC).end for one in there)])
    missing = [span for span in months(begin, known) if month_name(span) not in there]
    # Behind the last month that was added up everything is one span without an end.
    for span in [*missing, Span(known, END)]:
        found += amounts(rows, kind, span, properties)
    return found


def months(first: datetime, end: datetime) -> Iterator[Span]:
    """Each month (UTC) from that of `first` until `end`."""
    span = month_at(first, UTC)
    while span.start < end:
        yield span
        span = month_at(span.end, UTC)


def added_up(rows: Rows) -> set[str]:
    """The months whose totals are there."""
    return {one.month for one in rows.rows("SELECT month FROM totals WHERE kind = :kind", kind=ADDED_UP)}


def first_moment(rows: Rows) -> datetime | None:
    """The oldest at which anything counts."""
    oldest = (
        one.at
        for statement in (
            "SELECT MIN(at) AS at FROM usage",
            "SELECT MIN(authorized_at) AS at FROM dispatches",
            "SELECT MIN(created_at) AS at FROM tickets",
        )
        for one in rows.rows(statement)
    )
    return min((one for one in oldest if one is not None), default=None)


def _models(rows: Rows, span: Span, properties: Sequence[str] | None) -> list[Amount]:
    where, values = _of(properties)
    found = rows.rows(
        f"SELECT property_id, tier, model, SUM({GRAINS}) AS amount FROM usage "  # noqa: S608
        f"WHERE at >= :start AND at < :end {where} GROUP BY property_id, tier, model",
        start=span.start,
        end=span.end,
        **values,
    )
    return [Amount(one.property_id, one.tier, one.model, int(one.amount)) for one in found]


def _vendors(rows: Rows, span: Span, properties: Sequence[str] | None) -> list[Amount]:
    """What was authorised."""
    where, values = _of(properties)
    found = rows.rows(
        f"SELECT property_id, SUM({VENDOR_CENTS}) AS amount FROM dispatches "  # noqa: S608
        f"WHERE authorized_at >= :start AND authorized_at < :end AND authorized AND NOT void {where} "
        "GROUP BY property_id",
        start=span.start,
        end=span.end,
        **values,
    )
    return [Amount(one.property_id, "", "", int(one.amount)) for one in found]


def _tickets(rows: Rows, span: Span, properties: Sequence[str] | None) -> list[Amount]:
    where, values = _of(properties)
    found = rows.rows(
        "SELECT property_id, COUNT(*) AS amount FROM tickets "  # noqa: S608
        f"WHERE created_at >= :start AND created_at < :end {where} GROUP BY property_id",
        start=span.start,
        end=span.end,
        **values,
    )
    return [Amount(one.property_id, "", "", int(one.amount)) for one in found]


def _of(properties: Sequence[str] | None) -> tuple[str, dict[str, Any]]:
    """The condition, and its value."""
    if properties is None:
        return "", {}
    return "AND property_id IN :properties", {"properties": [*properties]}


_FIND: Final[Mapping[Kind, Callable[[Rows, Span, Sequence[str] | None], list[Amount]]]] = {
    "models": _models,
    "vendors": _vendors,
    "tickets": _tickets,
}
