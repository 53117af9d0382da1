"""What a skill does next. Pure: the skill, how far it has come, and how its ticket stands now."""

from __future__ import annotations

from dataclasses import dataclass

from core.company.skills import Check, Close, DispatchVendor, FollowUp, Skill, Step, WaitAcknowledgement
from core.knowledge.conditions import Facts, failing
from core.model import Status

ENDED = frozenset({Status.REJECTED, Status.LAPSED, Status.CANCELLED, Status.MERGED})


@dataclass(frozen=True, slots=True)
class Seen:
    """How the ticket stands."""

    facts: Facts
    status: Status
    vendor_here: bool
    """Whom it sends is there, and approved at the place."""
    within_cap: bool
    """What they would take is within the smallest of the caps."""
    sent: bool = False
    """The gate or a person has let the vendor be sent."""
    acknowledged: bool = False
    waited_out: bool = False
    """Nobody took the job in the time that the skill gives."""


@dataclass(frozen=True, slots=True)
class Take:
    """Take this step now."""

    step: Step


@dataclass(frozen=True, slots=True)
class Skip:
    reason: str


@dataclass(frozen=True, slots=True)
class FallBack:
    why: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Wait:
    """Until the ticket stands otherwise."""


@dataclass(frozen=True, slots=True)
class Stop:
    reason: str


@dataclass(frozen=True, slots=True)
class Finish:
    pass


Move = Take | Skip | FallBack | Wait | Stop | Finish


def following(skill: Skill, at: int, seen: Seen) -> Move:
    """The move for step `at` (from 0) of `skill`."""
    if seen.status in ENDED:
        return Stop(seen.status.lower())
    if at >= len(skill.workflow_steps):
        return Finish()
    step = skill.workflow_steps[at]
    if seen.status == Status.RESOLVED and not isinstance(step, Check):
        return Skip("resolved")
    missing = failing(step.condition, seen.facts) if step.condition is not None else []
    if missing:
        # Without its vendor the rest of a skill would wait for ever.
        leaves = step.otherwise == "fall_back" or isinstance(step, DispatchVendor)
        return FallBack("condition", missing[0]) if leaves else Skip(missing[0])
    if (
        not isinstance(step, DispatchVendor)
        and at > skill.sends_at
        and not (seen.sent or seen.status == Status.RESOLVED)
    ):
        return Wait()
    match step:
        case DispatchVendor():
            if not seen.vendor_here:
                return FallBack("vendor_unavailable")
            return Take(step) if seen.within_cap else FallBack("over_cap")
        case WaitAcknowledgement():
            if seen.acknowledged:
                return Take(step)
            return FallBack("no_acknowledgement") if seen.waited_out else Wait()
        case FollowUp() | Close():
            return Take(step) if seen.acknowledged else Wait()
        case Check():
            return Take(step) if seen.status == Status.RESOLVED else Wait()
    return Take(step)
