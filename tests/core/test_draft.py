"""Which vendor is drafted, for what it should cost, up to which cap, and how soon."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.company.company import Company
from core.company.rules import Rule
from core.company.schema import CompanyFile, EscalationFile, Property, Resolution, Sop, Step, Vendor
from core.company.skills import Skill
from core.dispatch.draft import (
    Draft,
    cap_for,
    choose_vendor,
    draft,
    estimate_for,
    response_time,
)
from core.knowledge.recall import Knowledge
from core.model import Category
from core.stored_values import Reason

NOVEMBER = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)


def vendor(vendor_id: str, trade: str = "hvac", low: str = "80", high: str = "200", **changes: Any) -> Vendor:
    whole = {
        "id": vendor_id, "name": vendor_id, "trades": [trade], "properties": ["flat"], "languages": ["en"],
        "usual_usd": {"low": low, "high": high}, "response_hours": 2, **changes,
    }  # fmt: skip
    return Vendor.model_validate(whole)


def place(cap: str | None = None, zone: str = "Asia/Taipei") -> Property:
    return Property.model_validate(
        {
            "id": "flat", "name": "Flat", "city": "Taipei", "country": "TW", "language": "en",
            "timezone": zone, "monthly_budget_usd": "500", "cap_usd": cap,
        }
    )  # fmt: skip


def company(*vendors: Vendor) -> Company:
    nothing = EscalationFile(default=[Step(who="founder", wait=30)])
    return Company(CompanyFile(name="C"), [place()], [], vendors, [], [], [], nothing)


def bill(vendor_id: str | None, cost: str = "100", rating: int = 5, on: str = "2026-01-01") -> Resolution:
    return Resolution(
        id=f"h_{on}", property_id="flat", category=Category.HVAC_LEAK, vendor_id=vendor_id, summary="s",
        resolved_on=date.fromisoformat(on), hours=1, cost_usd=Decimal(cost), rating=rating,
    )  # fmt: skip


def sop(*trades: str, cap: str | None = None) -> Sop:
    return Sop(
        id="hvac_leak", title="t", steps=["s"], trades=list(trades), cap_usd=Decimal(cap) if cap else None
    )


def skill(preferred: str, *others: str, cap: str = "900") -> Skill:
    return Skill.model_validate(
        {
            "skill_id": "s", "version": 1, "name": "AC in Taipei", "description": "d",
            "trigger_conditions": {"category": ["hvac_leak"]}, "workflow_steps": [{"do": "dispatch_vendor"}],
            "preferred_vendors": [preferred, *others], "auth_cap_usd": cap, "approved": True,
            "sources": {"generated_by": "ben", "generated_at": "2026-01-01T00:00:00Z"},
        }
    )  # fmt: skip


def rule(rule_id: str, kind: str, then: dict[str, str], **when: str) -> Rule:
    wide = kind in {"raise_cap", "standing_order"}
    scope = {"property_id": "flat", "category": "hvac_leak"} | when if wide else when
    until = NOVEMBER + timedelta(days=1) if wide else None
    return Rule.model_validate(
        {"rule_id": rule_id, "kind": kind, "when": scope, "then": then, "until": until}
    )


WANG = vendor("wang")
CHEAP = vendor("cheap", low="20")
DEAR = vendor("dear", low="300", high="400")
PIPES = vendor("pipes", "plumbing", low="10")
SHIRLEY = vendor("shirley", "errands", low="0", high="0", person_id="shirley")

BY_SKILL = Reason("vendor_by_skill", {"skill": "AC in Taipei"})
BY_TRADE = Reason("vendor_by_trade", {"trade": "hvac"})
ON_SITE = Reason("vendor_on_site", {})
NOBODY = Reason("vendor_none", {})


def by_history(on: str, rating: int) -> Reason:
    return Reason("vendor_by_history", {"date": on, "rating": str(rating)})


def chosen(vendors: list[Vendor], knowledge: Knowledge) -> tuple[str | None, Reason]:
    one, why = choose_vendor(company(*vendors), place(), Category.HVAC_LEAK, knowledge)
    return one.id if one else None, why


@pytest.mark.parametrize(
    ("vendors", "knowledge", "outcome"),
    [
        ([CHEAP, WANG, DEAR], Knowledge(skill=skill("dear", "wang")), ("dear", BY_SKILL)),
        ([CHEAP, WANG], Knowledge(skill=skill("dear", "wang")), ("wang", BY_SKILL)),
        ([CHEAP, DEAR], Knowledge(skill=skill("dear"), resolutions=(bill("cheap"),)), ("dear", BY_SKILL)),
        ([WANG, PIPES], Knowledge(skill=skill("pipes"), sop=sop("hvac")), ("pipes", BY_SKILL)),
        ([CHEAP, WANG], Knowledge(skill=skill("dear")), ("cheap", BY_TRADE)),
    ],
)
def test_a_skill_goes_before_everything_in_its_own_order(
    vendors: list[Vendor], knowledge: Knowledge, outcome: tuple[str, Reason]
) -> None:
    assert chosen(vendors, knowledge) == outcome


@pytest.mark.parametrize(
    ("vendors", "bills", "outcome"),
    [
        ([CHEAP, WANG], [bill("wang", rating=5)], ("wang", by_history("2026-01-01", 5))),
        ([CHEAP, WANG], [bill("wang", rating=4)], ("wang", by_history("2026-01-01", 4))),
        ([CHEAP, WANG], [bill("wang", rating=3)], ("cheap", BY_TRADE)),
        ([CHEAP, WANG], [bill("wang", rating=1)], ("cheap", BY_TRADE)),
        (
            [WANG, DEAR],
            [bill("wang", rating=4), bill("dear", rating=5)],
            ("wang", by_history("2026-01-01", 4)),
        ),
        (
            [WANG, DEAR],
            [bill("wang", rating=2), bill("dear", rating=5)],
            ("dear", by_history("2026-01-01", 5)),
        ),
        (
            [WANG],
            [bill("wang", rating=1, on="2026-02-01"), bill("wang", rating=4)],
            ("wang", by_history("2026-01-01", 4)),
        ),
        ([WANG, PIPES], [bill("pipes")], ("pipes", by_history("2026-01-01", 5))),
        ([CHEAP, WANG], [bill("dear")], ("cheap", BY_TRADE)),
        ([CHEAP, WANG], [bill(None)], ("cheap", BY_TRADE)),
    ],
)
def test_then_comes_the_last_who_did_it_and_was_rated_four_or_better(
    vendors: list[Vendor], bills: list[Resolution], outcome: tuple[str, Reason]
) -> None:
    assert chosen(vendors, Knowledge(resolutions=tuple(bills))) == outcome


@pytest.mark.parametrize(
    ("vendors", "outcome"),
    [
        ([WANG, CHEAP, DEAR, PIPES], ("cheap", BY_TRADE)),
        ([DEAR, WANG], ("wang", BY_TRADE)),
        ([WANG, vendor("abe")], ("abe", BY_TRADE)),
        ([vendor("abe", high="300"), WANG], ("abe", BY_TRADE)),
        ([WANG, SHIRLEY], ("wang", BY_TRADE)),
        ([PIPES, SHIRLEY], ("shirley", ON_SITE)),
        ([SHIRLEY, vendor("haru", "errands", person_id="haru")], ("shirley", ON_SITE)),
        ([PIPES], (None, NOBODY)),
        ([], (None, NOBODY)),
    ],
)
def test_then_the_cheapest_of_the_trade_then_who_is_on_site_and_at_last_nobody(
    vendors: list[Vendor], outcome: tuple[str | None, Reason]
) -> None:
    assert chosen(vendors, Knowledge()) == outcome


@pytest.mark.parametrize(
    ("category", "trade"),
    [
        (Category.HVAC_LEAK, "hvac"),
        (Category.HVAC_FAILURE, "hvac"),
        (Category.PLUMBING_LEAK, "plumbing"),
        (Category.PLUMBING_BLOCKAGE, "plumbing"),
        (Category.ELECTRICAL, "electrical"),
        (Category.LOCKOUT, "lockout"),
        (Category.WIFI_INTERNET, "on_site"),
        (Category.CLEANING, "on_site"),
        (Category.GAS_FIRE, "on_site"),
        (Category.OTHER, "on_site"),
    ],
)
def test_each_category_calls_its_trade_where_no_procedure_says_so(category: Category, trade: str) -> None:
    trades = ["hvac", "plumbing", "electrical", "lockout", "on_site"]
    house = company(*(vendor(f"does_{one}", one) for one in trades))
    expected = (f"does_{trade}", Reason("vendor_by_trade", {"trade": trade}))
    for knowledge in (Knowledge(), Knowledge(sop=sop())):
        one, reason = choose_vendor(house, place(), category, knowledge)
        assert (one.id if one else None, reason) == expected


@pytest.mark.parametrize(
    ("trades", "drafted", "named"),
    [
        (["plumbing"], "pipes", "plumbing"),
        (["hvac"], "cheap", "hvac"),
        (["plumbing", "hvac"], "pipes", "plumbing"),
        (["hvac", "plumbing"], "pipes", "hvac"),
    ],
)
def test_a_procedure_says_which_trades_it_calls(trades: list[str], drafted: str, named: str) -> None:
    house = company(WANG, CHEAP, PIPES)
    one, reason = choose_vendor(house, place(), Category.HVAC_LEAK, Knowledge(sop=sop(*trades)))
    assert (one.id if one else None, reason) == (drafted, Reason("vendor_by_trade", {"trade": named}))


@pytest.mark.parametrize(
    "absent",
    [
        vendor("wang", properties=["house"]),
        vendor("wang", properties=[]),
        vendor("wang", approved=False),
        vendor("wang", approved=False, person_id="shirley"),
    ],
)
@pytest.mark.parametrize(
    "knowledge",
    [Knowledge(), Knowledge(skill=skill("wang")), Knowledge(resolutions=(bill("wang"),))],
)
def test_who_is_not_approved_for_the_property_is_never_drafted(absent: Vendor, knowledge: Knowledge) -> None:
    assert choose_vendor(company(absent), place(), Category.HVAC_LEAK, knowledge) == (None, NOBODY)
    one, _ = choose_vendor(company(absent, DEAR), place(), Category.HVAC_LEAK, knowledge)
    assert one == DEAR


@pytest.mark.parametrize(
    ("refused", "drafted", "why"),
    [
        ([], "wang", BY_SKILL),
        (["wang"], "dear", by_history("2026-01-01", 5)),
        (["wang", "dear"], "cheap", BY_TRADE),
        (["wang", "dear", "cheap"], "shirley", ON_SITE),
        (["wang", "dear", "cheap", "shirley"], None, NOBODY),
        (["cheap", "shirley"], "wang", BY_SKILL),
    ],
)
def test_who_has_said_no_is_not_asked_again(refused: list[str], drafted: str | None, why: Reason) -> None:
    house = company(WANG, CHEAP, DEAR, SHIRLEY)
    knowledge = Knowledge(skill=skill("wang"), resolutions=(bill("dear"),))
    one, reason = choose_vendor(house, place(), Category.HVAC_LEAK, knowledge, refused)
    assert (one.id if one else None, reason) == (drafted, why)


@pytest.mark.parametrize(
    ("bills", "amount", "count", "on"),
    [
        ([bill("wang", "145")], "145.00", 1, "2026-01-01"),
        (
            [bill("wang", "128", on="2026-03-01"), bill("wang", "145", on="2026-02-01")],
            "145.00",
            2,
            "2026-02-01",
        ),
        (
            [bill("wang", "145", on="2026-03-01"), bill("wang", "128", on="2026-02-01")],
            "145.00",
            2,
            "2026-03-01",
        ),
        (
            [bill("wang", "145", on="2026-03-01"), bill("wang", "145", on="2026-02-01")],
            "145.00",
            2,
            "2026-03-01",
        ),
        ([bill("dear", "900"), bill("wang", "5", rating=1), bill(None, "800")], "5.00", 1, "2026-01-01"),
        ([bill("wang", "0")], "0.00", 1, "2026-01-01"),
        ([bill("wang", "900")], "900.00", 1, "2026-01-01"),
    ],
)
def test_the_estimate_is_the_dearest_bill_of_this_vendor(
    bills: list[Resolution], amount: str, count: int, on: str
) -> None:
    estimate, why = estimate_for(WANG, Knowledge(resolutions=tuple(bills)))
    assert str(estimate) == amount
    assert why == Reason("price_by_history", {"count": str(count), "date": on, "amount": amount})


@pytest.mark.parametrize(
    ("low", "high", "middle"),
    [
        ("80.00", "200.00", "140.00"),
        ("0.00", "0.00", "0.00"),
        ("10.00", "10.00", "10.00"),
        ("10.00", "10.01", "10.00"),
        ("10.01", "10.02", "10.02"),
        ("0.00", "99.99", "50.00"),
    ],
)
def test_without_bills_it_is_the_middle_of_the_usual_in_whole_cents(low: str, high: str, middle: str) -> None:
    estimate, why = estimate_for(vendor("wang", low=low, high=high), Knowledge(resolutions=(bill("other"),)))
    assert str(estimate) == middle
    assert why == Reason("price_by_usual", {"low": low, "high": high})


def test_without_a_vendor_no_price_is_known() -> None:
    estimate, why = estimate_for(None, Knowledge(resolutions=(bill(None, "90"),)))
    assert (str(estimate), why) == ("0.00", Reason("price_unknown", {}))


@pytest.mark.parametrize(
    ("of_place", "of_vendor", "of_sop", "of_skill", "cap"),
    [
        ("250", "200", "150", "100", "100"),
        ("250", "200", "100", "150", "100"),
        ("250", "100", "200", "150", "100"),
        ("100", "250", "200", "150", "100"),
        (None, "200", None, None, "200"),
        (None, "200", "150", None, "150"),
        (None, "200", None, "150", "150"),
        ("150", "200", None, None, "150"),
        ("150", "150", "150", "150", "150"),
        ("250", "200", "0", "150", "0"),
        ("0", "200", None, None, "0"),
        ("250", "0", None, None, "0"),
        ("250", "200", None, "0", "0"),
    ],
)
def test_the_cap_is_the_smallest_of_all_that_are_set(
    of_place: str | None, of_vendor: str, of_sop: str | None, of_skill: str | None, cap: str
) -> None:
    knowledge = Knowledge(
        sop=sop("hvac", cap=of_sop), skill=skill("wang", cap=of_skill) if of_skill is not None else None
    )
    assert cap_for(place(of_place), vendor("wang", cap_usd=of_vendor), knowledge) == Decimal(cap)


@pytest.mark.parametrize(
    ("one", "of_place", "knowledge", "cap"),
    [
        (vendor("wang", high="180"), "250", Knowledge(), "180"),
        (vendor("wang", high="180", cap_usd="300"), None, Knowledge(), "300"),
        (None, "250", Knowledge(), "250"),
        (None, None, Knowledge(sop=sop(cap="70")), "70"),
        (None, None, Knowledge(skill=skill("wang", cap="60")), "60"),
        (None, None, Knowledge(sop=sop()), "0"),
        (None, None, Knowledge(), "0"),
    ],
)
def test_a_vendor_without_a_cap_is_capped_at_the_top_of_the_usual_and_nobody_at_all_at_nothing(
    one: Vendor | None, of_place: str | None, knowledge: Knowledge, cap: str
) -> None:
    assert cap_for(place(of_place), one, knowledge) == Decimal(cap)


@pytest.mark.parametrize(
    ("months", "slow_hours", "utc", "zone", "hours"),
    [
        ([12, 1, 2], 6, "2026-11-20T04:00", "Asia/Tokyo", 2),
        ([12, 1, 2], 6, "2026-12-20T04:00", "Asia/Tokyo", 6),
        ([12, 1, 2], 6, "2026-01-20T04:00", "Asia/Tokyo", 6),
        ([12, 1, 2], 6, "2026-02-20T04:00", "Asia/Tokyo", 6),
        ([12, 1, 2], 6, "2026-03-20T04:00", "Asia/Tokyo", 2),
        ([12], 6, "2026-11-30T14:59", "Asia/Tokyo", 2),
        ([12], 6, "2026-11-30T15:00", "Asia/Tokyo", 6),
        ([12], 6, "2026-12-31T14:59", "Asia/Tokyo", 6),
        ([12], 6, "2026-12-31T15:00", "Asia/Tokyo", 2),
        ([12], 6, "2026-12-01T07:59", "America/Los_Angeles", 2),
        ([12], 6, "2026-12-01T08:00", "America/Los_Angeles", 6),
        ([12], 0.5, "2026-12-20T04:00", "Asia/Tokyo", 0.5),
        ([12], None, "2026-12-20T04:00", "Asia/Tokyo", 2),
        ([], 6, "2026-12-20T04:00", "Asia/Tokyo", 2),
    ],
)
def test_in_slow_months_of_the_property_it_takes_as_long_as_then(
    months: list[int], slow_hours: float | None, utc: str, zone: str, hours: float
) -> None:
    one = vendor("wang", slow_months=months, slow_response_hours=slow_hours)
    now = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert response_time(one, place(zone=zone), now) == timedelta(hours=hours)


def test_nobody_comes_at_no_time() -> None:
    assert response_time(None, place(), NOVEMBER) == timedelta(0)


def test_the_draft_is_all_of_it_together() -> None:
    slow = vendor("wang", slow_months=[11], slow_response_hours=5)
    knowledge = Knowledge(sop=sop("hvac", cap="190"), resolutions=(bill("wang", "145"),))
    assert draft(company(slow, CHEAP), place("250"), Category.HVAC_LEAK, knowledge, NOVEMBER) == Draft(
        vendor_id="wang",
        estimate_usd=Decimal(145),
        cap_usd=Decimal(190),
        response=timedelta(hours=5),
        why_vendor=by_history("2026-01-01", 5),
        why_price=Reason("price_by_history", {"count": "1", "date": "2026-01-01", "amount": "145.00"}),
    )


@pytest.mark.parametrize(
    ("of_vendor", "of_place", "cap"), [("90", "250", "90"), ("250", "90", "90"), ("250", "250", "190")]
)
def test_the_cap_of_a_draft_is_that_of_vendor_place_and_procedure(
    of_vendor: str, of_place: str, cap: str
) -> None:
    house, knowledge = company(vendor("wang", cap_usd=of_vendor)), Knowledge(sop=sop("hvac", cap="190"))
    found = draft(house, place(of_place), Category.HVAC_LEAK, knowledge, NOVEMBER)
    assert found.cap_usd == Decimal(cap)


def test_a_draft_after_a_refusal_is_somebody_elses() -> None:
    knowledge = Knowledge(resolutions=(bill("wang", "145"),))
    found = draft(company(WANG, CHEAP), place("250"), Category.HVAC_LEAK, knowledge, NOVEMBER, ["wang"])
    assert (found.vendor_id, found.estimate_usd, found.why_vendor) == ("cheap", Decimal(110), BY_TRADE)


def test_a_draft_for_nobody_costs_nothing_yet() -> None:
    found = draft(company(), place("250"), Category.PLUMBING_LEAK, Knowledge(), NOVEMBER)
    assert found == Draft(None, Decimal(0), Decimal(250), timedelta(0), NOBODY, Reason("price_unknown", {}))


# --- what the founder adopted


def prefer(vendor_id: str, rule_id: str = "r") -> Rule:
    return rule(rule_id, "prefer_vendor", {"vendor_id": vendor_id})


def avoid(vendor_id: str) -> Rule:
    return rule("no", "avoid_vendor", {"vendor_id": vendor_id})


@pytest.mark.parametrize(
    ("knowledge", "drafted", "why"),
    [
        (Knowledge(rules=(prefer("dear"),)), "dear", Reason("vendor_by_rule", {"rule": "r"})),
        (Knowledge(rules=(prefer("dear", "a"), prefer("wang", "b"))), "wang", Reason("vendor_by_rule", {"rule": "b"})),
        (Knowledge(rules=(prefer("wang", "b"), prefer("dear", "a"))), "dear", Reason("vendor_by_rule", {"rule": "a"})),
        (Knowledge(rules=(prefer("dear", "a"), prefer("stranger", "b"))), "dear", Reason("vendor_by_rule", {"rule": "a"})),
        (Knowledge(rules=(prefer("dear"), avoid("dear"))), "cheap", Reason("vendor_by_trade", {"trade": "hvac"})),
        (Knowledge(rules=(avoid("cheap"),)), "wang", Reason("vendor_by_trade", {"trade": "hvac"})),
        (Knowledge(rules=(avoid("cheap"), avoid("wang"))), "dear", Reason("vendor_by_trade", {"trade": "hvac"})),
        (Knowledge(rules=(avoid("wang"),), resolutions=(bill("wang"),)), "cheap", Reason("vendor_by_trade", {"trade": "hvac"})),
        (Knowledge(rules=(prefer("dear"),), skill=skill("wang")), "wang", Reason("vendor_by_skill", {"skill": "AC in Taipei"})),
        (Knowledge(rules=(prefer("dear"),), resolutions=(bill("wang"),)), "dear", Reason("vendor_by_rule", {"rule": "r"})),
        (Knowledge(rules=(rule("x", "estimate", {"usd": "5"}),)), "cheap", Reason("vendor_by_trade", {"trade": "hvac"})),
    ],
)  # fmt: skip
def test_a_rule_says_whom_to_prefer_and_whom_to_avoid(
    knowledge: Knowledge, drafted: str, why: Reason
) -> None:
    chosen, said = choose_vendor(company(WANG, CHEAP, DEAR), place(), Category.HVAC_LEAK, knowledge)
    assert (chosen and chosen.id, said) == (drafted, why)


@pytest.mark.parametrize(
    ("rules", "price", "why"),
    [
        ([rule("a", "estimate", {"usd": "77"})], "77.00", Reason("price_by_rule", {"rule": "a"})),
        (
            [rule("a", "estimate", {"usd": "77"}), rule("b", "estimate", {"usd": "88"})],
            "88.00",
            Reason("price_by_rule", {"rule": "b"}),
        ),
        ([rule("a", "estimate", {"usd": "77"}, vendor_id="wang")], "77.00", Reason("price_by_rule", {"rule": "a"})),
        (
            [rule("a", "estimate", {"usd": "77"}, vendor_id="cheap"), rule("b", "lower_cap", {"cap_usd": "9"})],
            "100",
            Reason("price_by_history", {"count": "1", "date": "2026-01-01", "amount": "100.00"}),
        ),
    ],
)  # fmt: skip
def test_a_rule_says_what_it_should_cost(rules: list[Rule], price: str, why: Reason) -> None:
    knowledge = Knowledge(rules=tuple(rules), resolutions=(bill("wang"),))
    assert estimate_for(WANG, knowledge) == (Decimal(price), why)
    assert estimate_for(None, knowledge) == (Decimal(0), Reason("price_unknown", {}))


@pytest.mark.parametrize(
    ("rules", "cap"),
    [
        ([], "150"),
        ([rule("r", "raise_cap", {"cap_usd": "300"}, vendor_id="wang")], "300"),
        ([rule("r", "raise_cap", {"cap_usd": "300"}, vendor_id="wang"), rule("q", "raise_cap", {"cap_usd": "250"}, vendor_id="wang")], "250"),
        ([rule("r", "raise_cap", {"cap_usd": "900"}, vendor_id="wang")], "400"),
        ([rule("r", "raise_cap", {"cap_usd": "300"}, vendor_id="cheap")], "150"),
        ([rule("l", "lower_cap", {"cap_usd": "20"})], "20"),
        ([rule("l", "lower_cap", {"cap_usd": "20"}, vendor_id="wang")], "20"),
        ([rule("l", "lower_cap", {"cap_usd": "20"}, vendor_id="cheap")], "150"),
        ([rule("l", "lower_cap", {"cap_usd": "200"})], "150"),
        ([rule("k", "lower_cap", {"cap_usd": "50"}), rule("l", "lower_cap", {"cap_usd": "20"})], "20"),
        ([rule("l", "lower_cap", {"cap_usd": "20"}), rule("k", "lower_cap", {"cap_usd": "50"})], "20"),
        ([rule("r", "raise_cap", {"cap_usd": "300"}, vendor_id="wang"), rule("l", "lower_cap", {"cap_usd": "50"})], "50"),
    ],
)  # fmt: skip
def test_a_rule_raises_the_cap_up_to_that_of_the_place_or_lowers_it(rules: list[Rule], cap: str) -> None:
    knowledge = Knowledge(sop=sop(cap="150"), rules=tuple(rules))
    assert cap_for(place("400"), WANG, knowledge) == Decimal(cap)


def test_a_rule_about_anybody_lowers_the_cap_of_nobody_too() -> None:
    lowered = rule("l", "lower_cap", {"cap_usd": "20"})
    of_wang = rule("k", "lower_cap", {"cap_usd": "5"}, vendor_id="wang")
    assert cap_for(place("400"), None, Knowledge(rules=(lowered, of_wang))) == Decimal(20)
