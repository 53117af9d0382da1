"""What a bill is held against before it is booked, and before anything is learnt from it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.amounts import readings_in
from core.company.schema import CompanyFile, UsualCost, Vendor
from core.dispatch.bill_rules import doubts, is_outlier
from core.money import Amount, Money
from core.stored_values import Reason

VENDOR = Vendor(
    id="one", name="One", trades=["hvac"], properties=[], languages=["en"], response_hours=1,
    usual_usd=UsualCost(low=Decimal(80), high=Decimal(200)),
)  # fmt: skip


@pytest.mark.parametrize(
    ("bill", "far"),
    [("39.99", True), ("40", False), ("80", False), ("400", False), ("400.01", True), ("0", True)],
)
def test_half_to_twice_of_what_a_vendor_takes_is_usual(bill: str, far: bool) -> None:
    assert is_outlier(Decimal(bill), VENDOR) is far


def test_of_somebody_who_takes_nothing_no_bill_is_unusual() -> None:
    ours = VENDOR.model_copy(update={"usual_usd": UsualCost(low=Decimal(0), high=Decimal(0))})
    assert not is_outlier(Decimal(50), ours) and not is_outlier(Decimal(50), None)


@pytest.mark.parametrize(
    ("bill", "estimate", "cap", "credit", "minutes", "codes"),
    [
        ("200", "145", "200", None, None, []),
        ("200.01", "145", "200", None, None, ["over_cap"]),
        ("290", "145", "400", None, None, []),
        ("290.01", "145", "400", None, None, ["over_estimate"]),
        ("500", "145", "400", None, None, ["over_cap", "over_estimate"]),
        ("30", "0", "100", None, None, []),
        ("2", "0.5", "100", None, None, ["over_estimate"]),
        (None, "145", "200", "200", 960, []),
        (None, "145", "200", "200.01", 961, ["over_credit", "over_minutes"]),
    ],
)
def test_what_is_asked_about_before_it_is_booked(
    bill: str | None, estimate: str, cap: str, credit: str | None, minutes: int | None, codes: list[str]
) -> None:
    def amount(value: str | None) -> Amount | None:
        return None if value is None else Amount(Decimal(value))

    found = doubts(
        amount(bill), Decimal(estimate), Decimal(cap), amount(credit), minutes, CompanyFile(name="Test")
    )
    assert [one.code for one in found] == codes


def test_each_doubt_says_what_it_is_held_against() -> None:
    company = CompanyFile(name="Test", guest_credit_cap_usd=Decimal(50), staff_minutes_cap=120)
    found = doubts(Amount(Decimal(500)), Decimal(145), Decimal(400), Amount(Decimal(51)), 121, company)
    assert found == (
        Reason("over_cap", {"cap": "400"}),
        Reason("over_estimate", {"estimate": "145"}),
        Reason("over_credit", {"credit": "51", "cap": "50.00"}),
        Reason("over_minutes", {"minutes": "121", "cap": "120"}),
    )


@pytest.mark.parametrize(
    ("text", "local", "currencies"),
    [
        ("done $4,200", "TWD", ["TWD", "USD"]),
        ("done, 42 dollars", "SGD", ["SGD", "USD"]),
        ("修好了 4,200元", "TWD", ["TWD"]),
        ("done $132", "USD", ["USD"]),
        ("done 132", "TWD", ["TWD"]),
        ("done ¥15,000", "TWD", []),
        ("done 450 ribu", "TWD", []),
        ("guest in room 3 is happy", "TWD", []),
    ],
)
def test_what_a_sum_may_mean(text: str, local: str, currencies: list[str]) -> None:
    found = readings_in(text, local=local, language="en")
    assert [one.currency for one in found] == currencies
    assert all(isinstance(one, Money) for one in found)
