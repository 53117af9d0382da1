"""What a call costs, to the last digit."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from core.cost.prices import Cost, load
from core.errors import StartupError
from core.metering import About, Planned, Usage
from tests.core.cost.books import FAST, STRONG, planned, prices

MILLION = 1_000_000


@pytest.mark.parametrize(
    ("model", "usage", "usd"),
    [
        (FAST, Usage(1, 0), "0.0000005"),
        (FAST, Usage(1000, 1000), "0.002"),
        (STRONG, Usage(1000, 1000), "0.09"),
        (STRONG, Usage(0, 1), "0.000075"),
        ("text-embedding-3-small", Usage(input_tokens=MILLION), "0.02"),
        ("gpt-transcribe", Usage(seconds=60), "0.0045"),
    ],
)
def test_a_call_costs_its_tokens_and_seconds(model: str, usage: Usage, usd: str) -> None:
    assert prices().of(model, usage) == Cost(Decimal(usd), False)


def test_cached_tokens_have_prices_of_their_own() -> None:
    read, written = (
        prices().of(STRONG, Usage(cache_read_tokens=MILLION)),
        prices().of(STRONG, Usage(cache_write_tokens=MILLION)),
    )
    assert read.usd < prices().of(STRONG, Usage(MILLION)).usd < written.usd


@pytest.mark.parametrize(
    "name",
    [
        "claude-haiku-4-5-20251001",
        "anthropic/claude-haiku-4-5",
        "anthropic/claude-haiku-4-5-20251001",
        "anthropic/claude-haiku-4.5",
        "Claude-Haiku-4-5-latest",
        "claude-haiku-4-5@20251001",
    ],
)
def test_a_dated_or_prefixed_name_finds_its_price(name: str) -> None:
    assert prices().of(name, Usage(1000, 1000)) == prices().of(FAST, Usage(1000, 1000))


def test_a_longer_name_is_another_model() -> None:
    assert prices().of("gpt-5.4-mini", Usage(MILLION)).usd < prices().of("gpt-5.4", Usage(MILLION)).usd
    assert prices().of("gpt-5.4-2026-03-05", Usage(MILLION)) == prices().of("gpt-5.4", Usage(MILLION))
    assert prices().of("gpt-5.4-huge", Usage(MILLION)).estimated


def test_an_unknown_model_costs_the_dearest_and_is_said_once() -> None:
    table = prices()
    with capture_logs() as logs:
        one = table.of("brand-new", Usage(1000, 1000))
        assert table.of("brand-new", Usage(1000, 1000)) == one
        table.of("another", Usage(1, 1))
    assert one.estimated
    assert one.usd == prices().of(STRONG, Usage(1000, 1000)).usd
    assert [entry["model"] for entry in logs if entry["event"] == "no_price"] == ["brand-new", "another"]


def test_what_was_used_but_has_no_price_is_never_free() -> None:
    cost = prices().of("gpt-transcribe", Usage(input_tokens=1000))
    assert cost.estimated and cost.usd > 0


def test_nothing_used_costs_nothing_whatever_the_model() -> None:
    assert prices().of("brand-new", Usage()) == Cost(Decimal(0), False)


def test_our_own_ear_is_free() -> None:
    assert prices().of("large-v3", Usage(seconds=600), "local") == Cost(Decimal(0), False)


def test_the_most_a_call_can_cost_covers_whatever_it_turns_out_to_be() -> None:
    plan = planned(tokens=1000)
    most = prices().most(plan)
    for usage in (
        Usage(1000, 1000),
        Usage(0, 1000, 1000, 0),
        Usage(0, 1000, 0, 1000),
        Usage(500, 10, 0, 500),
    ):
        assert prices().of(STRONG, usage).usd <= most
    sound = Planned("speech", "openai", "gpt-transcribe", About("transcribe"), seconds=60)
    assert prices().most(sound) == Decimal("0.0045")
    texts = Planned("embed", "openai", "text-embedding-3-small", About("embed"), MILLION)
    assert prices().most(texts) == Decimal("0.02")


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ({"input": 0.000001}, "new.input"),
        ({"input": "-1"}, "new.input"),
        ({"input": "NaN"}, "new.input"),
        ({"input": "cheap"}, "new.input"),
        ({"prompt": "0.1"}, "new needs"),
        ({"input": "0.1", "output": "0.2"}, "cache_read"),
        ({}, "new needs"),
    ],
)
def test_a_price_that_cannot_be_meant_stops_the_start(tmp_path: Path, entry: object, named: str) -> None:
    file = tmp_path / "pricing.json"
    file.write_text(json.dumps({"new": entry}), encoding="utf-8")
    with pytest.raises(StartupError, match=named):
        load(file)


def test_a_table_that_is_no_table_stops_the_start(tmp_path: Path) -> None:
    file = tmp_path / "pricing.json"
    for text in ("", "[]", "{}", "{"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(StartupError):
            load(file)


def test_the_first_prices_are_those_of_the_contract() -> None:
    raw = json.loads((Path(__file__).parents[3] / "data" / "pricing.json").read_text(encoding="utf-8"))
    assert (raw[FAST]["input"], raw[FAST]["output"]) == ("0.0000005", "0.0000015")
    assert (raw[STRONG]["input"], raw[STRONG]["output"]) == ("0.000015", "0.000075")
