"""Which rules a ticket is under, and what each changed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.company.rules import Rule


def applying(
    rules: Sequence[Rule], property_id: str | None, category: str | None, severity: int | None, now: datetime
) -> tuple[Rule, ...]:
    """Those of `rules` that hold now for such a ticket, whoever would be sent. What is not known does not hold."""
    return tuple(
        one
        for one in rules
        if one.holds(now)
        and one.when.property_id in {None, property_id}
        and (one.when.category is None or one.when.category == category)
        and (one.when.severity_max is None or (severity is not None and severity <= one.when.severity_max))
    )


def of_kind(rules: Sequence[Rule], kind: str, vendor_id: str) -> list[Rule]:
    """Those about that vendor, or about whoever is sent; the one that was adopted last comes last."""
    return [one for one in rules if one.kind == kind and one.when.vendor_id in {None, vendor_id}]
