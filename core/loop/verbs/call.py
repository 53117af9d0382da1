"""A verb as somebody wants it, what it works with, and what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from core.actors import OPERATOR, Actor, Reader, worker_of
from core.cards.view import CardDraft
from core.context import Tx
from core.errors import Refused
from core.loop import remembering
from core.loop.pulse import Pulse
from core.store import loop_events

AGAIN: Final = -1
"""The code of an answer that only says: nothing yet, ask again."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One verb as somebody wants it."""

    verb: str
    args: Mapping[str, Any]
    actor: str = "cli"
    worker: str = ""
    """Which worker calls; "": none does."""
    channel: str = "cli"

    @property
    def who(self) -> Actor:
        if self.worker:
            return worker_of(self.worker)
        # By both: somebody of the team may be called so.
        shell = self.actor == self.channel == OPERATOR.channel
        return OPERATOR if shell else Actor(self.actor, self.channel)

    @property
    def told_by(self) -> str:
        return self.worker or self.actor

    def text(self, name: str) -> str:
        return str(self.args.get(name) or "")


@dataclass(frozen=True, slots=True)
class Reply:
    """`code`: 0 done, 1 refused or failed; `out` is the answer alone, `err` a line why. `said`: the same for a person in chat, as a
    sentence of the catalogues with what fills it; None: they are told `out`."""

    code: int = 0
    out: str = ""
    err: str = ""
    said: tuple[str, Mapping[str, str]] | None = None
    refused: Refused | None = None
    card: Callable[[Reader], CardDraft] | None = None
    """For a person in chat, in the place of words."""


Verb = Callable[["Carrier", Asked], Awaitable[Reply]]


class Carrier:
    """What a verb works with."""

    def __init__(self, pulse: Pulse, *, alive: bool) -> None:
        """`alive`: this process beats."""
        self.pulse = pulse
        self.house = pulse.house
        self.alive = alive

    async def note(self, asked: Asked, line: str, *, goal: str = "") -> str:
        """What was done stands in the journal, and is committed."""
        text = asked.text("journal") or line

        def write(tx: Tx) -> str:
            if goal:
                remembering.touch(tx, goal, tx.now)
            return loop_events.journal(tx, asked.told_by, text)

        kept = await self.house.store.write(write)
        await self.pulse.settled(kept)
        return line


def body_of(text: str) -> str:
    if not text.strip():
        raise Refused("text_needed")
    return text
