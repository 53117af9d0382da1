"""The first story, and one that needs more thought, with a language model behind the house."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from core.store.tables import UsageRow
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.models_and_speech import Asked
from tests.models.brain import ENGLISH, SINK, SINK_ENGLISH, TEXTS, facts_in, purpose_of, said_in
from tests.models.conftest import Thinking
from tests.test_first_story import (
    test_shirley_reports_ben_approves_shirley_acknowledges_and_it_is_done_for_132 as first_story,
)
from tests.world import STORY, World

PRICES = Path(__file__).parents[2] / "data" / "pricing.json"


async def rows_of(house: Thinking) -> list[UsageRow]:
    return await house.world.store.read(lambda s: list(s.scalars(select(UsageRow).order_by(UsageRow.at))))


async def test_the_first_story_is_the_same_with_a_model_and_costs_one_fast_call(house: Thinking) -> None:
    """An approved routine covers it: nobody has to think about the vendor."""
    await first_story(house.world)
    ticket = await house.world.ticket()
    assert ticket["transcript_en"] == ENGLISH
    assert [purpose_of(call) for call in house.mind.calls] == ["triage"]
    (row,) = await rows_of(house)
    assert (row.tier, row.purpose, row.ok) == ("fast", "triage", True)
    assert (row.ticket_id, row.property_id) == ("T-1001", "warm_taipei_2br")
    assert Decimal(ticket["cost_usd"]) == row.usd > 0


async def test_the_ledger_has_the_tokens_that_the_vendor_counted_and_their_price(house: Thinking) -> None:
    await house.world.says("celine", SINK)
    rows = await rows_of(house)
    assert [(row.tier, row.purpose) for row in rows] == [("fast", "triage"), ("strong", "draft")]
    prices = json.loads(PRICES.read_text(encoding="utf-8"))
    for row in rows:
        price = {part: Decimal(value) for part, value in prices[row.model].items()}
        by_hand = (
            row.input_tokens * price["input"]
            + row.output_tokens * price["output"]
            + row.cache_read_tokens * price.get("cache_read", Decimal(0))
            + row.cache_write_tokens * price.get("cache_write", Decimal(0))
        )
        assert row.usd == by_hand > 0
        assert (row.ticket_id, row.property_id, row.ok, row.estimated) == (
            "T-1001",
            "bali_villa",
            True,
            False,
        )
    total = sum((row.usd for row in rows), Decimal(0))
    assert Decimal((await house.world.ticket())["cost_usd"]) == total


async def test_a_new_kind_of_problem_takes_one_fast_and_one_strong_call(house: Thinking) -> None:
    await house.world.says("celine", SINK)
    assert [purpose_of(call) for call in house.mind.calls] == ["triage", "draft"]
    ticket = await house.world.ticket()
    assert ticket["category"] == "plumbing_blockage"
    assert ticket["transcript_en"] == SINK_ENGLISH
    (dispatch,) = ticket["dispatches"]
    assert (dispatch["vendor_id"], dispatch["cost_estimate_usd"]) == ("kampung_plumber", "30.00")
    job = await house.world.card("celine", "job")
    assert TEXTS["vendor", "id"] in job.text
    assert TEXTS["guest", "id"] in job.text


async def test_every_call_says_for_whom_it_is_made(house: Thinking) -> None:
    await house.world.says("celine", SINK)
    fast, strong = house.mind.calls
    assert _told(strong) == {"property_id": "bali_villa", "ticket_id": "T-1001", "tier": "strong"}
    assert _told(fast)["tier"] == "fast"
    assert _told(fast)["property_id"] == "bali_villa"


def _told(asked: Asked) -> dict[str, str]:
    names = {
        "property_id": "x-loopos-property-id",
        "ticket_id": "x-loopos-ticket-id",
        "tier": "x-loopos-tier",
    }
    return {key: asked.headers.get(name, "") for key, name in names.items()}


async def test_the_founder_reads_it_in_english_with_the_original_beside_it(house: Thinking) -> None:
    await house.world.says("shirley", STORY)
    card = await house.world.card("ben", "approval")
    assert "translated from 繁體中文" in card.text
    assert ENGLISH in card.text
    assert STORY in card.text
    assert "translated" not in (await house.world.card("shirley", "receipt")).text


async def test_a_backup_reads_it_in_his_own_language_as_soon_as_it_is_translated(house: Thinking) -> None:
    """Haru speaks English too, but not Chinese first: his card is Japanese, and so are Shirley's words on it."""
    await house.world.says("shirley", STORY)
    await (await house.world.card("ben", "approval")).tap("approve")
    await house.world.wait(minutes=2)
    job = await house.world.card("haru", "job")
    assert job.card["language"] == "ja"
    assert STORY in job.text
    (translation,) = [call for call in house.mind.calls if purpose_of(call) == "translate"]
    assert _told(translation) == {"property_id": "warm_taipei_2br", "ticket_id": "T-1001", "tier": "strong"}


