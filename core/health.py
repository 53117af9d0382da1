"""How each channel is: when it last heard, was pinged, delivered, and what ails it (W9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

from core.clock import Clock

DEAF_AFTER: Final = timedelta(seconds=120)
"""So long may a live connection be silent before it counts as dead."""
MAX_SKEW: Final = timedelta(seconds=60)
FAILING_AFTER: Final = timedelta(minutes=10)
"""So long may a platform fail before somebody is told on another channel (B5)."""


@dataclass
class Health:
    """Kept by the channel and the deliverer, read by /readyz, /status, metrics and the watch."""

    clock: Clock
    last_inbound: datetime | None = None
    last_ping: datetime | None = None
    """None for a channel that holds no connection."""
    last_delivered: datetime | None = None
    trouble: str | None = None
    """One sentence with the cure; never a secret."""
    failing_since: datetime | None = None
    at_once: bool = False
    """The trouble will not pass by itself: tell somebody now."""
    clock_off: float = 0.0
    """Seconds that our clock is ahead of the platform's."""

    def heard(self) -> None:
        self.last_inbound = self.clock.now()

    def pinged(self) -> None:
        self.last_ping = self.clock.now()

    def delivered(self) -> None:
        self.last_delivered = self.clock.now()
        self.well()

    def failing(self, trouble: str, *, at_once: bool = False) -> None:
        self.trouble, self.at_once = trouble, at_once
        self.failing_since = self.failing_since or self.clock.now()

    def well(self) -> None:
        self.trouble, self.failing_since, self.at_once = None, None, False

    def shift(self, by: timedelta) -> None:
        """The wall clock was set by so much: nothing is silent or fails for longer than it did."""
        for name in ("last_inbound", "last_ping", "last_delivered", "failing_since"):
            at = getattr(self, name)
            if at is not None:
                setattr(self, name, at + by)

    def saw_date(self, header: str | None) -> None:
        """A platform's Date header. A clock that is minutes wrong makes every signature look stale (B18)."""
        try:
            theirs = parsedate_to_datetime(header or "")
        except (TypeError, ValueError):
            return
        if theirs.tzinfo is not None:
            self.clock_off = (self.clock.now() - theirs).total_seconds()

    @property
    def clock_is_wrong(self) -> bool:
        return abs(self.clock_off) > MAX_SKEW.total_seconds()

    @property
    def ailment(self) -> str | None:
        """What to tell a person; None while all is well."""
        if self.trouble:
            return self.trouble
        if self.clock_is_wrong:
            return f"this machine's clock is {self.clock_off:+.0f} s off: set it (NTP)"
        return "no sign of life for two minutes" if self.deaf else None

    @property
    def deaf(self) -> bool:
        """A connection that should hear pings has heard none for too long."""
        return self.last_ping is not None and self.clock.now() - self.last_ping > DEAF_AFTER

    @property
    def worrying(self) -> bool:
        """Bad for long enough, or surely for good."""
        since = self.failing_since
        return (
            self.deaf
            or self.clock_is_wrong
            or (since is not None and (self.at_once or self.clock.now() - since >= FAILING_AFTER))
        )

    def to_json(self) -> dict[str, Any]:
        def iso(moment: datetime | None) -> str | None:
            return moment.isoformat() if moment else None

        return {
            "state": "degraded" if self.ailment else "up",
            "last_inbound": iso(self.last_inbound),
            "last_ping": iso(self.last_ping),
            "last_delivered": iso(self.last_delivered),
            **({"trouble": self.ailment} if self.ailment else {}),
        }
