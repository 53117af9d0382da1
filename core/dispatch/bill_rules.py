"""What a bill is held against before it is booked, and before anything is learnt from it. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from core.company.schema import CompanyFile, Vendor
from core.money import Amount
from core.stored_values import Reason

FAR_ABOVE: Final = 2
"""A bill of more than so many times the estimate is asked about, and of so many times what the vendor usually takes (or of
less than that part of it) nothing is learnt."""


def doubts(
    bill: Amount | None,
    estimate: Decimal,
    cap: Decimal,
    credit: Amount | None,
    minutes: int | None,
    company: CompanyFile,
) -> tuple[Reason, ...]:
    """Why somebody is asked "really?": codes of core.phrases.DOUBT. Amounts but for `bill` and `credit` in US dollars."""
    found = []
    if bill is not None and bill.usd > cap:
        found.append(Reason("over_cap", {"cap": str(cap)}))
    if bill is not None and bill.usd > FAR_ABOVE * estimate > 0:
        found.append(Reason("over_estimate", {"estimate": str(estimate)}))
    if credit is not None and credit.usd > company.guest_credit_cap_usd:
        params = {"credit": str(credit.usd), "cap": str(company.guest_credit_cap_usd)}
        found.append(Reason("over_credit", params))
    if minutes is not None and minutes > company.staff_minutes_cap:
        params = {"minutes": str(minutes), "cap": str(company.staff_minutes_cap)}
        found.append(Reason("over_minutes", params))
    return tuple(found)


def is_outlier(bill: Decimal, vendor: Vendor | None) -> bool:
    """Far from what `vendor` usually takes: it is booked, but no estimate is made of it unless the founder says so."""
    if vendor is None or vendor.usual_usd.high == 0:
        return False
    return not vendor.usual_usd.low / FAR_ABOVE <= bill <= vendor.usual_usd.high * FAR_ABOVE
