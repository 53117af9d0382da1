"""What is done where nobody thinks: the house's own readings, by rule. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.loop.brief import PendingAsk
from core.loop.moves import Move, Noop
from core.loop.world import World

SETUP: Final = "How does this company work? A few questions with buttons, then a PLAYBOOK that you confirm."


def decide(world: World, changed: Sequence[str], asks: Sequence[PendingAsk]) -> Move:
    return Noop(action="noop", reason="nothing that the reflexes know")
