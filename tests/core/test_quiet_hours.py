"""Quiet hours over midnight, weekends and clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.company.schema import Person, QuietHours
from core.company.types import DAYS
from core.dispatch.quiet_hours import is_quiet, next_working_moment

ZONES = [
    "Asia/Taipei",
    "Asia/Tokyo",
    "America/Los_Angeles",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
]


def person(zone: str, *spans: tuple[str, str] | tuple[str, str, list[str]]) -> Person:
    quiet = [{"start": s[0], "end": s[1], **({"days": s[2]} if len(s) == 3 else {})} for s in spans]
    return Person.model_validate(
        {"id": "p", "name": "P", "role": "ops", "languages": ["en"], "timezone": zone, "quiet_hours": quiet}
    )


def local(zone: str, text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def test_a_routine_page_at_night_waits_for_the_morning_and_a_danger_does_not() -> None:
    shirley = person("Asia/Taipei", ("23:00", "07:30"))
    night = local("Asia/Taipei", "2026-11-21T02:00")
    assert next_working_moment(shirley, night, 2) == local("Asia/Taipei", "2026-11-21T07:30")
    assert next_working_moment(shirley, night, 4) == night
    before_midnight = local("Asia/Taipei", "2026-11-20T23:30")
    assert next_working_moment(shirley, before_midnight, 3) == local("Asia/Taipei", "2026-11-21T07:30")
    assert next_working_moment(shirley, local("Asia/Taipei", "2026-11-21T07:30"), 2) == local(
        "Asia/Taipei", "2026-11-21T07:30"
    )


def test_a_weekend_off_is_two_spans_that_touch() -> None:
    off = person("Asia/Tokyo", ("00:00", "00:00", ["sat", "sun"]))
    assert next_working_moment(off, local("Asia/Tokyo", "2026-11-21T10:00"), 1) == local(
        "Asia/Tokyo", "2026-11-23T00:00"
    )
    assert not is_quiet(off, local("Asia/Tokyo", "2026-11-23T10:00"))


def test_the_night_of_a_clock_change_ends_at_the_wall_clocks_seven() -> None:
    ben = person("America/Los_Angeles", ("22:00", "07:00"))
    for day in ("2026-03-08", "2026-11-01"):
        night = local("America/Los_Angeles", f"{day}T00:30")
        assert next_working_moment(ben, night, 2) == local("America/Los_Angeles", f"{day}T07:00").astimezone(
            UTC
        )


NIGHT = [("23:00", "07:30")]
LUNCH = [("12:00", "13:00")]
MONDAYS = [("23:00", "07:30", ["mon"])]
WHOLE_DAY = [("09:00", "09:00", ["mon"])]
TOUCHING = [("12:00", "13:00"), ("13:00", "14:30")]
OVERLAPPING = [("12:00", "14:00"), ("13:00", "13:30"), ("12:30", "15:00")]


@pytest.mark.parametrize(
    ("spans", "now", "told"),
    [
        ([], "2026-11-20T03:00", "2026-11-20T03:00"),
        (NIGHT, "2026-11-20T22:59", "2026-11-20T22:59"),
        (NIGHT, "2026-11-20T23:00", "2026-11-21T07:30"),
        (NIGHT, "2026-11-20T23:59", "2026-11-21T07:30"),
        (NIGHT, "2026-11-21T00:00", "2026-11-21T07:30"),
        (NIGHT, "2026-11-21T07:29:59", "2026-11-21T07:30"),
        (NIGHT, "2026-11-21T07:30", "2026-11-21T07:30"),
        (LUNCH, "2026-11-20T11:59:59", "2026-11-20T11:59:59"),
        (LUNCH, "2026-11-20T12:00", "2026-11-20T13:00"),
        (LUNCH, "2026-11-20T12:59:59", "2026-11-20T13:00"),
        (LUNCH, "2026-11-20T13:00", "2026-11-20T13:00"),
        (LUNCH, "2026-11-20T00:30", "2026-11-20T00:30"),
        # 23 November 2026 is a Monday.
        (MONDAYS, "2026-11-22T23:30", "2026-11-22T23:30"),
        (MONDAYS, "2026-11-23T05:00", "2026-11-23T05:00"),
        (MONDAYS, "2026-11-23T23:30", "2026-11-24T07:30"),
        (MONDAYS, "2026-11-24T05:00", "2026-11-24T07:30"),
        (MONDAYS, "2026-11-24T23:30", "2026-11-24T23:30"),
        (WHOLE_DAY, "2026-11-23T08:59", "2026-11-23T08:59"),
        (WHOLE_DAY, "2026-11-23T09:00", "2026-11-24T09:00"),
        (WHOLE_DAY, "2026-11-24T08:59", "2026-11-24T09:00"),
        (WHOLE_DAY, "2026-11-24T09:00", "2026-11-24T09:00"),
        (TOUCHING, "2026-11-20T12:30", "2026-11-20T14:30"),
        (TOUCHING, "2026-11-20T13:00", "2026-11-20T14:30"),
        (OVERLAPPING, "2026-11-20T12:10", "2026-11-20T15:00"),
        (OVERLAPPING, "2026-11-20T13:10", "2026-11-20T15:00"),
        ([("12:00", "13:00", [])], "2026-11-20T12:30", "2026-11-20T12:30"),
    ],
)
@pytest.mark.parametrize("zone", ["Asia/Taipei", "America/Los_Angeles", "Asia/Kathmandu"])
def test_a_quiet_span_holds_its_beginning_and_not_its_end_in_the_persons_zone(
    zone: str, spans: list[Any], now: str, told: str
) -> None:
    one = person(zone, *spans)
    moment = local(zone, now)
    answer = next_working_moment(one, moment, 3)
    assert answer == local(zone, told)
    assert answer.tzinfo is UTC
    assert is_quiet(one, moment) == (now != told)


@pytest.mark.parametrize(("severity", "waits"), [(1, True), (2, True), (3, True), (4, False), (5, False)])
def test_from_severity_four_on_nobody_is_let_sleep(severity: int, waits: bool) -> None:
    night = local("Asia/Taipei", "2026-11-20T23:30")
    answer = next_working_moment(person("Asia/Taipei", *NIGHT), night, severity)
    assert (answer > night) == waits
    assert answer.tzinfo is UTC


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ("2026-11-25T10:00", "2026-12-03T00:00"),
        ("2026-11-25T00:00", "2026-12-02T00:00"),
    ],
)
def test_whoever_is_never_awake_is_told_after_a_week(now: str, told: str) -> None:
    never = person("Asia/Taipei", ("00:00", "00:00"))
    assert next_working_moment(never, local("Asia/Taipei", now), 3) == local("Asia/Taipei", told)


@pytest.mark.parametrize(
    ("now_utc", "told_utc"),
    [
        # America/Los_Angeles: at 2 the clock goes to 3 on 8 March 2026, and back to 1 on 1 November.
        ("2026-03-08T09:59", "2026-03-08T09:59"),
        ("2026-03-08T10:30", "2026-03-08T12:00"),
        ("2026-11-01T08:30", "2026-11-01T08:30"),
        ("2026-11-01T09:30", "2026-11-01T09:30"),
        ("2026-11-01T10:30", "2026-11-01T13:00"),
        ("2026-07-01T09:30", "2026-07-01T12:00"),
    ],
)
def test_on_the_day_of_a_clock_change_the_wall_clock_counts(now_utc: str, told_utc: str) -> None:
    early = person("America/Los_Angeles", ("02:00", "05:00"))
    now, told = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in (now_utc, told_utc))
    assert next_working_moment(early, now, 2) == told


times = st.times().map(lambda t: time(t.hour, t.minute))
spans = st.builds(QuietHours, start=times, end=times, days=st.lists(st.sampled_from(DAYS), unique=True))


@given(
    st.sampled_from(ZONES),
    st.lists(spans, max_size=3),
    st.datetimes(min_value=datetime(2026, 1, 1), max_value=datetime(2027, 12, 31)),  # noqa: DTZ001
    st.integers(1, 5),
)
def test_the_answer_is_never_early_never_quiet_and_never_weeks_away(
    zone: str, quiet: list[QuietHours], moment: datetime, severity: int
) -> None:
    one = person(zone).model_copy(update={"quiet_hours": quiet})
    now = moment.replace(tzinfo=UTC)
    answer = next_working_moment(one, now, severity)
    assert answer >= now
    if severity >= 4:
        assert answer == now
    elif answer - now < timedelta(days=7):
        assert not is_quiet(one, answer)
