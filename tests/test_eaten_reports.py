"""A report is never eaten by a question or a form that stands open, and nothing is refused by words alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.platforms import House, open_house
from tests.world import STORY, World


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, [("ben", "telegram"), ("shirley", "telegram")]) as one:
        yield one


async def asked(world: World) -> None:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("ask", question="Which room is it?")


@pytest.mark.parametrize(
    "text", ["台北2BR 馬桶堵住了,滿出來", "the toilet is clogged and overflowing", "客廳 WiFi 連不上"]
)
async def test_a_report_is_no_answer_to_another_tickets_question(world: World, text: str) -> None:
    await asked(world)
    await world.says("shirley", text)
    _first, *others = await world.tickets()
    assert len(others) == 1 and others[0]["raw_input"] == text


@pytest.mark.parametrize("text", ["主臥那台,一直在滴", "the one in the bedroom", "冷氣漏到地板了,在客房"])
async def test_an_answer_is_one(world: World, text: str) -> None:
    await asked(world)
    await world.says("shirley", text)
    assert len(await world.tickets()) == 1
    assert any(text in said for said in await world.texts("ben"))


async def test_a_report_is_no_reason_for_a_refusal(house: House) -> None:
    ben, shirley = house.phone("ben", "telegram"), house.phone("shirley", "telegram")
    await shirley.says(STORY)
    await ben.taps("reject")
    await ben.says("Reno: the toilet is clogged")
    first, second = await house.tickets()
    assert (first["status"], second["property_id"]) == ("AWAITING_HUMAN", "mtn_city_reno")


async def test_plain_words_refuse_only_after_a_yes(house: House) -> None:
    ben, shirley = house.phone("ben", "telegram"), house.phone("shirley", "telegram")
    await shirley.says(STORY)
    await ben.taps("reject")
    await ben.says("the landlord pays for that")
    assert (await house.ticket())["status"] == "AWAITING_HUMAN"
    await ben.confirms()
    assert (await house.ticket())["status"] == "REJECTED"
    assert await shirley.sees("the landlord pays for that")
