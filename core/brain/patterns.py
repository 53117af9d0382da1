"""What repeats in the company's tickets, as rules to be proposed. Pure: rows in, rules with their evidence out."""

from __future__ import annotations

import re
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from core.company.company import Company
from core.company.rules import Rule
from core.company.schema import Memo
from core.money import MAX_AMOUNT, usd

TIMES: Final = 3
"""So often the same is a pattern."""
RECURS_WITHIN: Final = timedelta(days=60)
WITHIN: Final = timedelta(days=365)
DEARER: Final = Decimal("1.2")
"""A bill above its estimate by more than this."""
LATE: Final = timedelta(hours=1)
"""So long after the vendor's own word."""
RAISED_FOR: Final = timedelta(days=90)
PRICE_OFF: Final = Decimal("0.25")
_DOLLARS: Final = re.compile(
    r"(?:us\$|\$|usd)\s?(\d[\d,]{0,18}(?:\.\d{1,4})?)"
    r"|(?<![\d,.])(\d[\d,]{0,18}(?:\.\d{1,4})?)\s?(?:us ?dollars?|dollars?|usd)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A repair: a ticket of ours, or one that was imported."""

    id: str
    imported: bool
    at: datetime
    property_id: str
    category: str
    vendor_id: str | None = None
    bill: Decimal | None = None
    estimate: Decimal | None = None
    late: bool = False
    """The vendor came long after their own word."""
    over_cap: Decimal | None = None
    """What the founder approved over its cap, where that was all that was asked."""
    teaches: bool = True

    @property
    def evidence(self) -> dict[str, Any]:
        return {"resolution_id" if self.imported else "ticket_id": self.id, "at": self.at}


@dataclass(frozen=True, slots=True)
class Corrected:
    """Somebody said that a report was of another kind."""

    ticket_id: str
    at: datetime
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Found:
    rule: Rule
    usd: Decimal
    """How much money it is about: what is proposed first."""


def patterns(
    company: Company, seen: Sequence[Seen], corrected: Sequence[Corrected], now: datetime
) -> list[Found]:
    """Most money first."""
    lately = sorted((one for one in seen if now - one.at <= WITHIN), key=lambda one: one.at)
    found = [
        *_recurring(lately, now),
        *_estimates(lately),
        *_late(company, lately),
        *_over_caps(company, lately, now),
        *_misread(corrected),
        *_stale_prices(company.memos, lately),
    ]
    return sorted(found, key=lambda one: (-one.usd, one.rule.rule_id))


def _rule(kind: str, when: dict[str, Any], evidence: Iterable[dict[str, Any]], **more: Any) -> Rule:
    scope = "_".join(str(one) for one in when.values() if one)
    rule_id = f"{kind}_{scope}"[:60].lower().rstrip("_")
    return Rule.model_validate(
        {"rule_id": rule_id, "kind": kind, "when": when, "evidence": list(evidence), **more}
    )


def _by(seen: Sequence[Seen], *names: str) -> dict[tuple[Any, ...], list[Seen]]:
    grouped: dict[tuple[Any, ...], list[Seen]] = defaultdict(list)
    for one in seen:
        grouped[tuple(getattr(one, name) for name in names)].append(one)
    return grouped


def _recurring(seen: Sequence[Seen], now: datetime) -> Iterable[Found]:
    recent = [one for one in seen if now - one.at <= RECURS_WITHIN]
    for (place, category), same in _by(recent, "property_id", "category").items():
        if len(same) >= TIMES:
            cost = sum((one.bill or Decimal(0) for one in same), Decimal(0))
            when = {"property_id": place, "category": category}
            yield Found(_rule("recurring_fault", when, [one.evidence for one in same]), cost)


def _last(same: Sequence[Seen]) -> Sequence[Seen]:
    return same[-TIMES:] if len(same) >= TIMES else ()


def _estimates(seen: Sequence[Seen]) -> Iterable[Found]:
    billed = [one for one in seen if one.bill is not None and one.estimate and one.teaches and one.vendor_id]
    for (place, category, vendor), same in _by(billed, "property_id", "category", "vendor_id").items():
        last = _last(same)
        if last and all(one.bill > one.estimate * DEARER for one in last if one.bill and one.estimate):
            bills = [one.bill for one in last if one.bill is not None]
            price = usd(statistics.median(bills))
            evidence = [{**one.evidence, "value": f"{one.bill} for {one.estimate}"} for one in last]
            when = {"property_id": place, "category": category, "vendor_id": vendor}
            yield Found(_rule("estimate", when, evidence, then={"usd": str(price)}), sum(bills, Decimal(0)))


def _late(company: Company, seen: Sequence[Seen]) -> Iterable[Found]:
    sent = [one for one in seen if one.vendor_id and one.teaches and not one.imported]
    for (place, category, vendor), same in _by(sent, "property_id", "category", "vendor_id").items():
        last = _last(same)
        there = company.vendor(vendor)
        outside = there is not None and there.person_id is None
        if last and outside and all(one.late for one in last):
            when = {"property_id": place, "category": category}
            cost = sum((one.bill or Decimal(0) for one in last), Decimal(0))
            evidence = [one.evidence for one in last]
            yield Found(_rule("avoid_vendor", when, evidence, then={"vendor_id": vendor}), cost)


def _over_caps(company: Company, seen: Sequence[Seen], now: datetime) -> Iterable[Found]:
    over = [one for one in seen if one.over_cap is not None and one.vendor_id]
    for (place_id, category, vendor), same in _by(over, "property_id", "category", "vendor_id").items():
        last = _last(same)
        place = company.place(place_id)
        if not last or place is None:
            continue
        dearest = max(one.over_cap for one in last if one.over_cap is not None)
        if place.cap_usd is not None and dearest > place.cap_usd:
            continue  # a rule never raises the cap of a place
        when = {"property_id": place_id, "category": category, "vendor_id": vendor}
        evidence = [{**one.evidence, "value": str(one.over_cap)} for one in last]
        rule = _rule("raise_cap", when, evidence, then={"cap_usd": str(usd(dearest))}, until=now + RAISED_FOR)
        yield Found(rule, sum((one.over_cap for one in last if one.over_cap is not None), Decimal(0)))


def _misread(corrected: Sequence[Corrected]) -> Iterable[Found]:
    """Data cannot say it: whoever keeps the engine is told."""
    grouped: dict[tuple[str, str], list[Corrected]] = defaultdict(list)
    for one in corrected:
        grouped[one.old, one.new].append(one)
    for (old, new), same in grouped.items():
        if len(same) >= TIMES:
            said = f"What is read as {old} is corrected to {new}: {len(same)} times."
            evidence = [{"ticket_id": one.ticket_id, "at": one.at} for one in same]
            rule = Rule.model_validate(
                {
                    "rule_id": f"misread_{old}_{new}"[:60],
                    "kind": "code",
                    "evidence": evidence,
                    "text": dict.fromkeys(("en", "zh-TW", "ja", "id", "es"), said),
                }
            )
            yield Found(rule, Decimal(0))


def _stale_prices(memos: Sequence[Memo], seen: Sequence[Seen]) -> Iterable[Found]:
    """A memo that names a price for a place and a kind, which the last bills there miss."""
    for memo in memos:
        prices = prices_in(memo.in_english)
        if not memo.holds or not prices or memo.property_id is None or memo.category is None:
            continue
        same = [
            one
            for one in seen
            if (one.property_id, one.category) == (memo.property_id, memo.category.value) and one.bill
        ]
        last = _last(same)
        if not last or not all(
            all(abs(one.bill - price) > price * PRICE_OFF for price in prices) for one in last if one.bill
        ):
            continue
        evidence = [
            {"memo_id": memo.id, "at": memo.recorded_at, "value": str(prices[0])},
            *({**one.evidence, "value": str(one.bill)} for one in last),
        ]
        when = {"property_id": memo.property_id, "category": memo.category.value}
        rule = _rule("retire_memo", when, evidence, then={"memo_id": memo.id})
        yield Found(rule, sum((one.bill for one in last if one.bill is not None), Decimal(0)))


def prices_in(text: str) -> list[Decimal]:
    """Amounts in US dollars that `text` names."""
    said = [first or second for first, second in _DOLLARS.findall(text)]
    amounts = [Decimal(one.replace(",", "")) for one in said]
    return [usd(one) for one in amounts if 0 < one <= MAX_AMOUNT]
