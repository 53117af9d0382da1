"""The month's money for models: what may still be spent, what is said when, where it is heading. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, Literal

from core.cost.months import Span
from core.metering import Tier

THRESHOLDS: Final = (50, 80, 100)
"""Per cent of the month's budget at which the founder is told."""

Step = Literal["fast", "offline"]


def fits(used: Decimal, most: Decimal, budget: Decimal) -> bool:
    """A call that can cost `most` may be made: with `used` it stays within the budget. What is free always may."""
    return not most or used + most <= budget


def step_down(tier: Tier, used: Decimal, fast_most: Decimal | None, budget: Decimal) -> Step:
    """What may be tried instead of a call that does not fit. `fast_most`: what the fast model could cost for the same;
    None where that is not known, then the fast call is checked when it is made."""
    if tier == "strong" and (fast_most is None or fits(used, fast_most, budget)):
        return "fast"
    return "offline"


def reached(spent: Decimal, budget: Decimal) -> list[int]:
    """The thresholds that `spent` has reached, lowest first. A budget of 0 has none: its first refusal is told."""
    return [one for one in THRESHOLDS if budget and spent * 100 >= budget * one]


def forecast(spent: Decimal, now: datetime, month: Span) -> Decimal:
    """What the month will have cost at this pace, to the millionth; never less than `spent`. The first day counts
    as a whole: a single call at midnight says nothing about thirty days."""
    elapsed = max(now - month.start, timedelta(days=1))
    whole = month.end - month.start
    if elapsed >= whole:
        return spent
    pace = Decimal(int(whole.total_seconds())) / Decimal(int(elapsed.total_seconds()))
    return max(spent, (spent * pace).quantize(Decimal("0.000001")))
