"""What a memo would change, as a rule: a vendor of ours named first or never, an amount as most. Pure."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

from core.company.company import Company
from core.company.schema import Memo, Vendor
from core.money import MAX_AMOUNT, usd
from core.text import normal

_NEVER: Final = re.compile(
    r"\b(?:never|not|don'?t|no more|avoid|nunca|jam[aá]s|no llam|jangan|bukan)\b|不要|別再|不找|別找|絶対に|呼ばない|頼まない|やめて",
    re.IGNORECASE,
)
_FIRST: Final = re.compile(
    r"\b(?:always|first|ring|call|use|prefer|siempre|primero|llama|selalu|duluan|hubungi|panggil)\b|先找|都找|找|優先|まず|最初に|必ず|頼む|呼んで",
    re.IGNORECASE,
)
_AT_MOST: Final = re.compile(
    r"(?:\b(?:at most|no more than|not more than|never (?:more than|above|over)|up to|max(?:imum)?|"
    r"como m[aá]ximo|no m[aá]s de|hasta|paling banyak|maksimal|tidak lebih dari)\b|最多|不超過|上限|まで|以内)"
    r"[^\d$]{0,20}(?:us\$|\$|usd)?\s?(\d[\d,]{0,18}(?:\.\d{1,2})?)\s?(usd|us dollars?|dollars?|d[oó]lares|美元|美金|ドル)?",
    re.IGNORECASE,
)
_DOLLARS: Final = re.compile(r"\$|usd|dollars?|d[oó]lares|美元|美金|ドル", re.IGNORECASE)


def rule_of(company: Company, memo: Memo) -> dict[str, Any] | None:
    """`{rule_id, kind, when, then}` of a rule that `memo` asks for; None where data cannot say what it wants. A memo is
    knowledge, never an order: the rule is proposed, and narrows or prefers among those who are approved there."""
    said = f"{memo.transcript}\n{memo.transcript_en}"
    when = {"property_id": memo.property_id, "category": memo.category.value if memo.category else None}
    scope = "_".join(one for one in (memo.property_id, when["category"]) if one) or "all"
    amount = _most(said)
    if amount is not None:
        return _rule("lower_cap", scope, when, {"cap_usd": str(usd(amount))})
    vendor = _named(company, memo, said)
    if vendor is None:
        return None
    if _NEVER.search(said):
        return _rule("avoid_vendor", f"{scope}_{vendor.id}", when, {"vendor_id": vendor.id})
    return (
        _rule("prefer_vendor", f"{scope}_{vendor.id}", when, {"vendor_id": vendor.id})
        if _FIRST.search(said)
        else None
    )


def _rule(kind: str, scope: str, when: dict[str, Any], then: dict[str, Any]) -> dict[str, Any]:
    return {"rule_id": f"memo_{kind}_{scope}"[:60].rstrip("_"), "kind": kind, "when": when, "then": then}


def _most(said: str) -> Decimal | None:
    """An amount in US dollars that is named as the most."""
    for found in _AT_MOST.finditer(said):
        if _DOLLARS.search(found.group()):
            amount = Decimal(found.group(1).replace(",", ""))
            return amount if amount <= MAX_AMOUNT else None
    return None


def _named(company: Company, memo: Memo, said: str) -> Vendor | None:
    """The one vendor of ours that is named, approved where the memo is about; None for several, or none."""
    plain = normal(said)
    found = [one for one in company.vendors if one.approved and any(name in plain for name in _names(one))]
    if memo.property_id is not None:
        found = [one for one in found if memo.property_id in one.properties]
    return found[0] if len(found) == 1 else None


def _names(vendor: Vendor) -> list[str]:
    """How people call them: the name, and what stands in brackets beside it."""
    parts = [part.strip(" ()（）") for part in re.split(r"[(（)）]", vendor.name)]
    return [normal(part) for part in parts if len(part) > 1]
