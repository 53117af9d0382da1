"""Quiet hours in each person's own zone, with weekdays, over midnight and over clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.company.schema import Person, QuietHours
from core.company.types import DAYS
from core.model import URGENT


def next_working_moment(person: Person, now: datetime, severity: int) -> datetime:
    """The first moment from `now` on (aware) at which `person` may be told, in UTC."""
    moment = now.astimezone(UTC)
    if severity >= URGENT:
        return moment
    # Spans may touch: leave one, look whether the next has begun. Whoever is never awake is told after a week.
    latest = moment + timedelta(days=7)
    while moment < latest:
        end = _quiet_until(person, moment)
        if end is None:
            return moment
        moment = end
    return moment


def is_quiet(person: Person, now: datetime) -> bool:
    return _quiet_until(person, now.astimezone(UTC)) is not None


def _quiet_until(person: Person, moment: datetime) -> datetime | None:
    """The end of the quiet span that holds `moment`, or None."""
    ends = [end for quiet in person.quiet_hours if (end := _span_end(quiet, person, moment)) is not None]
    return max(ends, default=None)


def _span_end(quiet: QuietHours, person: Person, moment: datetime) -> datetime | None:
    local = moment.astimezone(person.zone)
    # A span that holds this moment began today or, over midnight, yesterday.
    for back in (0, 1):
        day = local.date() - timedelta(days=back)
        if DAYS[day.weekday()] not in quiet.days:
            continue
        start = datetime.combine(day, quiet.start, person.zone)
        last = day if quiet.end > quiet.start else day + timedelta(days=1)
        end = datetime.combine(last, quiet.end, person.zone)
        # Compared in UTC: aware datetimes of one zone would compare by wall clock and lose the hour of a
        # clock change.
        if start.astimezone(UTC) <= moment < end.astimezone(UTC):
            return end.astimezone(UTC)
    return None
