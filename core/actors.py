"""Who acts, and who reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from core.i18n import Words
from core.model import SYSTEM


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and on which channel (None: the service itself)."""

    person_id: str
    channel: str | None


LOOPOS: Final = Actor(SYSTEM, None)
ROUTINE: Final = Actor(SYSTEM, "skill")
"""LoopOS as an approved skill bids it: every step passes the table of acts like a person's."""


OPERATOR: Final = Actor("operator", "cli")
"""Whoever has a shell on the home, and names nobody of the team: the machine is theirs, and with it the control loop."""

WORKER: Final = "worker"
"""The channel of an act by a worker of the control loop."""


def worker_of(worker_id: str) -> Actor:
    """A worker as an actor: its name is never that of a person."""
    return Actor(f"{WORKER}:{worker_id}"[:60], WORKER)


@dataclass(frozen=True, slots=True)
class Reader:
    """To whom something is said."""

    person_id: str | None
    words: Words

    @property
    def language(self) -> str:
        return self.words.language
