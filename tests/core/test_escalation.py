"""Who is told when nobody answers, in which order, and at what moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.company.company import Company
from core.company.schema import CompanyFile, EscalationFile, Person, Step
from core.dispatch.escalation import Page, page_for, plan
from core.stored_values import PlannedStep

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
"""In Taipei."""

BEN: dict[str, Any] = {"role": "founder", "backup": "lea"}
LEA: dict[str, Any] = {"role": "lead"}
LOU: dict[str, Any] = {"role": "lead"}
SHIRLEY: dict[str, Any] = {"properties": ["flat"], "backup": "haru"}
HARU: dict[str, Any] = {"properties": ["house"]}
ALL = {"ben": BEN, "lea": LEA, "lou": LOU, "shirley": SHIRLEY, "haru": HARU}


def person(person_id: str, **changes: Any) -> Person:
    whole = {"role": "ops", "languages": ["en"], "timezone": "Asia/Taipei", **changes}
    return Person.model_validate({"id": person_id, "name": person_id.title(), **whole})


def company(team: dict[str, dict[str, Any]] = ALL, covers: dict[str, str] | None = None) -> Company:
    nothing = EscalationFile(default=[Step(who="founder", wait=30)])
    people = [person(name, **about) for name, about in team.items()]
    return Company(CompanyFile(name="C"), [], people, [], [], [], [], nothing, covers=covers or {})


def steps(*policy: tuple[str, int]) -> list[Step]:
    return [Step.model_validate({"who": who, "wait": wait}) for who, wait in policy]


def planned(*people: tuple[str, int]) -> list[PlannedStep]:
    return [PlannedStep("assignee", name, timedelta(seconds=wait)) for name, wait in people]


ORDINARY = steps(("assignee", 30), ("backup", 60), ("lead", 90), ("founder", 120))
WITHOUT_LEADS = {"ben": BEN, "shirley": SHIRLEY, "haru": HARU}


@pytest.mark.parametrize(
    ("team", "property_id", "policy", "told"),
    [
        (ALL, "flat", ORDINARY, ["shirley 30", "haru 60", "lea 90", "ben 120"]),
        (ALL, "house", ORDINARY, ["haru 30", "lea 90", "ben 120"]),
        (ALL, "nowhere", ORDINARY, ["lea 90", "ben 120"]),
        (ALL, None, ORDINARY, ["lea 90", "ben 120"]),
        (ALL, "flat", steps(("founder", 5), ("assignee", 7)), ["ben 5", "shirley 7"]),
        (ALL, "flat", steps(("backup", 5)), ["haru 5"]),
        (WITHOUT_LEADS, "flat", ORDINARY, ["shirley 30", "haru 60", "ben 120"]),
        (WITHOUT_LEADS, "flat", steps(("lead", 5)), ["ben 5"]),
        (WITHOUT_LEADS, "house", steps(("backup", 5), ("lead", 8)), ["ben 8"]),
        ({"ben": BEN}, "flat", steps(("assignee", 9)), ["ben 9"]),
    ],
)
def test_each_step_means_a_person_and_a_step_that_means_nobody_drops_out(
    team: dict[str, Any], property_id: str | None, policy: list[Step], told: list[str]
) -> None:
    found = plan(company(team), property_id, policy)
    assert [f"{one.person_id} {one.wait.seconds}" for one in found] == told


@pytest.mark.parametrize(
    ("team", "told"),
    [
        (
            {"ben": BEN, "lea": {"role": "lead", "properties": ["flat"], "backup": "ben"}},
            ["lea 30", "ben 60"],
        ),
        (
            {"ben": BEN, "lea": LEA, "shirley": {**SHIRLEY, "backup": "ben"}},
            ["shirley 30", "ben 60", "lea 90"],
        ),
        (
            {"ben": BEN, "lea": LEA, "shirley": {**SHIRLEY, "backup": "lea"}},
            ["shirley 30", "lea 60", "ben 120"],
        ),
    ],
)
def test_a_person_of_two_steps_is_told_once_at_the_first(team: dict[str, Any], told: list[str]) -> None:
    found = plan(company(team), "flat", ORDINARY)
    assert [f"{one.person_id} {one.wait.seconds}" for one in found] == told


def test_each_planned_step_keeps_the_word_of_the_policy() -> None:
    assert [one.who for one in plan(company(), "house", ORDINARY)] == ["assignee", "lead", "founder"]
    assert [one.who for one in plan(company({"ben": BEN}), "flat", steps(("lead", 9)))] == ["founder"]


def test_the_founder_does_not_look_after_a_property_that_he_lists_himself() -> None:
    team = {"ben": {**BEN, "properties": ["flat"]}, "shirley": SHIRLEY, "haru": HARU}
    assert plan(company(team), "flat", steps(("assignee", 5)))[0].person_id == "shirley"


@pytest.mark.parametrize(
    ("covers", "told"),
    [
        ({"flat": "haru"}, ["haru", "lea", "ben"]),
        ({"flat": "lou"}, ["lou", "lea", "ben"]),
        ({"flat": "ben"}, ["ben", "lea"]),
        ({"house": "lou"}, ["shirley", "haru", "lea", "ben"]),
        ({"flat": "somebody who left"}, ["shirley", "haru", "lea", "ben"]),
    ],
)
def test_whoever_covers_a_property_stands_for_who_looks_after_it(
    covers: dict[str, str], told: list[str]
) -> None:
    assert [one.person_id for one in plan(company(covers=covers), "flat", ORDINARY)] == told


@pytest.mark.parametrize(
    ("team", "wait", "waits"),
    [
        (ALL, None, [30, 60, 90, 120]),
        (ALL, 1, [1, 1, 1, 1]),
        (ALL, 600, [600, 600, 600, 600]),
        ({"ben": BEN}, 7, [7]),
        ({"ben": BEN}, None, [120]),
    ],
)
def test_a_wait_that_the_operator_sets_replaces_the_wait_of_every_step(
    team: dict[str, Any], wait: int | None, waits: list[int]
) -> None:
    found = plan(company(team), "flat", ORDINARY, wait)
    assert [one.wait for one in found] == [timedelta(seconds=seconds) for seconds in waits]


def test_the_operators_wait_also_holds_for_the_founder_who_is_told_for_want_of_anybody() -> None:
    nobody = steps(("assignee", 30), ("backup", 60))
    assert plan(company({"ben": BEN}), "flat", nobody, 7) == [
        PlannedStep("founder", "ben", timedelta(seconds=7))
    ]
    assert plan(company({"ben": BEN}), "flat", nobody) == [
        PlannedStep("founder", "ben", timedelta(seconds=60))
    ]


@pytest.mark.parametrize(
    ("level", "unreachable", "told"),
    [
        (0, [], (0, "shirley")),
        (1, [], (1, "haru")),
        (2, [], (2, "ben")),
        (3, [], None),
        (4, [], None),
        (0, ["shirley"], (1, "haru")),
        (0, ["shirley", "haru"], (2, "ben")),
        (0, ["haru"], (0, "shirley")),
        (1, ["haru"], (2, "ben")),
        (1, ["shirley"], (1, "haru")),
        (2, ["ben"], None),
        (0, ["shirley", "haru", "ben"], None),
    ],
)
def test_who_cannot_be_reached_is_passed_over_for_the_next_step(
    level: int, unreachable: list[str], told: tuple[int, str] | None
) -> None:
    page = page_for(
        company(), planned(("shirley", 30), ("haru", 60), ("ben", 90)), level, 3, NOON, unreachable
    )
    assert (page and (page.level, page.step.person_id)) == told


def test_who_has_left_the_team_is_passed_over_as_well() -> None:
    waiting = planned(("gone", 30), ("haru", 60))
    assert page_for(company(), waiting, 0, 3, NOON) == Page(1, waiting[1], NOON)
    assert page_for(company(), planned(("gone", 30)), 0, 3, NOON) is None


def test_without_any_step_nobody_is_told() -> None:
    assert page_for(company(), [], 0, 5, NOON) is None


@pytest.mark.parametrize(
    ("severity", "utc", "told_at"),
    [
        (1, "2026-11-20T15:00", "2026-11-20T23:30"),
        (3, "2026-11-20T15:00", "2026-11-20T23:30"),
        (4, "2026-11-20T15:00", "2026-11-20T15:00"),
        (5, "2026-11-20T15:00", "2026-11-20T15:00"),
        (3, "2026-11-20T14:59", "2026-11-20T14:59"),
        (3, "2026-11-20T23:29", "2026-11-20T23:30"),
        (3, "2026-11-20T23:30", "2026-11-20T23:30"),
    ],
)
def test_a_page_waits_for_the_end_of_quiet_hours_unless_it_is_urgent(
    severity: int, utc: str, told_at: str
) -> None:
    quiet = {**SHIRLEY, "quiet_hours": [{"start": "23:00", "end": "07:30"}]}
    now = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    page = page_for(company({"ben": BEN, "shirley": quiet}), planned(("shirley", 30)), 0, severity, now)
    assert page is not None
    assert page.at == datetime.fromisoformat(told_at).replace(tzinfo=UTC)


def test_the_quiet_hours_are_those_of_the_person_who_is_told_in_the_end() -> None:
    asleep = [{"start": "00:00", "end": "23:00"}]
    team = {"ben": BEN, "shirley": {**SHIRLEY, "quiet_hours": asleep}, "haru": HARU}
    waiting = planned(("shirley", 30), ("haru", 60))
    assert page_for(company(team), waiting, 0, 3, NOON, ["shirley"]) == Page(1, waiting[1], NOON)
    assert page_for(company(team), waiting, 0, 3, NOON, ["haru"]) == Page(
        0, waiting[0], NOON + timedelta(hours=11)
    )
