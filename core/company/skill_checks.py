"""Whether a skill fits the company it is for. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from core.company.company import Company
from core.company.findings import Path_
from core.company.skills import DispatchVendor, OfferCompensation, Skill


def misfits(company: Company, skill: Skill) -> Iterator[tuple[Path_, str]]:
    """Where in its file, and what: an unknown place or vendor, one that is not approved there, a cap above the others."""
    for i, place_id in enumerate(skill.trigger_conditions.property_id):
        if company.place(place_id) is None:
            yield ("trigger_conditions", "property_id", i), f"there is no property {place_id!r}"
    for i, vendor_id in enumerate(skill.preferred_vendors):
        if company.vendor(vendor_id) is None:
            yield ("preferred_vendors", i), f"there is no vendor {vendor_id!r}"
    for i, step in enumerate(skill.workflow_steps):
        where: Path_ = ("workflow_steps", i, "with")
        named = step.args.vendor_id if isinstance(step, DispatchVendor) else None
        if named is not None and company.vendor(named) is None:
            yield (*where, "vendor_id"), f"there is no vendor {named!r}"
        if isinstance(step, OfferCompensation) and step.args.up_to_usd > company.about.guest_credit_cap_usd:
            yield (
                (*where, "up_to_usd"),
                f"is above what a guest may get ({company.about.guest_credit_cap_usd})",
            )
    if skill.vendor_id is None:
        yield ("workflow_steps", skill.sends_at), "names no vendor_id, and preferred_vendors is empty"
    vendor = company.vendor(skill.vendor_id)
    if vendor is None:
        return
    for place_id in skill.trigger_conditions.property_id:
        if company.place(place_id) is not None and not company.reaches(vendor, place_id):
            yield ("workflow_steps",), f"{vendor.id} is not approved at {place_id}"
    if not vendor.approved:
        yield ("workflow_steps",), f"{vendor.id} is not approved"
    smallest, whose = smallest_cap(company, skill)
    if skill.auth_cap_usd > smallest:
        yield ("auth_cap_usd",), f"is above the cap of {whose} ({smallest})"


def smallest_cap(company: Company, skill: Skill) -> tuple[Decimal, str]:
    """The smallest of the caps of its places, of its vendor and of the procedures of its kinds; and whose it is."""
    caps: list[tuple[Decimal | None, str]] = []
    for place_id in skill.trigger_conditions.property_id:
        place = company.place(place_id)
        caps.append((place.cap_usd if place is not None else None, place_id))
    vendor = company.vendor(skill.vendor_id)
    caps.append((vendor.cap if vendor is not None else None, skill.vendor_id or ""))
    for category in skill.trigger_conditions.category:
        sop = company.sop(category)
        caps.append((sop.cap_usd if sop is not None else None, f"the procedure {category}"))
    return min((cap, whose) for cap, whose in caps if cap is not None)
