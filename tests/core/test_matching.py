"""Which report belongs to a ticket that stands, which asks "reopen?", and which is a new problem."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core import concepts
from core.model import Category
from core.tickets import things
from core.tickets.matching import Candidate, Match, likeness, match

NOW = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
WEEK = timedelta(days=7)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)

ONE_AT_A_TIME = [
    Category.HVAC_LEAK, Category.HVAC_FAILURE, Category.PLUMBING_LEAK, Category.PLUMBING_BLOCKAGE,
    Category.ELECTRICAL, Category.LOCKOUT, Category.WIFI_INTERNET, Category.PEST, Category.NOISE_COMPLAINT,
    Category.SAFETY_SECURITY, Category.GAS_FIRE,
]  # fmt: skip
SEVERAL = [
    Category.OTHER, Category.GUEST_REQUEST, Category.BOOKING_PAYMENT, Category.LINEN_SUPPLIES,
    Category.DAMAGE_REPORT, Category.CLEANING, Category.APPLIANCE,
]  # fmt: skip


def standing(ticket_id: str = "T-1", age: timedelta = HOUR, **changes: Any) -> Candidate:
    """A ticket that is open, last reported `age` ago."""
    whole = {
        "property_id": "flat", "category": "hvac_leak", "open": True, "resolved_at": None,
        "text": "the AC drips", "severity": 3,
    }  # fmt: skip
    return Candidate(ticket_id=ticket_id, last_report_at=NOW - age, **{**whole, **changes})


def resolved(ticket_id: str = "T-1", ago: timedelta = HOUR, **changes: Any) -> Candidate:
    return standing(ticket_id, ago + HOUR, open=False, resolved_at=NOW - ago, **changes)


def found(
    *candidates: Candidate,
    property_id: str | None = "flat",
    category: Category = Category.HVAC_LEAK,
    text: str = "water again",
    severity: int = 3,
    reopen_within: timedelta = WEEK,
) -> Match | None:
    return match(property_id, category, text, severity, candidates, NOW, reopen_within)


@pytest.mark.parametrize(
    ("age", "match_"),
    [
        (timedelta(0), Match("same", "T-1")),
        (timedelta(hours=47, minutes=59), Match("same", "T-1")),
        (timedelta(hours=48), Match("same", "T-1")),
        (timedelta(hours=48) + SECOND, None),
        (timedelta(days=30), None),
        (-SECOND, Match("same", "T-1")),
    ],
)
def test_an_open_ticket_takes_reports_until_two_days_after_the_last(
    age: timedelta, match_: Match | None
) -> None:
    assert found(standing(age=age)) == match_


@pytest.mark.parametrize(
    ("within", "ago", "match_"),
    [
        (WEEK, timedelta(0), Match("reopen", "T-1")),
        (WEEK, WEEK - SECOND, Match("reopen", "T-1")),
        (WEEK, WEEK, Match("reopen", "T-1")),
        (WEEK, WEEK + SECOND, None),
        (WEEK, 2 * WEEK, None),
        (WEEK, 3 * WEEK, None),
        (timedelta(days=1), timedelta(days=1), Match("reopen", "T-1")),
        (timedelta(days=1), timedelta(days=1) + SECOND, None),
        (timedelta(days=90), timedelta(days=90), Match("reopen", "T-1")),
        (timedelta(0), SECOND, None),
        (timedelta(0), timedelta(0), Match("reopen", "T-1")),
    ],
)
def test_a_resolved_ticket_asks_for_as_long_as_the_company_says(
    within: timedelta, ago: timedelta, match_: Match | None
) -> None:
    assert found(resolved(ago=ago), reopen_within=within) == match_


@pytest.mark.parametrize(
    "other",
    [
        standing(property_id="house"),
        standing(property_id=None),
        standing(category="hvac_failure"),
        standing(category="electrical"),
        resolved(property_id="house"),
        resolved(category="plumbing_leak"),
        standing(open=False),
    ],
)
def test_another_property_another_fault_and_a_ticket_that_ended_otherwise_are_passed_over(
    other: Candidate,
) -> None:
    assert found(other) is None


def test_where_the_property_is_not_known_nothing_is_the_same() -> None:
    assert found(standing(property_id=None), resolved(property_id=None), property_id=None) is None


def test_without_tickets_it_is_a_new_problem() -> None:
    assert found() is None


@pytest.mark.parametrize("category", ONE_AT_A_TIME)
def test_of_these_a_house_has_one_at_a_time_whatever_the_words(category: Category) -> None:
    one = standing(category=category.value, text="one two three")
    assert found(one, category=category, text="four five six") == Match("same", "T-1")
    assert found(one, category=category, text="") == Match("same", "T-1")


@pytest.mark.parametrize("category", SEVERAL)
@pytest.mark.parametrize(
    ("there", "text", "same"),
    [
        ("the oven is cold", "the oven is cold", True),
        ("oven cold", "oven hot cold now", True),
        ("oven cold", "oven hot cold now again", False),
        ("a b c d e", "a b c d e f g h i j", True),
        ("a b c d e", "a b c d e f g h i j k", False),
        ("oven cold", "fridge warm", False),
        ("oven cold", "", False),
        ("", "oven cold", False),
        ("", "", False),
    ],
)
def test_of_these_there_are_several_so_half_of_the_words_must_be_shared(
    category: Category, there: str, text: str, same: bool
) -> None:
    one = standing(category=category.value, text=there)
    assert found(one, category=category, text=text) == (Match("same", "T-1") if same else None)
    ended = resolved(category=category.value, text=there)
    assert found(ended, category=category, text=text) == (Match("reopen", "T-1") if same else None)


def test_every_category_is_in_one_of_the_two_tables() -> None:
    assert sorted([*ONE_AT_A_TIME, *SEVERAL]) == sorted(Category)


@pytest.mark.parametrize(
    ("candidates", "match_"),
    [
        ([standing("T-1", 2 * HOUR), standing("T-2", HOUR)], Match("same", "T-2")),
        ([standing("T-2", HOUR), standing("T-1", 2 * HOUR)], Match("same", "T-2")),
        ([standing("T-2", HOUR), standing("T-1", HOUR)], Match("same", "T-2")),
        ([resolved("T-1", 2 * HOUR), resolved("T-2", HOUR)], Match("reopen", "T-2")),
        ([resolved("T-2", HOUR), resolved("T-1", 2 * HOUR)], Match("reopen", "T-2")),
        ([resolved("T-3", HOUR), resolved("T-1", HOUR)], Match("reopen", "T-3")),
        ([resolved("T-1", SECOND), standing("T-2", 47 * HOUR)], Match("same", "T-2")),
        ([resolved("T-1", HOUR), standing("T-2", 49 * HOUR)], Match("reopen", "T-1")),
        ([resolved("T-1", 8 * 24 * HOUR), resolved("T-2", 6 * 24 * HOUR)], Match("reopen", "T-2")),
        ([standing("T-1", 49 * HOUR), standing("T-2", 3 * HOUR)], Match("same", "T-2")),
        ([standing("T-1", HOUR, category="pest"), standing("T-2", 3 * HOUR)], Match("same", "T-2")),
    ],
)
def test_of_several_an_open_one_goes_first_and_then_the_latest(
    candidates: list[Candidate], match_: Match
) -> None:
    assert found(*candidates) == match_


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ("the AC drips", "the AC drips", 1),
        ("The AC drips!", "drips, the ac", 1),
        ("drips drips drips", "drips", 1),
        ("AC drips", "AC leaks", 1 / 3),
        ("AC", "AC drips", 1 / 2),
        ("AC", "oven", 0),
        ("", "oven", 0),
        ("oven", "", 0),
        ("", "", 0),
        ("!?", "oven", 0),
        ("冷氣漏水", "冷氣漏水了", 3 / 4),
        ("エアコン水漏れ", "エアコン水漏れ", 1),
        ("AC bocor", "AC bocor lagi", 2 / 3),
        ("gotea el aire", "el aire gotea mucho", 3 / 4),
    ],
)
def test_likeness_is_the_share_of_words_in_common(one: str, other: str, share: float) -> None:
    assert likeness(one, other) == share
    assert likeness(other, one) == share


@pytest.mark.parametrize(
    ("known", "text", "severity", "same"),
    [
        ("冷氣滴水,插座濕了", "客廳燈泡壞了一顆", 2, False),
        ("the AC drips onto the outlet", "one bulb in the hall is dead", 2, False),
        ("the AC drips onto the outlet", "one bulb in the hall is dead", 3, True),
        ("the AC drips onto the outlet", "the outlet is wet", 2, True),
        ("the AC drips onto the outlet", "the AC again", 1, True),
        ("there is water on the outlet", "one bulb in the hall is dead", 2, True),
    ],
)
def test_a_mild_report_of_another_thing_is_no_news_of_a_grave_one(
    known: str, text: str, severity: int, same: bool
) -> None:
    ticket = standing(category="electrical", text=known, severity=4)
    match_ = found(ticket, category=Category.ELECTRICAL, text=text, severity=severity)
    assert (match_ == Match("same", "T-1")) is same
    assert match_ is None or same


def test_every_thing_that_breaks_by_itself_is_in_the_lexicon() -> None:
    known = json.loads(concepts.THINGS.read_text(encoding="utf-8"))
    assert set(things._KIND) <= set(known)
