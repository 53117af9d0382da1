"""What the reservations mean for a repair at this moment. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from core.stays.calendars import Stay, guests

IMMINENT: Final = timedelta(hours=24)
"""A check-in within this time is one to hurry for."""


@dataclass(frozen=True, slots=True)
class GuestClock:
    leaves: datetime | None = None
    """Of whoever is there now; None: nobody is."""
    arrives: datetime | None = None
    """The next check-in, within IMMINENT."""
    done_by: datetime | None = None
    """Until then a repair must be done, so that the cleaner has their time."""

    @property
    def imminent(self) -> bool:
        return self.arrives is not None

    def too_late(self, now: datetime, answers_within: timedelta) -> bool:
        """Whoever needs so long comes after that."""
        return self.done_by is not None and now + answers_within > self.done_by

    def facts(self, cleaner_minutes: int) -> dict[str, Any]:
        """As a ticket keeps it: what its card is computed from."""
        found: dict[str, Any] = {}
        if self.leaves is not None:
            found["check_out"] = self.leaves.isoformat()
        if self.arrives is not None and self.done_by is not None:
            found |= {
                "check_in": self.arrives.isoformat(),
                "done_by": self.done_by.isoformat(),
                "cleaner_minutes": cleaner_minutes,
            }
        return found


def clock_at(stays: Sequence[Stay], now: datetime, cleaner_minutes: int) -> GuestClock:
    there = next((one for one in guests(stays) if one.starts <= now < one.ends), None)
    coming = next((one for one in guests(stays) if one.starts > now), None)
    if coming is None or coming.starts - now > IMMINENT:
        return GuestClock(there.ends if there is not None else None)
    return GuestClock(
        there.ends if there is not None else None,
        coming.starts,
        coming.starts - timedelta(minutes=cleaner_minutes),
    )
