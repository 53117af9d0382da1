"""Drafts a dispatch: which vendor, what it should cost, what it may cost, and why. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from core.company.company import Company
from core.company.schema import Property, Vendor
from core.knowledge.recall import Knowledge
from core.knowledge.rules_in_force import of_kind
from core.model import Category
from core.money import usd
from core.stored_values import Reason

# Which trade a category calls where no SOP says so; absent: the team member on site.
TRADE_OF: Final = {
    Category.HVAC_LEAK: "hvac",
    Category.HVAC_FAILURE: "hvac",
    Category.PLUMBING_LEAK: "plumbing",
    Category.PLUMBING_BLOCKAGE: "plumbing",
    Category.ELECTRICAL: "electrical",
    Category.LOCKOUT: "lockout",
}


@dataclass(frozen=True)
class Draft:
    vendor_id: str | None
    estimate_usd: Decimal
    cap_usd: Decimal
    response: timedelta
    why_vendor: Reason
    why_price: Reason


def draft(
    company: Company,
    place: Property,
    category: Category,
    knowledge: Knowledge,
    now: datetime,
    refused: Collection[str] = (),
) -> Draft:
    """The dispatch that skill, SOP and property suggest; `refused` vendors have already said no."""
    vendor, why_vendor = choose_vendor(company, place, category, knowledge, refused)
    estimate, why_price = estimate_for(vendor, knowledge)
    return Draft(
        vendor_id=vendor.id if vendor else None,
        estimate_usd=estimate,
        cap_usd=cap_for(place, vendor, knowledge),
        response=response_time(vendor, place, now),
        why_vendor=why_vendor,
        why_price=why_price,
    )


def choose_vendor(
    company: Company, place: Property, category: Category, knowledge: Knowledge, refused: Collection[str] = ()
) -> tuple[Vendor | None, Reason]:
    """Skill first, then whom a rule prefers, then who fixed it before, then the cheapest of the trade at the property, then whoever
    is on site."""
    avoided = {one.then.vendor_id for one in knowledge.rules if one.kind == "avoid_vendor"}
    here = [
        v
        for v in company.vendors
        if company.reaches(v, place.id) and v.id not in refused and v.id not in avoided
    ]
    known = {vendor.id: vendor for vendor in here}
    if knowledge.skill:
        for vendor_id in (knowledge.skill.vendor_id, *knowledge.skill.preferred_vendors):
            if vendor_id in known:
                return known[vendor_id], Reason("vendor_by_skill", {"skill": knowledge.skill.name})
    for rule in reversed(knowledge.rules):
        preferred = known.get(rule.then.vendor_id or "") if rule.kind == "prefer_vendor" else None
        if preferred is not None:
            return preferred, Reason("vendor_by_rule", {"rule": rule.rule_id})
    for past in knowledge.resolutions:
        if past.vendor_id in known and past.rating >= 4:
            params = {"date": past.resolved_on.isoformat(), "rating": str(past.rating)}
            return known[past.vendor_id], Reason("vendor_by_history", params)
    trades = (
        knowledge.sop.trades
        if knowledge.sop and knowledge.sop.trades
        else [TRADE_OF.get(category, "on_site")]
    )
    skilled = [vendor for vendor in here if set(vendor.trades) & set(trades)]
    if skilled:
        cheapest = min(skilled, key=lambda vendor: (vendor.usual_usd.low, vendor.id))
        return cheapest, Reason("vendor_by_trade", {"trade": trades[0]})
    on_site = next((vendor for vendor in here if vendor.person_id), None)
    if on_site:
        return on_site, Reason("vendor_on_site", {})
    return None, Reason("vendor_none", {})


def estimate_for(vendor: Vendor | None, knowledge: Knowledge) -> tuple[Decimal, Reason]:
    """The dearest of this vendor's last bills for the same kind of fault here, so that the founder is not
    asked twice; without bills the middle of what the vendor usually takes."""
    if vendor is None:
        return usd(0), Reason("price_unknown", {})
    ruled = of_kind(knowledge.rules, "estimate", vendor.id)
    if ruled:
        return usd(ruled[-1].dollars), Reason("price_by_rule", {"rule": ruled[-1].rule_id})
    bills = [past for past in knowledge.resolutions if past.vendor_id == vendor.id]
    if bills:
        dearest = max(bills, key=lambda past: past.cost_usd)
        params = {
            "count": str(len(bills)),
            "date": dearest.resolved_on.isoformat(),
            "amount": str(dearest.cost_usd),
        }
        return dearest.cost_usd, Reason("price_by_history", params)
    middle = usd((vendor.usual_usd.low + vendor.usual_usd.high) / 2)
    return middle, Reason(
        "price_by_usual", {"low": str(vendor.usual_usd.low), "high": str(vendor.usual_usd.high)}
    )


def cap_for(place: Property, vendor: Vendor | None, knowledge: Knowledge) -> Decimal:
    """The smallest of the property's, the SOP's, the skill's and the vendor's cap, or what an adopted rule puts in place of
    the last three. Only company data can raise it; no message and no model can."""
    caps: list[Decimal | None] = [
        vendor.cap if vendor else None,
        knowledge.sop.cap_usd if knowledge.sop else None,
        knowledge.skill.auth_cap_usd if knowledge.skill else None,
    ]
    vendor_id = vendor.id if vendor else ""
    raised = of_kind(knowledge.rules, "raise_cap", vendor_id)
    if raised:
        caps = [usd(raised[-1].dollars)]
    caps += [
        place.cap_usd,
        *(usd(one.dollars) for one in of_kind(knowledge.rules, "lower_cap", vendor_id)),
    ]
    return min((cap for cap in caps if cap is not None), default=usd(0))


def response_time(vendor: Vendor | None, place: Property, now: datetime) -> timedelta:
    if vendor is None:
        return timedelta(0)
    slow = vendor.slow_response_hours is not None and now.astimezone(place.zone).month in vendor.slow_months
    hours = vendor.slow_response_hours if slow and vendor.slow_response_hours else vendor.response_hours
    return timedelta(hours=hours)
