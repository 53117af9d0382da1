"""Whether a rule fits the company it is for. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from core.company.company import Company
from core.company.findings import Path_
from core.company.rules import LONGEST, WIDENING, Rule


def misfits(company: Company, rule: Rule, now: datetime | None = None) -> Iterator[tuple[Path_, str]]:
    """Where in its file, and what: an unknown place, vendor or memo, one that is not approved there, a term that is too long
    (where `now` is given)."""
    place_id, vendor_id = rule.when.property_id, rule.when.vendor_id or rule.then.vendor_id
    if place_id is not None and company.place(place_id) is None:
        yield ("when", "property_id"), f"there is no property {place_id!r}"
    vendor = company.vendor(vendor_id)
    where: Path_ = ("when", "vendor_id") if rule.when.vendor_id else ("then", "vendor_id")
    if vendor_id is not None and vendor is None:
        yield where, f"there is no vendor {vendor_id!r}"
    if vendor is not None and rule.kind != "avoid_vendor":
        here = company.reaches(vendor, place_id) if place_id is not None else vendor.approved
        if not here:
            yield where, f"{vendor.id} is not approved at {place_id or 'any property'}"
    memo_id = rule.then.memo_id
    if memo_id is not None and all(one.id != memo_id for one in company.memos):
        yield ("then", "memo_id"), f"there is no memo {memo_id!r}"
    if rule.kind in WIDENING and now is not None and rule.until is not None and rule.until > now + LONGEST:
        yield ("until",), f"is more than {LONGEST.days} days away"
