"""A platform that takes no card: the same words come plainly, and nobody is told that somebody was asked who was not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.platforms import open_house
from tests.world import STORY


@pytest.mark.parametrize("channel", ["slack", "telegram", "line"])
async def test_what_cannot_be_shown_as_a_card_is_said_in_words(tmp_path: Path, channel: str) -> None:
    async with open_house(
        tmp_path, [("shirley", "line" if channel != "line" else "slack"), ("ben", channel)]
    ) as house:
        house.fakes[channel].takes_no_cards = True
        await house.phone("shirley", "line" if channel != "line" else "slack").says(STORY)
        await house.wait(seconds=2)
        said = "\n".join(await house.phone("ben", channel).texts())
        assert "T-1001" in said and "王師傅" in said and "145.00" in said


async def test_a_founder_whom_nothing_reaches_was_not_asked(tmp_path: Path) -> None:
    async with open_house(tmp_path, [("shirley", "line"), ("ben", "telegram")]) as house:
        await house.fakes["telegram"].blocks(house.phone("ben", "telegram").account)
        shirley = house.phone("shirley", "line")
        await shirley.says(STORY)
        await house.wait(seconds=2)
        told = (await shirley.texts())[-1]
        assert "Ben" in told and "電話" in told, told
