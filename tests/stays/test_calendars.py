"""Reservation feeds, as the platforms really send them."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.stays.calendars import BadCalendar, Stay, read
from core.stays.guest_clock import clock_at
from tests.stays.feeds import airbnb, booking, vrbo

TAIPEI = ZoneInfo("Asia/Taipei")
NOW = datetime(2026, 11, 20, 4, tzinfo=UTC)  # noon in Taipei


def stays(*feeds: str) -> list[Stay]:
    return [one for feed in feeds for one in read(feed.encode(), TAIPEI, time(15), time(11), NOW)]


def local(moment: datetime) -> str:
    return moment.astimezone(TAIPEI).strftime("%m-%d %H:%M")


def told(*feeds: str) -> list[tuple[str, str, str]]:
    return [(local(one.starts), local(one.ends), one.kind) for one in stays(*feeds)]


def test_a_whole_day_is_check_in_to_check_out_by_the_propertys_clock() -> None:
    feed = airbnb(("20261120", "20261123", "Reserved"), ("20261123", "20261125", "Airbnb (Not available)"))
    assert told(feed) == [("11-20 15:00", "11-23 11:00", "guest"), ("11-23 15:00", "11-25 11:00", "blocked")]


def test_booking_says_the_same_of_guests_and_blocks() -> None:
    assert told(booking(("20261121", "20261122", ""))) == [("11-21 15:00", "11-22 11:00", "perhaps")]


def test_days_written_as_moments_and_what_was_cancelled() -> None:
    feed = vrbo(
        ("20261121", "20261124", "Reserved - Kim"),
        ("20261124", "20261126", "Blocked"),
        ("20261126", "20261128", "Reserved - Lee"),
        cancelled=[2],
    )
    assert told(feed) == [("11-21 15:00", "11-24 11:00", "guest"), ("11-24 15:00", "11-26 11:00", "blocked")]


def test_another_id_is_no_other_stay() -> None:
    days = ("20261120", "20261123", "Reserved")
    assert stays(airbnb(days, uid="x")) == stays(airbnb(days, uid="y"))
    assert len(stays(airbnb(days, days))) == 1


def test_times_zones_and_series() -> None:
    feed = "\r\n".join(
        [
            "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:x",
            "BEGIN:VEVENT", "UID:1", "DTSTART;TZID=Asia/Tokyo:20261121T160000", "DTEND;TZID=Asia/Tokyo:20261123T100000", "SUMMARY:Guest", "END:VEVENT",
            "BEGIN:VEVENT", "UID:2", "DTSTART:20261124T140000", "DTEND:20261125T100000", "SUMMARY:Guest", "END:VEVENT",
            "BEGIN:VEVENT", "UID:3", "DTSTART;VALUE=DATE:20261201", "DTEND;VALUE=DATE:20261202", "RRULE:FREQ=WEEKLY;COUNT=3", "SUMMARY:Owner", "END:VEVENT",
            "BEGIN:VEVENT", "UID:4", "SUMMARY:no day at all", "END:VEVENT",
            "BEGIN:VEVENT", "UID:5", "DTSTART;VALUE=DATE:20261220", "SUMMARY:one night", "END:VEVENT",
            "BEGIN:VEVENT", "UID:6", "DTSTART;VALUE=DATE:20261230", "DTEND;VALUE=DATE:20261229", "SUMMARY:backwards", "END:VEVENT",
            "BEGIN:VEVENT", "UID:7", "DTSTART;VALUE=DATE:20361230", "DTEND;VALUE=DATE:20361231", "SUMMARY:in ten years", "END:VEVENT",
            "END:VCALENDAR",
        ]
    )  # fmt: skip
    assert told(feed) == [
        ("11-21 15:00", "11-23 09:00", "guest"),
        ("11-24 14:00", "11-25 10:00", "guest"),
        ("12-01 15:00", "12-02 11:00", "blocked"),
        ("12-08 15:00", "12-09 11:00", "blocked"),
        ("12-15 15:00", "12-16 11:00", "blocked"),
        ("12-20 15:00", "12-21 11:00", "guest"),
        ("12-29 15:00", "12-30 11:00", "guest"),
    ]


@pytest.mark.parametrize(
    "data",
    [b"", b"<html>Sign in</html>", b"\xff\xfe\x00", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT", b"{}", b"BEGIN:VCALENDAR\nEND:VEVENT"],
)  # fmt: skip
def test_what_is_no_calendar_says_so(data: bytes) -> None:
    with pytest.raises(BadCalendar):
        read(data, TAIPEI, time(15), time(11), NOW)


def test_an_empty_calendar_is_nobody() -> None:
    assert stays(airbnb()) == []


@pytest.mark.parametrize(
    ("now", "inside", "arrives", "done_by"),
    [
        ("2026-11-19 14:00", None, None, None),
        ("2026-11-19 15:30", None, "11-20 15:00", "11-20 13:30"),
        ("2026-11-20 12:00", None, "11-20 15:00", "11-20 13:30"),
        ("2026-11-20 15:00", "11-22 11:00", None, None),
        ("2026-11-22 10:00", "11-22 11:00", "11-22 15:00", "11-22 13:30"),
        ("2026-11-22 12:00", None, "11-22 15:00", "11-22 13:30"),
        ("2026-11-25 12:00", None, None, None),
    ],
)
def test_the_guest_clock(now: str, inside: str | None, arrives: str | None, done_by: str | None) -> None:
    feed = airbnb(("20261120", "20261122", "Reserved"), ("20261122", "20261123", "Reserved"), ("20261126", "20261127", "Not available"))  # fmt: skip
    at = datetime.strptime(now, "%Y-%m-%d %H:%M").replace(tzinfo=TAIPEI)
    clock = clock_at(stays(feed), at, 90)
    said = tuple(
        local(one) if one is not None else None for one in (clock.leaves, clock.arrives, clock.done_by)
    )
    assert said == (inside, arrives, done_by)
    assert clock.imminent is (arrives is not None)


def test_who_is_too_late() -> None:
    clock = clock_at(stays(airbnb(("20261120", "20261122", "Reserved"))), NOW, 90)
    assert clock.too_late(NOW, timedelta(hours=4))
    assert not clock.too_late(NOW, timedelta(hours=1))
    assert not clock_at([], NOW, 90).too_late(NOW, timedelta(days=9))
