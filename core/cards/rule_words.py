"""A rule as a sentence, in whatever language. Pure."""

from __future__ import annotations

from core import phrases
from core.company.company import Company
from core.company.rules import Rule
from core.i18n import Words
from core.money import usd


def sentence(company: Company, rule: Rule, words: Words) -> str:
    """What it says; "" for one that data cannot express, whose words are those of whoever proposed it."""
    if rule.kind == "code":
        return ""
    place, then = company.place(rule.when.property_id), rule.then
    vendor = company.vendor(then.vendor_id or rule.when.vendor_id)
    name = vendor.name if vendor is not None else ""
    return words(
        phrases.RULE[rule.kind],
        what=phrases.label(phrases.CATEGORY, rule.when.category, words)
        if rule.when.category
        else words("Everything"),
        where=place.name if place is not None else words("every property"),
        vendor=name,
        by=f" ({name})" if name and rule.kind in {"lower_cap", "estimate"} else "",
        amount=words.money(usd(rule.dollars)),
        seconds=then.seconds or 0,
        step=then.step or "",
        memo=then.memo_id or "",
        uses=rule.max_uses or 0,
        severity=rule.when.severity_max or 3,
        date=rule.until.date().isoformat() if rule.until is not None else "",
    )
