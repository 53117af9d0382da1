"""Feeds as three large platforms send them, with the days that a test wants."""

from __future__ import annotations

from collections.abc import Sequence

Entry = tuple[str, str, str]
"""(first day, day of leaving, words), the days as YYYYMMDD."""


def airbnb(*entries: Entry, uid: str = "a") -> str:
    """Folded lines, whole days, ids that are another with each fetch."""
    lines = [
        "BEGIN:VCALENDAR",
        "PRODID;X-RICAL-TZSOURCE=TZINFO:-//Airbnb Inc//Hosting Calendar 0.8.8//EN",
        "CALSCALE:GREGORIAN",
        "VERSION:2.0",
    ]
    for number, (start, end, words) in enumerate(entries):
        lines += [
            "BEGIN:VEVENT", f"DTEND;VALUE=DATE:{end}", f"DTSTART;VALUE=DATE:{start}",
            f"UID:{uid}{number}--7f662ec65913-6f1f1e9b3f8b@airbnb.com",
            "DESCRIPTION:Reservation URL: https://www.airbnb.com/hosting/reservations/de\r\n tails/HM4XXXXXXX\\nPhone Number (Last 4 Digits): 1234",
            f"SUMMARY:{words}", "END:VEVENT",
        ]  # fmt: skip
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def booking(*entries: Entry) -> str:
    """One and the same words for bookings and blocks."""
    lines = ["BEGIN:VCALENDAR", "PRODID:-//ical.booking.com//Booking.com//", "METHOD:PUBLISH", "VERSION:2.0"]
    for number, (start, end, _) in enumerate(entries):
        lines += [
            "BEGIN:VEVENT", f"DTSTART;VALUE=DATE:{start}", f"DTEND;VALUE=DATE:{end}", "DTSTAMP:20261101T000000Z",
            f"UID:{number}d3f@booking.com", "SUMMARY:CLOSED - Not available", "END:VEVENT",
        ]  # fmt: skip
    return "\n".join([*lines, "END:VCALENDAR"])


def vrbo(*entries: Entry, cancelled: Sequence[int] = ()) -> str:
    """Days as moments at midnight UTC, cancelled entries that stay."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//HomeAway.com, Inc.//EN"]
    for number, (start, end, words) in enumerate(entries):
        lines += [
            "BEGIN:VEVENT",
            f"UID:{number}@vrbo",
            f"DTSTART:{start}T000000Z",
            f"DTEND:{end}T000000Z",
            f"SUMMARY:{words}",
        ]
        lines += ["STATUS:CANCELLED"] if number in cancelled else []
        lines += ["END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR"])
