"""When a skill is for a ticket: every part must hold, and what is not known does not."""

from __future__ import annotations

from datetime import time
from decimal import Decimal
from typing import Any

import pytest

from core.company.skills import Condition, Skill
from core.knowledge.conditions import Choice, Facts, choose, failing, missed, strictness
from tests.core.skills import skill

KNOWN = Facts(
    category="pest",
    property_id="flat",
    severity=3,
    risk_tags=("water_damage", "guest_angry"),
    estimate_usd=Decimal("120"),
    local_time=time(22, 30),
    inputs={"guest_inside": "yes", "language": "en"},
)
NOTHING = Facts(category="pest")


@pytest.mark.parametrize(
    ("condition", "keys"),
    [
        ({}, []),
        ({"category": ["pest", "cleaning"]}, []),
        ({"category": ["cleaning"]}, ["category"]),
        ({"property_id": ["flat"]}, []),
        ({"property_id": ["house"]}, ["property_id"]),
        ({"severity": {"min": 3}}, []),
        ({"severity": {"max": 3}}, []),
        ({"severity": {"min": 4}}, ["severity"]),
        ({"severity": {"max": 2}}, ["severity"]),
        ({"severity": {"min": 2, "max": 4}}, []),
        ({"risk_tags": {"any": ["injury", "guest_angry"]}}, []),
        ({"risk_tags": {"any": ["injury"]}}, ["risk_tags.any"]),
        ({"risk_tags": {"none": ["injury"]}}, []),
        ({"risk_tags": {"none": ["injury", "water_damage"]}}, ["risk_tags.none"]),
        ({"any_risk_tag": ["water_damage"]}, []),
        ({"any_risk_tag": ["injury"]}, ["risk_tags.any"]),
        ({"any_risk_tag": []}, []),
        ({"over_usd": "119.99"}, []),
        ({"over_usd": "120"}, ["over_usd"]),
        ({"when": {"hours": {"from": "22:00", "to": "23:00"}}}, []),
        ({"when": {"hours": {"from": "22:31", "to": "23:00"}}}, ["when.hours"]),
        ({"when": {"hours": {"from": "21:00", "to": "22:30"}}}, ["when.hours"]),
        ({"when": {"hours": {"from": "22:00", "to": "06:00"}}}, []),
        ({"when": {"hours": {"from": "23:00", "to": "06:00"}}}, ["when.hours"]),
        ({"when": {"hours": {"from": "23:00", "to": "22:31"}}}, []),
        ({"when": {"guest_inside": True}}, []),
        ({"when": {"guest_inside": False}}, ["when.guest_inside"]),
        (
            {"category": ["cleaning"], "severity": {"min": 5}, "over_usd": "500"},
            ["category", "severity", "over_usd"],
        ),
    ],
)
def test_a_condition_says_which_of_its_parts_do_not_hold(condition: dict[str, Any], keys: list[str]) -> None:
    assert failing(Condition.model_validate(condition), KNOWN) == keys


@pytest.mark.parametrize(
    "condition",
    [
        {"property_id": ["flat"]},
        {"severity": {"max": 5}},
        {"risk_tags": {"any": ["injury"]}},
        {"over_usd": "0"},
        {"when": {"hours": {"from": "00:00", "to": "23:59"}}},
        {"when": {"guest_inside": True}},
        {"when": {"guest_inside": False}},
    ],
)
def test_what_is_not_known_does_not_hold(condition: dict[str, Any]) -> None:
    assert len(failing(Condition.model_validate(condition), NOTHING)) == 1


def test_a_tag_that_nobody_named_is_not_there() -> None:
    assert failing(Condition.model_validate({"risk_tags": {"none": ["injury"]}}), NOTHING) == []


def one(skill_id: str, **more: Any) -> Skill:
    conditions = more.pop("when_", {})
    return skill(skill_id, trigger_conditions={"category": ["pest"], **conditions}, **more)


@pytest.mark.parametrize(
    ("skills", "chosen"),
    [
        ([], Choice()),
        ([one("a"), one("b")], "b"),
        ([one("a", when_={"property_id": ["flat"]}), one("b")], "a"),
        ([one("a", when_={"property_id": ["flat"]}), one("b", when_={"severity": {"max": 4}})], "b"),
        ([one("a", when_={"property_id": ["house"]}), one("b")], "b"),
        ([one("a", inputs_required=["near_power"]), one("b")], "b"),
        ([one("a", when_={"property_id": ["house"]})], Choice()),
        ([skill("a", trigger_conditions={"category": ["cleaning"]})], Choice()),
    ],
)
def test_of_those_that_fit_the_strictest_runs_then_the_last_that_was_approved(
    skills: list[Skill], chosen: str | Choice
) -> None:
    found = choose(skills, lambda _: KNOWN)
    assert found == chosen if isinstance(chosen, Choice) else found.skill is not None
    if found.skill is not None:
        assert (found.skill.skill_id, found.missed, found.key) == (chosen, None, "")


@pytest.mark.parametrize(
    ("of_skill", "key"),
    [
        ({"when_": {"severity": {"min": 4}}}, "severity"),
        ({"when_": {"risk_tags": {"none": ["guest_angry"]}}}, "risk_tags.none"),
        ({"inputs_required": ["severity", "near_power"]}, "inputs_required.near_power"),
        # Two things are wrong, or it is about another place: nobody would expect it here.
        ({"when_": {"severity": {"min": 4}, "over_usd": "500"}}, ""),
        ({"when_": {"property_id": ["house"]}}, ""),
    ],
)
def test_one_that_nearly_fits_is_named_with_what_is_missing(of_skill: dict[str, Any], key: str) -> None:
    found = choose([one("a", **of_skill)], lambda _: KNOWN)
    assert found.skill is None
    assert (found.missed is not None, found.key) == (key != "", key)


def test_each_skill_is_held_against_its_own_price() -> None:
    cheap, dear = one("cheap", when_={"over_usd": "100"}), one("dear", when_={"over_usd": "100"})
    prices = {"cheap": Decimal(50), "dear": Decimal(150)}
    found = choose([dear, cheap], lambda s: Facts("pest", "flat", 3, estimate_usd=prices[s.skill_id]))
    assert found.skill is dear


def test_strictness_counts_the_parts_that_are_set() -> None:
    assert strictness(Condition()) == 0
    full = {"category": ["pest"], "property_id": ["flat"], "severity": {}, "over_usd": "1",
            "risk_tags": {"any": ["injury"], "none": ["gas_risk"]},
            "when": {"hours": {"from": "01:00", "to": "02:00"}, "guest_inside": True}}  # fmt: skip
    assert strictness(Condition.model_validate(full)) == 8


def test_what_a_skill_requires_has_to_be_known() -> None:
    asks = one("a", inputs_required=["property_id", "severity", "language", "guest_inside"])
    assert missed(asks, KNOWN) == []
    assert missed(asks, NOTHING) == [f"inputs_required.{name}" for name in asks.inputs_required]
