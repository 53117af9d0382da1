"""A provider that keeps failing is left alone for a while, so that nobody waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from core.clock import Clock

FAILURES: Final = 3
REST: Final = timedelta(seconds=30)


@dataclass
class Breaker:
    """Closed; open after FAILURES in a row, for REST, or at once where an operator must act; then one caller may try,
    and what happens to that one decides."""

    clock: Clock
    detail: str = ""
    """What went wrong last; "" since the last success."""
    _failures: int = 0
    _open_until: datetime | None = None
    _probing: bool = False

    @property
    def open(self) -> bool:
        """Nobody may ask now."""
        if self._open_until is None:
            return False
        return self._probing or self.clock.now() < self._open_until

    def enter(self) -> bool:
        """Whether the caller may ask. One who may says afterwards how it went: well, failed, shut or left."""
        if self.open:
            return False
        self._probing = self._open_until is not None
        return True

    def well(self) -> None:
        self.detail, self._failures, self._open_until, self._probing = "", 0, None, False

    def failed(self, reason: str) -> None:
        self.detail = reason
        self._failures += 1
        if self._probing or self._failures >= FAILURES:
            self._open(REST)

    def shut(self, reason: str, rest: timedelta) -> None:
        self.detail = reason
        self._open(rest)

    def left(self) -> None:
        """The caller went away without learning anything: the next one may try."""
        self._probing = False

    def _open(self, rest: timedelta) -> None:
        self._open_until = self.clock.now() + rest
        self._probing = False

    @property
    def state(self) -> Literal["ok", "degraded", "down"]:
        if self._open_until is not None:
            return "down"
        return "degraded" if self.detail else "ok"
