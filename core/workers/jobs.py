"""Jobs that a founder can switch on: a goal for who decides, and the brief of the worker that does it. They lie in data/jobs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from core.i18n import N_

FOLDER: Final = Path(__file__).parents[2] / "data" / "jobs"
PREFIX: Final = "job:"
_BREAK: Final = "\n--- worker ---\n"
ABOUT: Final = {
    "three-quotes": N_("three quotes for a repair above its cap"),
    "owner-statement": N_("an owner's statement of the month, with questions about odd bills"),
    "damage-claim": N_("a guest's damage, claimed before the platform's deadline"),
}


@dataclass(frozen=True, slots=True)
class Job:
    goal: str
    """As it is written into goals/."""
    brief: str


@cache
def job(name: str) -> Job | None:
    if name not in ABOUT:
        return None
    goal, _, brief = (FOLDER / f"{name}.md").read_text(encoding="utf-8").partition(_BREAK)
    return Job(goal.strip(), brief.strip())


def brief_of(prompt: str) -> str:
    """`job:NAME WHAT` is the brief of that job for WHAT; every other prompt stays as it is."""
    name, _, what = prompt.strip().removeprefix(PREFIX).partition(" ")
    known = job(name) if prompt.strip().startswith(PREFIX) else None
    return (
        prompt
        if known is None
        else f"{known.brief}\n\nThis time: {what.strip() or 'nothing was named; ask the founder'}"
    )
