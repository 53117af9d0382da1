"""A skill out of like repairs, by rule. Pure; no word of a ticket goes in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from core import phrases
from core.company.company import Company
from core.company.schema import Property
from core.company.skill_checks import smallest_cap
from core.company.skills import Condition, SeverityRange, Skill
from core.i18n import N_, Words
from core.model import Category, RiskTag

NEWEST: Final = 5
"""So many of the last repairs of a kind at a place are looked at."""
ALIKE: Final = 3
"""So many of them by one vendor make a routine."""
WITHIN: Final = timedelta(days=365)
LEAST_RATING: Final = 3
DEARER: Final = Decimal("1.1")


@dataclass(frozen=True, slots=True)
class Repair:
    """A ticket that was resolved, as far as one may learn from it."""

    ticket_id: str
    at: datetime
    vendor_id: str | None
    severity: int
    risk_tags: tuple[str, ...]
    bill: Decimal | None
    rating: int | None
    teaches: bool = True
    """False: it came back, was late, or somebody tried to give orders in it."""

    @property
    def good(self) -> bool:
        rated = self.rating is None or self.rating >= LEAST_RATING
        return self.teaches and self.bill is not None and self.vendor_id is not None and rated


def alike(repairs: Sequence[Repair], now: datetime) -> list[Repair]:
    """Of the newest NEWEST `repairs` (one kind, one place, newest first) within a year those by the one vendor who did at
    least ALIKE of them; [] where nobody did."""
    newest = [one for one in repairs[:NEWEST] if now - one.at <= WITHIN]
    counted = Counter(one.vendor_id for one in newest if one.good)
    if not counted:
        return []
    vendor_id, times = counted.most_common(1)[0]
    return [one for one in newest if one.good and one.vendor_id == vendor_id] if times >= ALIKE else []


def distil(
    company: Company, place: Property, category: Category, like: Sequence[Repair], now: datetime
) -> Skill | None:
    """What these like repairs (newest first) have in common, as a proposal; None where nobody may send that vendor there."""
    newest = like[0]
    vendor = company.vendor(newest.vendor_id)
    if vendor is None or not company.reaches(vendor, place.id):
        return None
    sop = company.sop(category)
    seen = {tag for one in like for tag in one.risk_tags}
    severities = [one.severity for one in like]
    words = Words(company.founder.languages[0], ZoneInfo("UTC"))
    name = f"{phrases.label(phrases.CATEGORY, category, words)}: {place.name}"
    steps: list[dict[str, Any]] = [
        {"do": "notify_reporter"},
        {"do": "dispatch_vendor", "with": {"vendor_id": vendor.id}},
        *([{"do": "notify_guest"}] if sop is not None and sop.guest_offer else []),
        {"do": "wait_acknowledgement"},
        {"do": "follow_up"},
    ]
    bills = [one.bill for one in like if one.bill is not None]
    made = Skill.model_validate(
        {
            "skill_id": f"{place.id}_{category.value}"[:60],
            "version": 1,
            "name": name,
            "description": words(
                N_("{name}: {vendor}, as the last {count} times."),
                name=name,
                vendor=vendor.name,
                count=len(like),
            ),
            "trigger_conditions": {
                "category": [category.value],
                "property_id": [place.id],
                "severity": {"min": min(severities), "max": max(severities)},
                "risk_tags": {"none": [tag.value for tag in RiskTag if tag not in seen]},
            },
            "inputs_required": ["property_id", "severity"],
            "workflow_steps": steps,
            "preferred_vendors": [vendor.id],
            "auth_cap_usd": str(max(bills)),
            "sources": {
                "derived_from_ticket": newest.ticket_id,
                "derived_from_tickets": [one.ticket_id for one in like],
                "brain_layers_used": ["history", *(["sop"] if sop is not None else [])],
                "generated_by": "rule",
                "generated_at": now.isoformat(),
            },
        }
    )
    return made.model_copy(update={"auth_cap_usd": min(made.auth_cap_usd, smallest_cap(company, made)[0])})


def differs(new: Skill, old: Skill) -> bool:
    """Whether `new` would send somebody else, for cases that `old` leaves alone, by other steps, or for clearly more. What is
    narrower, or a few dollars dearer, is not worth a question."""
    return (
        new.vendor_id != old.vendor_id
        or new.auth_cap_usd > old.auth_cap_usd * DEARER
        or [step.do for step in new.workflow_steps] != [step.do for step in old.workflow_steps]
        or not _within(new.trigger_conditions, old.trigger_conditions)
    )


def _within(new: Condition, old: Condition) -> bool:
    """Every case of `new` is one of `old`."""
    whole, theirs = SeverityRange(), old.severity or SeverityRange()
    ours = new.severity or whole
    kept = set(old.risk_tags.none) if old.risk_tags is not None else set()
    mine = set(new.risk_tags.none) if new.risk_tags is not None else set()
    needs = (
        bool(old.risk_tags is not None and old.risk_tags.any)
        or old.over_usd is not None
        or old.when is not None
    )
    return theirs.min <= ours.min and ours.max <= theirs.max and kept <= mine and not needs
