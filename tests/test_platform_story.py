"""The first story again, as the vendors' own servers saw it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import story
from tests.platforms import open_house
from tests.world import STORY


@pytest.mark.parametrize("desk", ["slack", "telegram"])
async def test_shirley_on_line_and_ben_on_the_other_side(tmp_path: Path, desk: str) -> None:
    async with open_house(tmp_path, [("shirley", "line"), ("ben", desk)]) as house:
        shirley, ben = house.phone("shirley", "line"), house.phone("ben", desk)
        await shirley.says(STORY)
        assert await shirley.sees("T-1001")

        asked = await ben.card("approve")
        assert "Mr. Wang" in asked.text
        assert "145.00" in asked.text
        await ben.taps("approve")
        assert (await house.ticket())["status"] == "DISPATCHED"
        now = next(one for one in await ben.chat() if one.ref == asked.ref)
        assert "approve" not in {name.split(":")[0] for _, name in now.buttons}

        await shirley.taps("ack")
        await shirley.taps("resolve", amount="132")
        ticket = await house.ticket()
        assert ticket["status"] == "RESOLVED"
        assert ticket["dispatches"][0]["actual_cost_usd"] == "132.00"
        assert await ben.sees("132.00")


@pytest.mark.parametrize("desk", ["slack", "telegram"])
async def test_the_page_tells_the_story_as_it_happens(tmp_path: Path, desk: str) -> None:
    lines, ticket = await story.play(tmp_path, desk)
    assert (ticket["status"], ticket["charge_to"]) == ("RESOLVED", "owner")
    assert [one["kind"] for one in ticket["attachments"]] == ["photo"]
    # A sign of life and the answer are on their way at the same time: either may arrive first.
    written = story.PAGE.read_text(encoding="utf-8").splitlines()
    assert sorted(set(lines) - set(written)) == []
