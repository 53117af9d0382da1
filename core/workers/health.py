"""How a worker is, as everybody is told. Pure."""

from __future__ import annotations

from typing import Final, Literal

Health = Literal["busy", "waiting-ask", "stuck", "dead"]
LIVE: Final = frozenset({"starting", "running"})


def health(*, alive: bool, asks: bool, idle: float | None, stuck_after: float) -> Health:
    """`asks`: a question of its waits for an answer; `idle`: seconds since it last printed something, None: unknown;
    `stuck_after`: seconds, 0: never."""
    if not alive:
        return "dead"
    if asks:
        return "waiting-ask"
    if idle is not None and stuck_after and idle >= stuck_after:
        return "stuck"
    return "busy"
