"""The gate: code, never a prompt, decides what needs the founder. Pure; it gives every reason it finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from core.model import URGENT, RiskTag
from core.stored_values import Reason

ALWAYS_ASK: Final = (RiskTag.GAS_RISK, RiskTag.FIRE_RISK, RiskTag.INJURY)


@dataclass(frozen=True)
class Proposal:
    """Everything the gate may look at. Amounts in US dollars."""

    severity: int
    risk_tags: Sequence[str]
    vendor_id: str | None
    estimate_usd: Decimal
    cap_usd: Decimal
    vendor_known: bool
    vendor_approved_here: bool
    already_authorised_usd: Decimal = Decimal(0)
    """For this ticket, by dispatches that stand."""
    month_spent_usd: Decimal = Decimal(0)
    month_budget_usd: Decimal = Decimal(0)
    vendor_day_usd: Decimal = Decimal(0)
    """Authorised for this vendor today, wherever."""
    vendor_day_cap_usd: Decimal | None = None
    human_from_severity: int = URGENT
    sender_known: bool = True
    understood: bool = True
    """False for a voice note that nothing could transcribe, or model output that did not validate."""
    unbelievable: Sequence[str] = ()
    """What a model suggested and was not believed: vendor, estimate."""
    steering: Sequence[str] = ()
    routine: str = ""
    """The skill at work that asks for a person here, beside all else."""
    late: bool = False
    """It lay at the platform for a day: what it says may be over (B20)."""


@dataclass(frozen=True)
class Authorised:
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True)
class NeedsHuman:
    reasons: tuple[Reason, ...] = field(default_factory=tuple)


def decide(proposal: Proposal) -> Authorised | NeedsHuman:
    """Authorised only if nothing at all speaks against it."""
    found: list[Reason] = []

    def ask(code: str, **params: object) -> None:
        found.append(Reason(code, {key: str(value) for key, value in params.items()}))

    if proposal.late:
        ask("late")
    if not proposal.understood:
        ask("not_understood")
    if proposal.severity >= URGENT:
        ask("severity", severity=proposal.severity)
    elif proposal.severity >= proposal.human_from_severity:
        ask("sop_asks", severity=proposal.severity)
    for tag in ALWAYS_ASK:
        if tag in proposal.risk_tags:
            ask("risk", tag=tag.value)
    if proposal.vendor_id is None or not proposal.vendor_known:
        ask("vendor_unknown")
    elif not proposal.vendor_approved_here:
        ask("vendor_not_approved")
    # NaN compares with nothing: it must be caught before any amount is weighed.
    if not proposal.estimate_usd.is_finite() or proposal.estimate_usd < 0:
        ask("price_absurd")
    else:
        total = proposal.estimate_usd + proposal.already_authorised_usd
        if total > proposal.cap_usd:
            ask("over_cap", total=total, cap=proposal.cap_usd)
        today = proposal.vendor_day_usd + proposal.estimate_usd
        if proposal.vendor_day_cap_usd is not None and today > proposal.vendor_day_cap_usd:
            ask("vendor_day", total=today, cap=proposal.vendor_day_cap_usd)
        if proposal.month_spent_usd + proposal.estimate_usd > proposal.month_budget_usd:
            ask("over_budget", spent=proposal.month_spent_usd, budget=proposal.month_budget_usd)
    if proposal.unbelievable:
        ask("model_output", what=", ".join(proposal.unbelievable))
    if proposal.routine:
        ask("skill_asks", skill=proposal.routine)
    if not proposal.sender_known:
        ask("sender_unknown")
    if proposal.steering:
        ask("steering", words=", ".join(proposal.steering)[:80])
    return NeedsHuman(tuple(found)) if found else Authorised()
