"""Named places where the process may be made to die, so that recovery is tested where it hurts.

The kill test reaches each of them (P2). Unarmed, `reach` is one comparison."""

from __future__ import annotations

import os
import signal
from typing import Final

POINTS: Final = (
    "before_commit",
    "committed_unacknowledged",
    "claimed",
    "model_answered",
    "decided",
    "before_send",
    "sent_unrecorded",
    "timer_marked",
)

_armed: dict[str, int] = {}


def arm(point: str, after: int = 1) -> None:
    """Die by SIGKILL when `point` is reached for the `after`th time."""
    if point not in POINTS:
        raise ValueError(f"no crash point named {point!r}; there are {', '.join(POINTS)}")
    _armed[point] = after


def reach(point: str) -> None:
    if not _armed:
        return
    left = _armed.get(point)
    if left is None:
        return
    if left <= 1:
        os.kill(os.getpid(), signal.SIGKILL)
    _armed[point] = left - 1
