"""Standing orders: what the founder has said yes to beforehand, for one place, kind and vendor. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from core.company.rules import Rule
from core.model import Category
from core.stored_values import Reason

ANSWERS: Final = frozenset({"severity", "sop_asks", "over_cap"})
"""Reasons of the gate that a standing order answers; every other asks as before."""
NEVER: Final = frozenset(
    {"risk", "steering", "sender_unknown", "vendor_unknown", "vendor_not_approved", "price_absurd"}
)
"""With any of these none is offered."""
HIGHEST: Final = 4
DEFAULT_SEVERITY: Final = 3
DEFAULT_DAYS: Final = 90
DEFAULT_USES: Final = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is about to be sent, in US dollars."""

    property_id: str
    category: str
    vendor_id: str | None
    severity: int
    total_usd: Decimal
    """With what was authorised for the ticket before."""


def about(rules: Sequence[Rule], wanted: Wanted) -> list[Rule]:
    """The standing orders for exactly this place, kind and vendor, whether they cover it or not."""
    return [
        one
        for one in rules
        if one.kind == "standing_order"
        and one.when.property_id == wanted.property_id
        and one.when.category == wanted.category
        and one.when.vendor_id == wanted.vendor_id
    ]


def covering(
    rules: Sequence[Rule], uses: dict[str, int], wanted: Wanted, reasons: Collection[Reason], now: datetime
) -> Rule | None:
    """The one that answers every one of `reasons`; `uses`: how often each was used."""
    if not reasons or {one.code for one in reasons} - ANSWERS:
        return None
    for rule in about(rules, wanted):
        most = rule.when.severity_max or DEFAULT_SEVERITY
        if (
            rule.holds(now)
            and wanted.severity <= min(most, HIGHEST)
            and wanted.total_usd <= rule.dollars
            and uses.get(rule.rule_id, 0) < (rule.max_uses or 0)
        ):
            return rule
    return None


def offered(
    category: str | None, property_id: str | None, severity: int, reasons: Collection[Reason]
) -> bool:
    """Whether the founder may be offered one on this card."""
    known = property_id is not None and category in set(Category)
    return known and severity <= HIGHEST and not {one.code for one in reasons} & NEVER
