"""Whoever approves has read what goes out: every line of it, on every platform, before the button counts."""

from __future__ import annotations

import html
from pathlib import Path

import pytest

from core.store.tables import Approval
from tests.platforms import open_house
from tests.world import STORY


@pytest.mark.parametrize("channel", ["slack", "telegram", "line"])
async def test_the_texts_to_vendor_and_guest_stand_on_the_card_in_full(tmp_path: Path, channel: str) -> None:
    other = "telegram" if channel == "line" else "line"
    async with open_house(tmp_path, [("shirley", other), ("ben", channel)]) as house:
        await house.phone("shirley", other).says(STORY)
        card = await house.phone("ben", channel).card("approve")
        action = await house.app.store.read(lambda s: s.query(Approval).one().action)
        shown = "".join(html.unescape(card.text).split())
        for text in (action.text_to_vendor, action.text_to_guest):
            for line in text.splitlines():
                assert "".join(line.split()) in shown, line
