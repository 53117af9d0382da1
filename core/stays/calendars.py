"""A reservation feed (iCalendar) as stays. Pure. What the large platforms really send is known here:

whole days without a time, of which the last is the day of leaving; "Reserved" beside "Not available" (Airbnb), "CLOSED - Not
available" for bookings and blocks alike (Booking.com), "Reserved - NAME" beside "Blocked" (Vrbo); ids that change from one fetch to
the next; the same nights once more in the feed of every other platform; cancelled entries that stay."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from core.errors import LoopOSError
from core.model import StayKind

BACK: Final = timedelta(days=2)
AHEAD: Final = timedelta(days=90)
MAX_EVENTS: Final = 2000
"""Entries of a feed."""
_BLOCKED: Final = re.compile(
    r"\b(?:blocked|not available|unavailable|owner|maintenance)\b|封鎖|不可用", re.IGNORECASE
)
_UNSURE: Final = re.compile(r"\bclosed\b", re.IGNORECASE)
_RANK: Final = {"guest": 2, "perhaps": 1, "blocked": 0}


class BadCalendar(LoopOSError):
    """What a feed sent is no calendar; the text says why, and never its address."""


@dataclass(frozen=True, slots=True)
class Stay:
    """From check-in to check-out, aware, in UTC."""

    starts: datetime
    ends: datetime
    kind: StayKind


def read(data: bytes, zone: ZoneInfo, check_in: time, check_out: time, now: datetime) -> list[Stay]:
    """What lies between BACK and AHEAD, by time. Raises BadCalendar."""
    import icalendar
    import recurring_ical_events

    if b"BEGIN:VCALENDAR" not in data[:4096].upper():
        raise BadCalendar("it is no calendar")
    if b"END:VCALENDAR" not in data[-4096:].upper():
        raise BadCalendar("it breaks off")  # what is missing is no cancellation
    try:
        calendar = icalendar.Calendar.from_ical(data)
        # Without a day an entry says nothing, and one of those would cost all the others.
        calendar.subcomponents = [
            one for one in calendar.subcomponents if one.name != "VEVENT" or "DTSTART" in one
        ]
        events = recurring_ical_events.of(calendar, skip_bad_series=True).between(now - BACK, now + AHEAD)
    except Exception as error:  # each of the two libraries has its own
        raise BadCalendar(f"it does not parse ({type(error).__name__})") from None
    found = []
    for event in events[:MAX_EVENTS]:
        stay = _stay(event, zone, check_in, check_out)
        if stay is not None:
            found.append(stay)
    return merged(found)


def _stay(event: Any, zone: ZoneInfo, check_in: time, check_out: time) -> Stay | None:
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return None
    summary = str(event.get("SUMMARY", ""))
    if summary.casefold().startswith(("canceled", "cancelled")):
        return None
    try:
        begins, ends = event.start, event.end
    except Exception:  # an entry without a beginning is nobody's stay
        return None
    if _is_midnight(begins) and _is_midnight(ends):  # a day, written as a moment
        begins, ends = begins.date(), ends.date()
    if not isinstance(begins, datetime) and begins == ends:
        ends = begins + timedelta(days=1)
    starts, over = _moment(begins, zone, check_in), _moment(ends, zone, check_out)
    if starts is None or over is None or over <= starts:
        return None
    return Stay(starts, over, kind_of(summary))


def _is_midnight(moment: Any) -> bool:
    return (
        isinstance(moment, datetime)
        and moment.time() == time(0)
        and moment.utcoffset() in {None, timedelta(0)}
    )


def _moment(value: date | datetime, zone: ZoneInfo, at: time) -> datetime | None:
    try:
        if isinstance(value, datetime):
            local = value if value.tzinfo is not None else value.replace(tzinfo=zone)
        else:
            local = datetime.combine(value, at, zone)
        return local.astimezone(UTC)
    except (OverflowError, ValueError):
        return None


def kind_of(summary: str) -> StayKind:
    """By its words: a guest, somebody's block, or one of both (Booking.com says the same of either)."""
    if _UNSURE.search(summary):
        return "perhaps"
    return "blocked" if _BLOCKED.search(summary) else "guest"


def merged(stays: Iterable[Stay]) -> list[Stay]:
    """The same nights once, as what is known best of them; by time. A block that another platform's guest explains is gone."""
    by_nights: dict[tuple[date, date], Stay] = {}
    for one in stays:
        key = (one.starts.date(), one.ends.date())
        known = by_nights.get(key)
        if known is None or _RANK[one.kind] > _RANK[known.kind]:
            by_nights[key] = one
    return sorted(by_nights.values(), key=lambda one: (one.starts, one.ends))


def guests(stays: Sequence[Stay]) -> list[Stay]:
    """Those in which somebody may be there."""
    return [one for one in stays if one.kind != "blocked"]
