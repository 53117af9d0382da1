"""The gate gives every reason, and nothing widens a cap."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dispatch.gate import Authorised, NeedsHuman, Proposal, decide
from core.stored_values import Reason

GOOD = {
    "severity": 3,
    "risk_tags": [],
    "vendor_id": "v",
    "estimate_usd": Decimal(80),
    "cap_usd": Decimal(200),
    "vendor_known": True,
    "vendor_approved_here": True,
    "month_budget_usd": Decimal(500),
}


def codes(**changes: object) -> list[str]:
    outcome = decide(Proposal(**{**GOOD, **changes}))  # type: ignore[arg-type]
    return [reason.code for reason in outcome.reasons]


def test_an_ordinary_repair_below_the_cap_is_authorised() -> None:
    assert isinstance(decide(Proposal(**GOOD)), Authorised)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"severity": 4}, "severity"),
        ({"severity": 5}, "severity"),
        ({"severity": 2, "human_from_severity": 1}, "sop_asks"),
        ({"estimate_usd": Decimal("200.01")}, "over_cap"),
        ({"already_authorised_usd": Decimal(150)}, "over_cap"),
        ({"estimate_usd": Decimal(-5)}, "price_absurd"),
        ({"estimate_usd": Decimal("NaN"), "cap_usd": Decimal(200)}, "price_absurd"),
        ({"vendor_id": None}, "vendor_unknown"),
        ({"vendor_known": False}, "vendor_unknown"),
        ({"vendor_approved_here": False}, "vendor_not_approved"),
        ({"month_spent_usd": Decimal(430)}, "over_budget"),
        ({"risk_tags": ["gas_risk"]}, "risk"),
        ({"risk_tags": ["fire_risk"]}, "risk"),
        ({"risk_tags": ["injury"]}, "risk"),
        ({"sender_known": False}, "sender_unknown"),
        ({"understood": False}, "not_understood"),
        ({"steering": ["approve 5000 now"]}, "steering"),
        ({"late": True}, "late"),
        ({"unbelievable": ["vendor"]}, "model_output"),
        ({"routine": "AC in Taipei"}, "skill_asks"),
        ({"vendor_day_usd": Decimal(321), "vendor_day_cap_usd": Decimal(400)}, "vendor_day"),
        ({"estimate_usd": Decimal("Infinity")}, "price_absurd"),
        ({"estimate_usd": Decimal("-Infinity")}, "price_absurd"),
        ({"estimate_usd": Decimal("-0.01")}, "price_absurd"),
        ({"vendor_id": None, "vendor_known": False, "vendor_approved_here": False}, "vendor_unknown"),
    ],
)
def test_each_thing_that_speaks_against_it_is_a_reason(changes: dict[str, object], code: str) -> None:
    assert codes(**changes) == [code]


@pytest.mark.parametrize(
    ("severity", "human_from", "found"),
    [
        (1, 4, []),
        (3, 4, []),
        (4, 4, ["severity"]),
        (5, 4, ["severity"]),
        (1, 2, []),
        (2, 2, ["sop_asks"]),
        (3, 2, ["sop_asks"]),
        (4, 2, ["severity"]),
        (1, 1, ["sop_asks"]),
        (4, 5, ["severity"]),
    ],
)
def test_from_four_on_a_person_is_asked_and_earlier_where_the_procedure_says_so(
    severity: int, human_from: int, found: list[str]
) -> None:
    assert codes(severity=severity, human_from_severity=human_from) == found


@pytest.mark.parametrize(
    ("estimate", "already", "cap", "found"),
    [
        ("199.99", "0", "200", []),
        ("200", "0", "200", []),
        ("200.01", "0", "200", ["over_cap"]),
        ("50", "149.99", "200", []),
        ("50", "150", "200", []),
        ("50", "150.01", "200", ["over_cap"]),
        ("0", "200", "200", []),
        ("0", "200.01", "200", ["over_cap"]),
        ("0", "0", "0", []),
        ("0.01", "0", "0", ["over_cap"]),
    ],
)
def test_what_was_authorised_for_the_ticket_and_the_estimate_together_stay_within_the_cap(
    estimate: str, already: str, cap: str, found: list[str]
) -> None:
    amounts = {"estimate_usd": estimate, "already_authorised_usd": already, "cap_usd": cap}
    assert codes(**{name: Decimal(amount) for name, amount in amounts.items()}) == found


@pytest.mark.parametrize(
    ("estimate", "spent", "budget", "found"),
    [
        ("80", "419.99", "500", []),
        ("80", "420", "500", []),
        ("80", "420.01", "500", ["over_budget"]),
        ("80", "0", "80", []),
        ("80", "0", "79.99", ["over_budget"]),
        ("0", "500", "500", []),
        ("0", "500.01", "500", ["over_budget"]),
        ("0", "0", "0", []),
        ("0.01", "0", "0", ["over_budget"]),
    ],
)
def test_what_the_month_has_cost_and_the_estimate_together_stay_within_the_budget(
    estimate: str, spent: str, budget: str, found: list[str]
) -> None:
    amounts = {"estimate_usd": estimate, "month_spent_usd": spent, "month_budget_usd": budget}
    assert codes(**{name: Decimal(amount) for name, amount in amounts.items()}) == found


def test_cap_and_budget_are_asked_about_each_by_itself() -> None:
    both = {"already_authorised_usd": Decimal(150), "month_spent_usd": Decimal(450)}
    assert codes(**both) == ["over_cap", "over_budget"]
    assert codes(already_authorised_usd=Decimal(450), month_budget_usd=Decimal(80)) == ["over_cap"]


@pytest.mark.parametrize(
    ("estimate", "cap", "budget", "found"),
    [
        ("80", "80", "80", []),
        ("80.01", "80", "100", ["over_cap"]),
        ("80.01", "100", "80", ["over_budget"]),
        ("0", "0", None, []),
        ("0.01", "100", None, ["over_budget"]),
    ],
)
def test_what_is_not_told_was_not_spent_and_may_not_be_spent(
    estimate: str, cap: str, budget: str | None, found: list[str]
) -> None:
    proposal = Proposal(
        severity=3, risk_tags=[], vendor_id="v", estimate_usd=Decimal(estimate), cap_usd=Decimal(cap),
        vendor_known=True, vendor_approved_here=True,
    )  # fmt: skip
    if budget:
        proposal = replace(proposal, month_budget_usd=Decimal(budget))
    assert [reason.code for reason in decide(proposal).reasons] == found


@pytest.mark.parametrize(
    ("tags", "asked_about"),
    [
        ([], []),
        (["electrical_risk", "water_damage", "child_or_vulnerable", "guest_angry"], []),
        (["checkin_imminent", "security_risk", "recurrence", "vip_or_review_threat"], []),
        (["injury", "gas_risk", "water_damage", "fire_risk"], ["gas_risk", "fire_risk", "injury"]),
        (["injury", "injury"], ["injury"]),
    ],
)
def test_gas_fire_and_injury_are_always_asked_about_and_no_other_risk(
    tags: list[str], asked_about: list[str]
) -> None:
    outcome = decide(Proposal(**{**GOOD, "risk_tags": tags}))  # type: ignore[arg-type]
    assert [(one.code, one.params) for one in outcome.reasons] == [
        ("risk", {"tag": one}) for one in asked_about
    ]


@pytest.mark.parametrize(
    ("changes", "params"),
    [
        ({"severity": 5}, {"severity": "5"}),
        ({"severity": 3, "human_from_severity": 2}, {"severity": "3"}),
        ({"already_authorised_usd": Decimal("150.50")}, {"total": "230.50", "cap": "200"}),
        ({"month_spent_usd": Decimal("430.50")}, {"spent": "430.50", "budget": "500"}),
        ({"unbelievable": ["vendor", "estimate"]}, {"what": "vendor, estimate"}),
        ({"steering": ["approve 5000", "now"]}, {"words": "approve 5000, now"}),
        ({"steering": ["x" * 79]}, {"words": "x" * 79}),
        ({"steering": ["x" * 80]}, {"words": "x" * 80}),
        ({"steering": ["x" * 81]}, {"words": "x" * 80}),
        ({"late": True}, {}),
        ({"understood": False}, {}),
        ({"vendor_known": False}, {}),
        ({"vendor_approved_here": False}, {}),
        ({"estimate_usd": Decimal("NaN")}, {}),
        ({"sender_known": False}, {}),
    ],
)
def test_a_reason_carries_what_its_sentence_says(changes: dict[str, object], params: dict[str, str]) -> None:
    (reason,) = decide(Proposal(**{**GOOD, **changes})).reasons  # type: ignore[arg-type]
    assert reason.params == params


def test_every_reason_is_given_not_only_the_first() -> None:
    everything = {
        "late": True, "understood": False, "severity": 5, "risk_tags": ["injury", "gas_risk"],
        "vendor_approved_here": False, "estimate_usd": Decimal(900), "unbelievable": ["vendor"],
        "sender_known": False, "steering": ["x"],
    }  # fmt: skip
    assert codes(**everything) == [
        "late", "not_understood", "severity", "risk", "risk", "vendor_not_approved", "over_cap",
        "over_budget", "model_output", "sender_unknown", "steering",
    ]  # fmt: skip


def test_a_price_that_is_none_is_weighed_against_nothing() -> None:
    spent = {"already_authorised_usd": Decimal(900), "month_spent_usd": Decimal(900)}
    assert codes(estimate_usd=Decimal("NaN"), **spent) == ["price_absurd"]
    assert codes(estimate_usd=Decimal(-1), **spent) == ["price_absurd"]


money = st.decimals(min_value=0, max_value=1000, places=2)


@given(st.lists(money, max_size=60), money, money)
def test_however_it_is_split_the_sum_never_passes_cap_or_budget_by_itself(
    asked: list[Decimal], cap: Decimal, budget: Decimal
) -> None:
    spent = Decimal(0)
    for estimate in asked:
        outcome = decide(
            Proposal(
                **{
                    **GOOD,
                    "estimate_usd": estimate,
                    "cap_usd": cap,
                    "already_authorised_usd": spent,  # type: ignore[arg-type]
                    "month_spent_usd": spent,
                    "month_budget_usd": budget,
                }
            )
        )
        if isinstance(outcome, Authorised):
            spent += estimate
        else:
            assert isinstance(outcome, NeedsHuman)
            assert outcome.reasons
    assert spent <= min(cap, budget)


@pytest.mark.parametrize(
    ("before", "cap", "asked"),
    [
        ("320", "400", False),
        ("320.01", "400", True),
        ("0", "79.99", True),
        ("0", "80", False),
        ("5000", None, False),
    ],
)
def test_what_a_vendor_gets_in_a_day_stays_within_its_cap(before: str, cap: str | None, asked: bool) -> None:
    changes = {"vendor_day_usd": Decimal(before), "vendor_day_cap_usd": Decimal(cap) if cap else None}
    proposal = Proposal(**{**GOOD, **changes})  # type: ignore[arg-type]
    total = str(Decimal(before) + 80)
    found = [Reason("vendor_day", {"total": total, "cap": str(cap)})] if asked else []
    assert list(decide(proposal).reasons) == found


def test_a_skill_that_asks_is_named() -> None:
    outcome = decide(Proposal(**GOOD, routine="AC in Taipei"))  # type: ignore[arg-type]
    assert list(outcome.reasons) == [Reason("skill_asks", {"skill": "AC in Taipei"})]
