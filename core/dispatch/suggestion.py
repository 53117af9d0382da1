"""What a model suggests for a dispatch, and how much of it stands. Pure.

The model sees facts of ours and may choose among vendors of ours. Money is never taken from its words: a price outside
what the vendor is known to take falls back to the rule's, the cap is not its business at all, and text with an amount,
an address or another language in it is not shown."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

from core.company.company import Company
from core.company.schema import Property, Vendor
from core.dispatch.draft import TRADE_OF, Draft, cap_for, estimate_for, response_time
from core.knowledge.recall import Knowledge
from core.model import Category
from core.money import usd
from core.stored_values import ModelText, Reason
from core.text import repeats, shorten

STABLE: Final = """\
Suggest how to dispatch one ticket: which of the vendors in the facts, what it will cost in US dollars, and what to tell \
whom.

vendor_id: one of the candidates. Prefer who fixed the same here before and was rated well; mind the memos and the \
procedure; mind how long each takes when it is urgent or a guest arrives soon.
estimate_usd: digits like "145.00": what this vendor's bill will most likely be, from past bills or what they usually take.
why: one sentence in the language `why_language`, for the founder who decides.
texts: for each entry of `texts` in the facts, what that reader should know, in that language, one to three short \
sentences. vendor: what is broken, since when, what is dangerous, what to bring. guest: what is happening and what to do \
meanwhile, warm and concrete. reporter: what to do now, in order. No amounts, no links, no phone numbers, no names of \
programs: those are added by us.
translations: for each language in `translate_to`, everything the writer said, complete, nothing added; names, codes, \
numbers and amounts exactly as they are."""


class Text(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reader: str
    language: str
    text: str


class Translated(BaseModel):
    model_config = ConfigDict(extra="forbid")

    language: str
    text: str


class Suggestion(BaseModel):
    """A model's answer, valid in form and not yet believed."""

    model_config = ConfigDict(extra="forbid")

    vendor_id: str | None
    estimate_usd: str
    why: str
    texts: list[Text]
    translations: list[Translated]


@dataclass(frozen=True)
class Weighed:
    draft: Draft
    texts: Mapping[str, ModelText]
    """By reader."""
    translations: dict[str, str]
    problems: tuple[str, ...] = ()
    """What of it could not be believed at all: a person looks."""
    dropped: tuple[str, ...] = ()
    """Texts that are not shown; the catalogue speaks instead."""


Flaws = Callable[[str, str], list[str]]
"""(text, language) -> why it may not be shown."""


def candidates(
    company: Company, place: Property, category: Category, knowledge: Knowledge, refused: Collection[str]
) -> list[Vendor]:
    """Approved for the property, of the trade (or known to have done it there), and not one who said no."""
    trades = set(
        knowledge.sop.trades
        if knowledge.sop and knowledge.sop.trades
        else [TRADE_OF.get(category, "on_site")]
    )
    did_it = {past.vendor_id for past in knowledge.resolutions}
    here = [v for v in company.vendors if company.reaches(v, place.id) and v.id not in refused]
    return [v for v in here if v.person_id or set(v.trades) & trades or v.id in did_it]


def facts_for(
    place: Property,
    category: Category,
    knowledge: Knowledge,
    offered: Iterable[Vendor],
    about: dict[str, Any],
    texts: dict[str, str],
    translate_to: Iterable[str],
    why_language: str,
) -> dict[str, Any]:
    """The case as data. `about`: severity, risks and answers; `texts`: reader -> language."""
    return {
        "property": {"id": place.id, "name": place.name, "city": place.city, "country": place.country},
        "category": category.value,
        **about,
        "candidates": [
            {
                "vendor_id": vendor.id,
                "trades": list(vendor.trades),
                "usual_usd": [str(vendor.usual_usd.low), str(vendor.usual_usd.high)],
                "response_hours": vendor.response_hours,
                "on_site": vendor.person_id is not None,
                "past_bills_here": [
                    {"date": past.resolved_on.isoformat(), "usd": str(past.cost_usd), "rating": past.rating}
                    for past in knowledge.resolutions
                    if past.vendor_id == vendor.id
                ],
            }
            for vendor in offered
        ],
        "memos": [shorten(memo.in_english, 400) for memo in knowledge.memos],
        "procedure": list(knowledge.sop.steps) if knowledge.sop else [],
        "why_language": why_language,
        "texts": texts,
        "translate_to": list(translate_to),
    }


def weigh(
    said: Suggestion,
    rule: Draft,
    company: Company,
    place: Property,
    knowledge: Knowledge,
    offered: Iterable[Vendor],
    asked: dict[str, str],
    translate_to: Collection[str],
    why_language: str,
    flaws: Flaws,
    quote_flaws: Flaws,
    now: Any,
) -> Weighed:
    """As much of `said` as can be believed; the `rule`'s draft where it cannot."""
    problems: list[str] = []
    known = {vendor.id: vendor for vendor in offered}
    draft = rule
    vendor = known.get(said.vendor_id or "")
    if vendor is None:
        if said.vendor_id is not None or rule.vendor_id is not None:
            problems.append("vendor")
    else:
        price = _price(said.estimate_usd, vendor, knowledge)
        if price is None:
            problems.append("estimate")
        by_rule, why_price = estimate_for(vendor, knowledge)
        draft = replace(
            rule,
            vendor_id=vendor.id,
            estimate_usd=by_rule if price is None else price,
            cap_usd=cap_for(place, vendor, knowledge),
            response=response_time(vendor, place, now),
            why_price=why_price if price is None or price == by_rule else Reason("price_by_model", {}),
        )
        if vendor.id != rule.vendor_id:
            reason = (
                "" if repeats(said.why, STABLE) or flaws(said.why, why_language) else shorten(said.why, 300)
            )
            draft = replace(draft, why_vendor=Reason("vendor_by_model", {"why": reason}))
    texts: dict[str, ModelText] = {}
    dropped: list[str] = []
    for one in said.texts:
        wrong = asked.get(one.reader) != one.language or one.reader in texts
        found = ["not asked for"] if wrong else flaws(one.text, one.language)
        if repeats(one.text, STABLE):
            found = [*found, "our own instructions"]
        if found:
            dropped.append(f"{shorten(one.reader, 20)}: {', '.join(found)}")
        else:
            texts[one.reader] = ModelText(one.language, one.text.strip())
    translations: dict[str, str] = {}
    for two in said.translations:
        ours = repeats(two.text, STABLE)
        if two.language not in translate_to or ours or quote_flaws(two.text, two.language):
            dropped.append(f"translation: {shorten(two.language, 10)}")
        else:
            translations[two.language] = two.text.strip()
    return Weighed(draft, texts, translations, tuple(problems), tuple(dropped))


def _price(said: str, vendor: Vendor, knowledge: Knowledge) -> Decimal | None:
    """The price if it is one that this vendor is known to take; None for any other, and for what is no number."""
    bills = [past.cost_usd for past in knowledge.resolutions if past.vendor_id == vendor.id]
    low, high = min([vendor.usual_usd.low, *bills]), max([vendor.usual_usd.high, *bills])
    try:
        price = Decimal(said)
        return usd(price) if price.is_finite() and low <= price <= high else None
    except (InvalidOperation, ValueError):
        return None
