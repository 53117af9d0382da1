"""From shares to labels. Danger first: an emergency taken for routine costs more than ten false alarms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from core.model import URGENT

QUIET: Final = frozenset({"question", "resolution_report", "chit_chat"})
"""Intents that ask for nothing but an answer: severity 1, no risk tags."""

# The numbers below were found by folds over the corpus (docs/UNDERSTANDING.md says what they buy).
STEP: Final = 0.3
FAR: Final = 4.0
"""What being wrong by more than one step costs beyond the distance."""
MISSED: Final = 2.5
"""What taking a 4 or 5 for less costs on top."""
LIFE: Final = 0.5
"""How much of what is urgent must be danger to life to be called that: it sends the emergency text."""
QUIET_FROM: Final = 0.4
HUSHED_FROM: Final = 0.65
"""The same where no word says so."""
ALARM_PROBABILITY: Final = 0.7
"""A text that looks this much like a 4 or 5 is not quiet, whatever its intent looks like."""
GAS_FIRE: Final = "gas_fire"
SOME: Final = 0.2
"""So likely must a danger to life be for urgent gas or fire to be one."""
RARE: Final = 0.5
"""How much rare intents are helped: most messages report something new, and a plain count would hide the rest."""
USUAL: Final = {
    "new_issue": 0.69,
    "follow_up": 0.10,
    "question": 0.09,
    "resolution_report": 0.07,
    "chit_chat": 0.05,
}
"""Shares of the intents in the corpus."""
TAG_SHARE: Final = 0.4
DANGER_TAG_SHARE: Final = 0.3
DANGERS: Final = frozenset({"electrical_risk", "fire_risk", "gas_risk", "injury", "security_risk"})


def cost(real: int, said: int) -> float:
    """What it costs to say `said` where it is `real`."""
    distance = abs(real - said)
    missed = MISSED if real >= URGENT > said else 0.0
    return STEP * distance + (FAR if distance > 1 else 0.0) + missed


def severity(shares: Mapping[int, float]) -> int:
    """Urgent or not by what is expected to cost least; then the level within that half. So a text that is either a
    danger to life or nothing is not called something in between."""
    cheapest = min(shares, key=lambda said: sum(share * cost(real, said) for real, share in shares.items()))
    if cheapest >= URGENT:
        return 5 if shares[5] > LIFE * (shares[4] + shares[5]) else 4
    return 3 if shares[3] > shares[2] else 2


def reading(
    category: str, intents: Mapping[str, float], severities: Mapping[int, float], *, hushed: bool
) -> tuple[str, int]:
    """Intent and severity, with what the category says about it: gas or fire that looks urgent is a danger to life,
    or it is nothing."""
    intent, level = intent_and_severity(intents, severities, hushed=hushed)
    if category == GAS_FIRE and level == 4 and severities[5] > SOME:
        return intent, 5
    return intent, level


def intent_and_severity(
    intents: Mapping[str, float], severities: Mapping[int, float], *, hushed: bool
) -> tuple[str, int]:
    """Both together: what asks for nothing has severity 1, what asks for something has more. `hushed`: some word
    says that it asks, greets or is over; without one a curt report ("no towels") must not pass for small talk."""
    helped = {one: share / USUAL[one] ** RARE for one, share in intents.items()}
    total = sum(helped.values())
    intents = {one: share / total for one, share in helped.items()}
    quiet = sum(share for intent, share in intents.items() if intent in QUIET)
    from_where = QUIET_FROM if hushed else HUSHED_FROM
    if (quiet + severities[1]) / 2 > from_where and severities[4] + severities[5] < ALARM_PROBABILITY:
        return max(QUIET, key=lambda one: intents[one]), 1
    telling = {one: share for one, share in intents.items() if one not in QUIET}
    rest = {level: share for level, share in severities.items() if level > 1}
    whole = sum(rest.values()) or 1.0
    return max(telling, key=lambda one: telling[one]), severity({k: v / whole for k, v in rest.items()})


def tags(shares: Mapping[str, float]) -> list[str]:
    return [
        tag for tag, share in shares.items() if share > (DANGER_TAG_SHARE if tag in DANGERS else TAG_SHARE)
    ]
