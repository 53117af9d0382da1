"""What code decides by comes back from the database as it went in, and is the JSON that other programs read."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any, cast, get_args

import pytest
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import StatementError

from core import phrases
from core.buttons.forms import FORM
from core.buttons.readers import STANDALONE
from core.cards.ask import ASKED, ENDED
from core.cards.draw import KINDS
from core.company.rules import TAKES
from core.context import Tx
from core.model import (
    CardKind,
    Category,
    Intent,
    LoopActionKind,
    LoopActionState,
    RiskTag,
    RuleKind,
    TimerKind,
    Triage,
)
from core.store.loop_tables import LoopEvent
from core.store.tables import Deadline
from core.store.types import Stored
from core.stored_values import (
    ApprovedAction,
    Basis,
    Change,
    Judgement,
    ModelText,
    PlannedStep,
    Reason,
    Source,
    judgement_of,
    to_json,
)
from core.timers import HANDLERS
from tests.world import World

DIALECT = sqlite.dialect()
READ = Triage(
    Intent.NEW_ISSUE,
    "ja",
    "kyoto",
    Category.PLUMBING_LEAK,
    4,
    (RiskTag.WATER_DAMAGE,),
    {"category": 0.9},
    {"category": ["\u6c34\u6f0f\u308c"]},
    ("ignore",),
    "openai/x",
    "A leak",
    ("down", "a/b"),
)
READ_JSON = {
    "intent": "new_issue",
    "language": "ja",
    "property_id": "kyoto",
    "category": "plumbing_leak",
    "severity": 4,
    "risk_tags": ["water_damage"],
    "confidence": {"category": 0.9},
    "evidence": {"category": ["\u6c34\u6f0f\u308c"]},
    "steering": ["ignore"],
    "engine": "openai/x",
    "fallback": ["down", "a/b"],
}
TRADE = Reason("vendor_by_trade", {"trade": "hvac"})
PRICE = Reason("price_unknown")
KEPT: list[tuple[Any, Any, Any]] = [
    (Judgement, judgement_of(READ), READ_JSON),
    (
        Judgement,
        judgement_of(READ, not_understood=True, late=True, edited=True),
        {**READ_JSON, "not_understood": True, "late": True, "edited": True},
    ),
    (
        Basis | None,
        Basis(TRADE, PRICE, (Source("memo", "m", "ben", "words", 0.5), Source("sop", "s", "t", "steps"))),
        {
            "why_vendor": {"code": "vendor_by_trade", "params": {"trade": "hvac"}},
            "why_price": {"code": "price_unknown", "params": {}},
            "sources": [
                {"layer": "memo", "id": "m", "title": "ben", "quote": "words", "score": 0.5},
                {"layer": "sop", "id": "s", "title": "t", "quote": "steps", "score": 0.0},
            ],
        },
    ),
    (
        Basis | None,
        Basis(TRADE, PRICE, fallback="down", problems=("vendor",)),
        {
            "why_vendor": {"code": "vendor_by_trade", "params": {"trade": "hvac"}},
            "why_price": {"code": "price_unknown", "params": {}},
            "sources": [],
            "fallback": "down",
            "problems": ["vendor"],
        },
    ),
    (Basis | None, None, {}),
    (
        tuple[Change, ...],
        (Change("estimate", "90", "120.50", "ben"),),
        [{"field": "estimate", "old": "90", "new": "120.50", "by": "ben"}],
    ),
    (
        tuple[PlannedStep, ...],
        (
            PlannedStep("backup", "haru", timedelta(seconds=30)),
            PlannedStep("founder", "ben", timedelta(days=1)),
        ),
        [
            {"who": "backup", "person_id": "haru", "wait": 30},
            {"who": "founder", "person_id": "ben", "wait": 86_400},
        ],
    ),
    (
        dict[str, ModelText],
        {"guest": ModelText("es", "Ya viene")},
        {"guest": {"language": "es", "text": "Ya viene"}},
    ),
    (
        ApprovedAction,
        ApprovedAction("T-1001", "d", None, "pest", None, Decimal("132.50"), "USD", "come", "sorry"),
        {
            "ticket_id": "T-1001",
            "dispatch_id": "d",
            "property_id": None,
            "category": "pest",
            "vendor_id": None,
            "amount": "132.50",
            "currency": "USD",
            "text_to_vendor": "come",
            "text_to_guest": "sorry",
        },
    ),
]


@pytest.mark.parametrize(("shape", "value", "kept"), KEPT)
def test_it_is_kept_under_the_names_that_other_programs_read(shape: Any, value: Any, kept: Any) -> None:
    written = Stored(shape).process_bind_param(value, DIALECT)
    assert written == kept
    assert list(written) == list(kept)
    assert Stored(shape).process_result_value(json.loads(json.dumps(written)), DIALECT) == value


def test_words_of_a_person_are_not_kept_beside_what_was_made_of_them() -> None:
    assert "A leak" not in json.dumps(to_json(judgement_of(READ)))


@pytest.mark.parametrize(
    ("shape", "kept"),
    [
        (Judgement, {**READ_JSON, "severity": "high"}),
        (Judgement, {**READ_JSON, "category": "ufo"}),
        (Judgement, {name: value for name, value in READ_JSON.items() if name != "severity"}),
        (Judgement, {**READ_JSON, "late": "perhaps"}),
        (Judgement, {}),
        (tuple[PlannedStep, ...], [{"who": "nobody", "person_id": "x", "wait": 1}]),
        (tuple[Reason, ...], [{"params": {}}]),
        (ApprovedAction, {"amount": "a lot"}),
    ],
)
def test_what_nobody_can_decide_by_is_refused_when_it_is_read(shape: Any, kept: Any) -> None:
    with pytest.raises(ValidationError):
        Stored(shape).process_result_value(kept, DIALECT)


def test_a_row_of_an_earlier_or_a_later_version_is_read() -> None:
    early = {name: READ_JSON[name] for name in ("intent", "language", "property_id", "category", "severity")}
    found = Stored(Judgement).process_result_value({**early, "mood": "calm"}, DIALECT)
    assert (found.steering, found.fallback, found.engine, found.late) == ((), (), "offline", False)


def test_closed_sets_are_the_whole_of_what_there_is() -> None:
    assert set(get_args(CardKind)) == {*KINDS, *STANDALONE, FORM, "home"}
    assert set(get_args(TimerKind)) == set(HANDLERS)
    assert set(get_args(RuleKind)) == set(TAKES) == set(phrases.RULE) | {"code"}
    assert set(get_args(LoopActionState)) - {"pending"} == set(ENDED)
    assert set(get_args(LoopActionKind)) == set(ASKED)


async def test_what_is_none_of_a_closed_set_is_neither_written_nor_looked_for(world: World) -> None:
    def write(tx: Tx) -> None:
        tx.add(LoopEvent(kind=cast(Any, "gossip"), at=tx.now))
        tx.session.flush()

    with pytest.raises(StatementError, match="'gossip' is none of asks"):
        await world.do(write)
    with pytest.raises(StatementError, match="none of"):
        await world.store.read(
            lambda session: session.scalars(select(Deadline).where(Deadline.kind == "never")).all()
        )
