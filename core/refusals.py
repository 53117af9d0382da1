"""What was refused, counted for /metrics: a process-wide tally, as metrics are."""

from __future__ import annotations

from collections import Counter
from typing import Final

REFUSED: Final[Counter[tuple[str, str]]] = Counter()
"""(where, why) -> how often, since the process started."""


def refused(where: str, why: str) -> None:
    REFUSED[where, why] += 1
