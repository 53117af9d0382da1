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


_shift = timedelta()


def shift_by(seconds: float) -> None:
    """Let this process live so much later (or earlier): for playing what takes months. Set once, before anything asks."""
    global _shift  # noqa: PLW0603  (one clock per process, and parsers of vendors' stamps are functions)
    _shift = timedelta(seconds=seconds)


def shifted() -> timedelta:
    return _shift


def stamped(seconds: float) -> datetime:
    """What a vendor (or the disk) stamped, seconds since 1970 by the host's clock, as a moment of ours."""
    return datetime.fromtimestamp(seconds, UTC) + _shift


def host_seconds(moment: datetime) -> float:
    """A moment of ours by the host's clock, as vendors, signatures and the disk know it."""
    return (moment - _shift).timestamp()


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC) + _shift

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
