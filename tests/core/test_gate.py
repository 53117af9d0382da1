"""The gate gives every reason, and nothing widens a cap."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dispatch.gate import Authorised, NeedsHuman, Proposal, decide

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
    ],
)
def test_each_thing_that_speaks_against_it_is_a_reason(changes: dict[str, object], code: str) -> None:
    assert codes(**changes) == [code]


def test_every_reason_is_given_not_only_the_first() -> None:
    assert codes(severity=5, risk_tags=["gas_risk"], vendor_id=None, steering=["x"]) == [
        "severity",
        "risk",
        "vendor_unknown",
        "steering",
    ]


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
