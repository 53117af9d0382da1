"""One question through the real SDKs to servers that refuse what the vendors refuse."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from core.llm.port import Ask
from core.metering import About, Usage
from core.model import Picture
from tests.core.llm.stage import LONG, QUESTION, STRONG, Draft, Stage, why

PIXEL = Picture("image/png", b"\x89PNG\r\n\x1a\n-a-picture")


@pytest.mark.parametrize("tier", [QUESTION, STRONG], ids=["fast", "strong"])
async def test_anthropic_answers_and_its_tokens_reach_the_meter(stage: Stage, tier: Ask[Draft]) -> None:
    gateway = await stage.gateway(openai_key=None, openai_url=None)
    answer = await gateway.ask(tier, LONG)
    model = gateway.health()[0].models[tier.tier]
    assert answer.engine == f"anthropic/{model}" and answer.stepped_down == ""
    assert answer.value == Draft(category="hvac_leak", severity=3, note="ok", steps=[])
    (call,), (row,) = stage.anthropic.calls, stage.meter.rows
    assert bool(call.args.get("stream")) is (tier.tier == "strong")
    assert row.ok and row.usage is not None
    assert row.usage.cache_write_tokens > 300 and row.usage.cache_read_tokens == 0
    assert row.planned.input_tokens >= row.usage.input_tokens + row.usage.cache_write_tokens
    assert row.planned.output_tokens == call.args["max_tokens"] >= row.usage.output_tokens
    assert row.planned.about == tier.about and row.planned.provider == "anthropic"


@pytest.mark.parametrize("tier", [QUESTION, STRONG], ids=["fast", "strong"])
async def test_openai_answers_and_its_tokens_reach_the_meter(stage: Stage, tier: Ask[Draft]) -> None:
    gateway = await stage.gateway(anthropic_key=None)
    for _ in range(2):
        answer = await gateway.ask(tier, LONG)
    assert answer.engine.startswith("openai/gpt-") and answer.value.category == "hvac_leak"
    first, second = (row.usage for row in stage.meter.rows)
    assert first is not None and second is not None
    assert second.cache_read_tokens > 300
    assert second.input_tokens == first.input_tokens - second.cache_read_tokens, (
        "cached ones are not counted twice"
    )
    assert second.output_tokens == first.output_tokens > 0


async def test_the_second_question_reads_the_stable_part_from_the_cache(stage: Stage) -> None:
    gateway = await stage.gateway()
    await gateway.ask(QUESTION, LONG)
    await gateway.ask(replace(QUESTION, said=("something else",), facts={}), LONG)
    first, second = (row.usage for row in stage.meter.rows)
    assert first is not None and second is not None
    assert second.cache_read_tokens == first.cache_write_tokens > 300
    assert second.cache_write_tokens == 0
    marks = [block["cache_control"] for call in stage.anthropic.calls for block in call.args["system"]]
    assert marks == [{"type": "ephemeral", "ttl": "1h"}] * 2


async def test_every_call_says_what_it_is_for(stage: Stage) -> None:
    both = await stage.gateway()
    await both.ask(QUESTION, LONG)
    only = await stage.gateway(llm="openai")
    await only.ask(replace(STRONG, about=replace(STRONG.about, property_id="伊東\n", ticket_id=None)), LONG)
    claude, gpt = stage.anthropic.calls[0], stage.openai.calls[0]
    assert claude.headers == {
        "x-loopos-property-id": "warm_taipei_2br",
        "x-loopos-ticket-id": "T-1042",
        "x-loopos-tier": "fast",
        "x-loopos-purpose": "triage",
    }
    assert set(claude.args["metadata"]) == {"user_id"}
    assert "taipei" not in claude.args["metadata"]["user_id"], "a vendor learns no name from it"
    assert gpt.args["metadata"] == {"property_id": "伊東\n", "tier": "strong", "purpose": "draft"}
    assert gpt.headers["x-loopos-property-id"] == "%E4%BC%8A%E6%9D%B1%0A"


async def test_pictures_are_shown_and_left_out_where_the_model_is_blind(stage: Stage) -> None:
    gateway = await stage.gateway()
    shown = replace(QUESTION, pictures=(PIXEL, PIXEL))
    await gateway.ask(shown, LONG)
    assert stage.anthropic.calls[0].pictures == 2
    openai = await stage.gateway(llm="openai")
    await openai.ask(shown, LONG)
    assert stage.openai.calls[0].pictures == 2
    stage.anthropic.sees = stage.openai.sees = False
    for blind in (gateway, openai):
        assert (await blind.ask(shown, LONG)).value.severity == 3
    assert stage.anthropic.calls[-1].pictures == stage.openai.calls[-1].pictures == 0
    free = [row for row in stage.meter.rows if not row.ok]
    assert [(row.usage, row.error) for row in free] == [(Usage(), "cannot see pictures")] * 2


async def test_an_older_model_that_knows_no_effort_is_asked_without_it_from_then_on(stage: Stage) -> None:
    gateway = await stage.gateway(fast_model="claude-haiku-4-5")
    await gateway.ask(QUESTION, LONG)
    await gateway.ask(QUESTION, LONG)
    assert stage.anthropic.refused == ["This model does not support the effort parameter."]
    assert [row.ok for row in stage.meter.rows] == [False, True, True]
    assert stage.meter.rows[0].usage == Usage()


@pytest.mark.parametrize(
    "refused",
    [
        {"metadata"},
        {"metadata", "prompt_cache_key", "reasoning_effort", "stream_options", "max_completion_tokens"},
        {"json_schema"},
        {"json_schema", "json_object"},
        {"response_format"},
    ],
    ids=lambda refused: "+".join(sorted(refused)),
)
async def test_a_plain_endpoint_is_asked_plainly(stage: Stage, refused: set[str]) -> None:
    stage.openai.refuses = refused
    gateway = await stage.gateway(llm="openai", strong_model="gpt-5.6-luna")
    assert (await gateway.ask(STRONG, LONG)).value.category == "hvac_leak"
    learned = len(stage.openai.refused)
    assert learned >= 1
    assert (await gateway.ask(STRONG, LONG)).value.category == "hvac_leak"
    assert len(stage.openai.refused) == learned, "what was refused once is not sent again"
    assert gateway.health()[0].state == "ok"


async def test_a_server_of_ones_own_needs_no_key(stage: Stage) -> None:
    stage.openai.key, stage.openai.counts = "none-needed", False
    gateway = await stage.gateway(anthropic_key=None, openai_key=None)
    await gateway.ask(QUESTION, LONG)
    (row,) = stage.meter.rows
    assert row.ok and row.usage is None, "a server that does not count leaves the reservation standing"


async def test_an_answer_is_not_lost_over_its_bookkeeping(stage: Stage) -> None:
    stage.meter.broken = True
    gateway = await stage.gateway()
    assert (await gateway.ask(QUESTION, LONG)).value.severity == 3


async def test_twenty_questions_at_once_get_their_own_answers(stage: Stage) -> None:
    def echo(asked: object) -> dict[str, object]:
        number = int(asked.said.split('"number": ')[1].split("}")[0])  # type: ignore[attr-defined]
        return {"category": "other", "severity": 1, "note": f"n{number}", "steps": []}

    stage.anthropic.brain = echo
    gateway = await stage.gateway()
    asks = [gateway.ask(replace(QUESTION, facts={"number": number}), LONG) for number in range(20)]
    answers = await asyncio.gather(*asks)
    assert [answer.value.note for answer in answers] == [f"n{number}" for number in range(20)]
    assert len(stage.meter.rows) == 20 and all(row.ok for row in stage.meter.rows)


async def test_texts_become_vectors_in_their_order_and_in_batches(stage: Stage) -> None:
    gateway = await stage.gateway()
    texts = [f"the water heater of room {number}" for number in range(70)] + ["", "漏水" * 4000]
    vectors = await gateway.embed(texts, About("embed"), LONG)
    again = await gateway.embed([texts[3]], About("embed"), LONG)
    assert len(vectors) == 72 and vectors[3] == pytest.approx(again[0])
    assert [len(call.args["input"]) for call in stage.openai.calls] == [64, 8, 1]
    assert {row.planned.tier for row in stage.meter.rows} == {"embed"}
    assert all(row.usage and row.usage.input_tokens <= row.planned.input_tokens for row in stage.meter.rows)
    assert await gateway.embed([], About("embed"), LONG) == []


async def test_where_nobody_makes_vectors_that_is_said(stage: Stage) -> None:
    gateway = await stage.gateway(llm="anthropic")
    assert (await why(gateway.embed(["a"], About("embed"), LONG))).why == "off"


async def test_the_models_of_the_first_system_stay_selectable(stage: Stage) -> None:
    gateway = await stage.gateway(fast_model="claude-haiku-4-5", strong_model="claude-opus-4-7")
    assert (await gateway.ask(STRONG, LONG)).engine == "anthropic/claude-opus-4-7"
    assert (
        json.dumps(gateway.health()[0].models) == '{"fast": "claude-haiku-4-5", "strong": "claude-opus-4-7"}'
    )
