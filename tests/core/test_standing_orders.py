"""What a standing order lets pass without a question: exactly what the founder said yes to, and nothing beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.company.rules import Rule
from core.dispatch.standing import (
    DEFAULT_DAYS,
    DEFAULT_SEVERITY,
    DEFAULT_USES,
    Wanted,
    about,
    covering,
    offered,
)
from core.model import Category
from core.stored_values import Reason

NOW = datetime(2026, 11, 20, tzinfo=UTC)
END = NOW + timedelta(days=9)
HERE = Wanted("reno_midtown", "hvac_leak", "reno_hvac_pros", 3, Decimal(200))


def order(name: str = "r", *, uses: int | None = 2, up_to: str = "200", **when: Any) -> Rule:
    scope = {"property_id": "reno_midtown", "category": "hvac_leak", "vendor_id": "reno_hvac_pros"} | when
    return Rule.model_validate(
        {"rule_id": name, "kind": "standing_order", "when": scope, "then": {"up_to_usd": up_to}, "until": END, "max_uses": uses}
    )  # fmt: skip


def found(
    *rules: Rule,
    wanted: Wanted = HERE,
    reasons: tuple[str, ...] = ("over_cap",),
    uses: Mapping[str, int] | None = None,
    now: datetime = NOW,
) -> str | None:
    one = covering(rules, dict(uses or {}), wanted, [Reason(code) for code in reasons], now)
    return None if one is None else one.rule_id


@pytest.mark.parametrize(
    ("reasons", "answered"),
    [
        (("severity",), True),
        (("sop_asks",), True),
        (("over_cap",), True),
        (("over_cap", "sop_asks", "severity"), True),
        ((), False),
        *(
            (("over_cap", other), False)
            for other in (
                "over_budget", "vendor_day", "steering", "risk", "skill_asks", "sender_unknown", "vendor_unknown",
                "vendor_not_approved", "price_absurd",
            )
        ),
    ],
)  # fmt: skip
def test_it_answers_these_reasons_and_no_other(reasons: tuple[str, ...], answered: bool) -> None:
    assert (found(order(), reasons=reasons) == "r") is answered


@pytest.mark.parametrize(
    ("wanted", "covered"),
    [
        (HERE, True),
        (replace(HERE, total_usd=Decimal(0)), True),
        (replace(HERE, total_usd=Decimal("200.01")), False),
        (replace(HERE, property_id="other"), False),
        (replace(HERE, category="pest"), False),
        (replace(HERE, vendor_id="another"), False),
        (replace(HERE, vendor_id=None), False),
    ],
)
def test_it_is_for_one_place_one_kind_one_vendor_and_up_to_its_sum(wanted: Wanted, covered: bool) -> None:
    assert (found(order(), wanted=wanted) == "r") is covered


@pytest.mark.parametrize(("severity_max", "highest"), [(None, 3), (1, 1), (2, 2), (3, 3), (4, 4), (5, 4)])
def test_how_urgent_it_may_be_at_most_and_never_a_danger(severity_max: int | None, highest: int) -> None:
    one = order(severity_max=severity_max)
    covered = [level for level in range(1, 6) if found(one, wanted=replace(HERE, severity=level))]
    assert covered == list(range(1, highest + 1))


@pytest.mark.parametrize(
    ("uses", "allowed", "covered"),
    [(0, 2, True), (1, 2, True), (2, 2, False), (3, 2, False), (0, None, False)],
)
def test_it_is_used_so_often_and_one_without_a_number_never(
    uses: int, allowed: int | None, covered: bool
) -> None:
    assert (found(order(uses=allowed), uses={"r": uses}) == "r") is covered
    assert (found(order(uses=allowed), uses={"another": uses}) == "r") is (allowed is not None)


@pytest.mark.parametrize(
    ("now", "covered"),
    [(NOW, True), (END - timedelta(seconds=1), True), (END, False), (END + timedelta(1), False)],
)
def test_it_ends(now: datetime, covered: bool) -> None:
    assert (found(order(), now=now) == "r") is covered


def test_of_several_the_first_that_covers_it() -> None:
    small, spent, good, other = order("small", up_to="50"), order("spent"), order("good"), order("other")
    assert found(small, spent, good, other, uses={"spent": 2}) == "good"
    assert found(order(uses=1)) == "r"


def test_only_standing_orders_stand() -> None:
    raised = Rule.model_validate(
        {"rule_id": "cap", "kind": "raise_cap", "when": order().when.model_dump(), "then": {"cap_usd": "500"}, "until": END}
    )  # fmt: skip
    assert found(raised) is None
    assert [
        one.rule_id for one in about([raised, order("a"), order("b", category="pest"), order("c")], HERE)
    ] == ["a", "c"]


@pytest.mark.parametrize(
    ("category", "place", "severity", "reasons", "shown"),
    [
        ("hvac_leak", "reno_midtown", 4, ("over_cap",), True),
        ("hvac_leak", "reno_midtown", 1, (), True),
        ("hvac_leak", "reno_midtown", 5, ("over_cap",), False),
        ("hvac_leak", None, 3, (), False),
        (None, "reno_midtown", 3, (), False),
        ("no_such_kind", "reno_midtown", 3, (), False),
        *(("hvac_leak", "reno_midtown", 3, (code,), True) for code in ("severity", "sop_asks", "over_budget", "skill_asks")),
        *(
            ("hvac_leak", "reno_midtown", 3, ("over_cap", code), False)
            for code in ("risk", "steering", "sender_unknown", "vendor_unknown", "vendor_not_approved", "price_absurd")
        ),
        *((kind.value, "reno_midtown", 3, (), True) for kind in Category),
    ],
)  # fmt: skip
def test_when_the_founder_is_offered_one(
    category: str | None, place: str | None, severity: int, reasons: tuple[str, ...], shown: bool
) -> None:
    assert offered(category, place, severity, [Reason(one) for one in reasons]) is shown


def test_what_the_founders_form_proposes() -> None:
    assert (DEFAULT_DAYS, DEFAULT_USES, DEFAULT_SEVERITY) == (90, 10, 3)
