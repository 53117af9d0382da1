"""Keeping below a platform's limits, and leaving it in peace after a failure."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Final

from aiolimiter import AsyncLimiter

LONGEST: Final = 60.0
"""Seconds between two attempts, at most."""
_MANY: Final = 256
"""So many conversations may be remembered before the idle ones are forgotten."""


def rate_limiter(most: float, period: float) -> AsyncLimiter:
    """At most `most` calls in `period` seconds. Less than one call is one call in so much longer: a bucket that holds
    less than one lets nothing through, ever."""
    return AsyncLimiter(max(most, 1.0), period / min(most, 1.0))


class Limits:
    """A limiter of `most` calls in `period` seconds for each conversation."""

    def __init__(self, most: float, period: float) -> None:
        self._most, self._period = most, period
        self._known: dict[str, AsyncLimiter] = {}

    def __len__(self) -> int:
        return len(self._known)

    async def acquire(self, conversation: str) -> None:
        """Wait for this conversation's turn."""
        limiter = self._known.get(conversation)
        if limiter is None:
            if len(self._known) >= _MANY:
                # One that could let everything through is as good as new.
                busy = {key: one for key, one in self._known.items() if not one.has_capacity(one.max_rate)}
                self._known = busy
            limiter = self._known[conversation] = rate_limiter(self._most, self._period)
        await limiter.acquire()


class Backoff:
    """1, 2, 4 .. 60 s, each up to a fifth shorter so that not everything comes back at once; anew after a success."""

    def __init__(self, first: float = 1.0) -> None:
        self.first = first
        """Seconds."""
        self.failures = 0

    def next(self) -> timedelta:
        wait = min(LONGEST, self.first * 2.0**self.failures)
        self.failures = min(self.failures + 1, 7)
        return timedelta(seconds=wait * random.uniform(0.8, 1.0))  # noqa: S311

    def reset(self) -> None:
        self.failures = 0
