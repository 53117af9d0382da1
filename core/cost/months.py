"""Days, weeks and months as a place lives them. Pure; moments are aware."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final, Literal, get_args

Period = Literal["today", "week", "month", "all"]
PERIODS: Final[tuple[Period, ...]] = get_args(Period)
_MONTH: Final = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` until right before `end`."""

    start: datetime
    end: datetime

    def __contains__(self, moment: datetime | None) -> bool:
        return moment is not None and self.start <= moment < self.end


def month_at(moment: datetime, zone: tzinfo) -> Span:
    """The local month in which `moment` lies."""
    local = moment.astimezone(zone)
    return _month(local.year, local.month, zone)


def month_named(name: str, zone: tzinfo) -> Span:
    """The local month `2026-11`. Raises ValueError."""
    match = _MONTH.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is not a month such as 2026-11")
    return _month(int(match[1]), int(match[2]), zone)


def _month(year: int, month: int, zone: tzinfo) -> Span:
    start = datetime(year, month, 1, tzinfo=zone)
    end = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=zone)
    return Span(start, end)


def month_name(span: Span) -> str:
    return f"{span.start:%Y-%m}"


def span_of(period: Literal["today", "week", "month"], now: datetime, zone: tzinfo) -> Span:
    """The day, the week from Monday on, or the month around `now`."""
    if period == "month":
        return month_at(now, zone)
    local = now.astimezone(zone)
    midnight = datetime(local.year, local.month, local.day, tzinfo=zone)
    # Days are added on the wall clock: where summer time ends a day has 25 hours.
    start = midnight - timedelta(days=midnight.weekday() if period == "week" else 0)
    return Span(start, start + timedelta(days=7 if period == "week" else 1))