async def test_a_quiet_night_costs_nothing(house: Thinking) -> None:
    await house.world.says("celine", SINK)
    calls = len(house.mind.calls)
    await house.world.wait(hours=9)
    assert len(house.mind.calls) == calls


async def test_small_talk_commands_doubles_and_second_reports_cost_nothing(house: Thinking) -> None:
    world = house.world
    await world.says("celine", SINK)
    calls = len(house.mind.calls)
    await world.says("celine", SINK)
    await world.says("celine", "/tickets")
    await world.says("celine", "terima kasih banyak!")
    await world.says("ben", "ok 👍")
    await world.says("miguel", "Vila Bali: wastafel dapur mampet total, air menggenang")
    assert [purpose_of(call) for call in house.mind.calls[calls:]] == []
    assert len(await world.tickets()) == 1


@pytest.mark.long
async def test_the_shell_reads_with_the_model_too(house: Thinking, tmp_path: Path) -> None:
    """`loopos triage`, as another process beside nothing."""
    root = house.mind.url if isinstance(house.mind, FakeAnthropic) else f"{house.mind.url}/v1"
    name = "ANTHROPIC" if isinstance(house.mind, FakeAnthropic) else "OPENAI"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "triage",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={
            "PATH": os.environ["PATH"],
            "LOOPOS_HOME": str(tmp_path / "shell"),
            f"{name}_API_KEY": house.mind.key,
            f"{name}_BASE_URL": root,
        },
    )
    lines = "".join(json.dumps({"id": n, "text": text}) + "\n" for n, text in enumerate([SINK, "ok 👍"]))
    out, _ = await process.communicate(lines.encode())
    first, second = [json.loads(line) for line in out.decode().splitlines()]
    assert (first["id"], first["category"], first["property_id"]) == (0, "plumbing_blockage", "bali_villa")
    assert second["intent"] == "chit_chat"
    assert [purpose_of(call) for call in house.mind.calls] == ["triage"]


SPANISH = "Si gotea el aire acondicionado de Taipei, primero hay que cortar la corriente."
SAID_IN_ENGLISH = "If the air conditioning in Taipei drips, the power has to be switched off first."


async def test_a_memo_in_a_language_that_the_founder_does_not_read_stands_on_his_card_in_his(
    house: Thinking,
) -> None:
    """It was never translated: until a model has, the original stands there behind its code. Once per memo and language."""
    await keep_memo(house.world, SPANISH, "es")
    await house.world.says("shirley", STORY)
    card = await house.world.card("ben", "approval")
    assert SAID_IN_ENGLISH in card.text
    asked = [
        (said_in(call), facts_in(call)["into"])
        for call in house.mind.calls
        if purpose_of(call) == "translate"
    ]
    assert sorted(asked) == [(SPANISH, "en"), (SPANISH, "zh-TW")], "Shirley's receipt shows it too"
    await card.tap("approve")
    await house.world.wait(hours=30)
    before = len(house.mind.calls)
    await house.world.says("shirley", STORY + " 又來了")
    assert "translate" not in [purpose_of(call) for call in house.mind.calls[before:] if SPANISH in call.said]


async def test_without_a_model_the_original_stands_there_behind_its_code(world: World) -> None:
    await keep_memo(world, SPANISH, "es")
    await world.says("shirley", STORY)
    assert f"[es] {SPANISH}" in (await world.card("ben", "approval")).text
    await world.says("ben", "/brain aire acondicionado Taipei gotea")
    assert f"[es] {SPANISH}" in (await world.texts("ben"))[-1]


async def keep_memo(world: World, text: str, language: str) -> None:
    path = world.app.settings.company_folder / "voice_corpus.json"
    memos = json.loads(path.read_text(encoding="utf-8"))
    one = {
        "id": "memo_spanish",
        "property_id": "warm_taipei_2br",
        "category": "hvac_leak",
        "speaker": "ben",
        "language": language,
        "recorded_at": "2026-01-05T10:00:00-08:00",
        "transcript": text,
        "transcript_en": "",
    }
    path.write_text(json.dumps([*memos, one], ensure_ascii=False), encoding="utf-8")
    await world.app.company_files.look()
