"""The one place that asks what time it is, and how much of it has passed."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Protocol

JUMP: Final = timedelta(minutes=1)
"""Beyond this the wall clock was set; the small steps of NTP are followed and change nothing."""
_PASSED: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux's monotonic clock stands still while the machine sleeps, and would make a jump of every sleep."""


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, aware, UTC."""


class TwoHands(Clock, Protocol):
    def passed(self) -> timedelta:
        """The time that really passed since some moment, whatever the wall clock was set to meanwhile."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def passed(self) -> timedelta:
        return timedelta(seconds=time.clock_gettime(_PASSED))


class Reading(NamedTuple):
    """Both hands at one moment."""

    wall: datetime
    passed: timedelta


def read(clock: TwoHands) -> Reading:
    return Reading(clock.now(), clock.passed())


def jump(before: Reading, after: Reading) -> timedelta:
    """By how much the wall clock was set between two readings, below zero where it was set back."""
    parted = (after.wall - before.wall) - (after.passed - before.passed)
    return parted if abs(parted) > JUMP else timedelta(0)


class SteadyClock:
    """The wall clock as of its making, carried on by the time that really passes: for waits in memory, which nobody who
    sets the clock may shorten or lengthen."""

    def __init__(self, clock: TwoHands) -> None:
        self._clock = clock
        self._begun = read(clock)

    def now(self) -> datetime:
        return self._begun.wall + self._clock.passed() - self._begun.passed
