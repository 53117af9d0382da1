"""What a skill does next, as its ticket stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from core.knowledge.conditions import Facts
from core.model import Status
from core.skills.interpreter import FallBack, Finish, Move, Seen, Skip, Stop, Take, Wait, following
from tests.core.skills import skill

SEND = {"do": "dispatch_vendor", "with": {"vendor_id": "ed"}}
WHOLE = skill(
    workflow_steps=[
        {"do": "notify_reporter"},
        SEND,
        {"do": "notify_guest"},
        {"do": "wait_acknowledgement"},
        {"do": "follow_up"},
        {"do": "check"},
        {"do": "close"},
    ]
)
NEW = Seen(Facts("pest", "flat", 3), Status.NEW, vendor_here=True, within_cap=True)
ASKED = replace(NEW, status=Status.AWAITING_HUMAN)
SENT = replace(NEW, status=Status.DISPATCHED, sent=True)
TAKEN = replace(SENT, acknowledged=True)
OVER = replace(TAKEN, status=Status.RESOLVED)


def name(move: Move) -> str:
    if isinstance(move, Take):
        return move.step.do
    return type(move).__name__


@pytest.mark.parametrize(
    ("at", "seen", "move"),
    [
        (0, NEW, "notify_reporter"),
        (1, NEW, "dispatch_vendor"),
        # Nothing is said of somebody coming before they may come.
        (2, ASKED, "Wait"),
        (2, SENT, "notify_guest"),
        (3, ASKED, "Wait"),
        (3, SENT, "Wait"),
        (3, TAKEN, "wait_acknowledgement"),
        (4, SENT, "Wait"),
        (4, TAKEN, "follow_up"),
        (5, TAKEN, "Wait"),
        (5, OVER, "check"),
        (6, TAKEN, "close"),
        (7, TAKEN, "Finish"),
        (7, NEW, "Finish"),
    ],
)
def test_each_step_is_taken_when_its_moment_has_come(at: int, seen: Seen, move: str) -> None:
    assert name(following(WHOLE, at, seen)) == move


@pytest.mark.parametrize("at", range(7))
@pytest.mark.parametrize("status", [Status.CANCELLED, Status.MERGED, Status.REJECTED, Status.LAPSED])
def test_a_ticket_that_ended_stops_it(at: int, status: Status) -> None:
    assert following(WHOLE, at, replace(TAKEN, status=status)) == Stop(status.lower())


@pytest.mark.parametrize("at", [0, 1, 2, 3, 4, 6])
def test_what_was_resolved_meanwhile_needs_no_more_steps_but_the_check(at: int) -> None:
    assert following(WHOLE, at, OVER) == Skip("resolved")


@pytest.mark.parametrize(
    ("at", "seen", "why"),
    [
        (1, replace(NEW, vendor_here=False), "vendor_unavailable"),
        (1, replace(NEW, within_cap=False), "over_cap"),
        (1, replace(NEW, vendor_here=False, within_cap=False), "vendor_unavailable"),
        (3, replace(SENT, waited_out=True), "no_acknowledgement"),
    ],
)
def test_what_it_does_not_expect_makes_it_fall_back(at: int, seen: Seen, why: str) -> None:
    assert following(WHOLE, at, seen) == FallBack(why)


def test_who_took_the_job_in_the_last_moment_has_it() -> None:
    assert name(following(WHOLE, 3, replace(TAKEN, waited_out=True))) == "wait_acknowledgement"


@pytest.mark.parametrize(
    ("condition", "otherwise", "move"),
    [
        ({"severity": {"max": 3}}, None, Take),
        ({"severity": {"min": 4}}, None, Skip("severity")),
        ({"severity": {"min": 4}}, "skip", Skip("severity")),
        ({"severity": {"min": 4}}, "fall_back", FallBack("condition", "severity")),
        ({"severity": {"max": 3}}, "fall_back", Take),
        ({"when": {"guest_inside": True}}, "skip", Skip("when.guest_inside")),
    ],
)
def test_a_step_with_a_condition_is_taken_skipped_or_makes_it_fall_back(
    condition: dict[str, Any], otherwise: str | None, move: Any
) -> None:
    step = {"do": "notify_reporter", "if": condition, **({"else": otherwise} if otherwise else {})}
    found = following(skill(workflow_steps=[step, SEND]), 0, NEW)
    assert isinstance(found, Take) if move is Take else found == move


def test_steps_before_the_vendor_wait_for_nobody() -> None:
    early = skill(workflow_steps=[{"do": "escalate", "with": {"to": "lead"}}, {"do": "notify_guest"}, SEND])
    assert [name(following(early, at, NEW)) for at in range(4)] == [
        "escalate",
        "notify_guest",
        "dispatch_vendor",
        "Finish",
    ]
    assert isinstance(following(early, 3, NEW), Finish)
    assert following(early, 1, ASKED) != Wait()
