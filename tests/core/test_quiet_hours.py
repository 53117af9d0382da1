"""Quiet hours over midnight, weekends and clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from core.company.schema import DAYS, Person, QuietHours
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
