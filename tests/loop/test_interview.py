"""The loop gets to know the company: a few questions with buttons once the founder speaks, and a PLAYBOOK that he confirms."""

from __future__ import annotations

import json
import shutil

import pytest
from sqlalchemy import select

from core.loop.interview import SETUP
from core.store.loop_tables import AskRow
from tests.loop.beating import Beating, beating
from tests.world import World


@pytest.fixture
async def loop(world: World) -> Beating:
    return await beating(world)


async def picks(loop: Beating, label: str) -> None:
    card = await loop.world.card("ben", "ask")
    button = next(one for one in card.card["buttons"] if one["label"] == label)
    await loop.world.tap("ben", button["id"])
    await loop.beat()


async def test_five_questions_and_a_playbook_that_he_confirms(loop: Beating) -> None:
    world = loop.world
    await loop.beat()
    assert await world.cards("ben", "ask") == [], "never unasked"
    await world.says("shirley", "/help")
    await loop.beat()
    assert await world.cards("ben", "ask") == [], "it is the founder who is asked"
    await world.says("ben", "/help")
    await loop.beat()
    await loop.beat()
    first = await world.card("ben", "ask")
    assert "what do you look after?" in first.text
    assert "setup-1" in first.text
    assert len(await world.cards("ben", "ask")) == 1
    for label in ("Homes that are let for days", "Guests who are in the house"):
        await picks(loop, label)
    await world.says("ben", "/answer setup-3 New vendors, and anything on a Sunday")
    await loop.beat()
    await picks(loop, "Water and power, too")
    await picks(loop, "Every 15 minutes")
    card = await world.card("ben", "ask")
    assert "Never without the founder: New vendors, and anything on a Sunday" in card.text
    assert card.buttons().keys() == {"approve", "reject"}
    before = (loop.folder / "PLAYBOOK.md").read_text()
    assert "Sunday" not in before
    await card.tap("approve")
    await loop.beat()
    after = (loop.folder / "PLAYBOOK.md").read_text()
    assert after.startswith(before[:110])
    assert "The goal `setup`" in before and "The goal `setup`" not in after
    assert any("/goal write" in one for one in await world.texts("ben"))
    assert "- Who may be woken: Water and power, too" in after
    assert not (loop.folder / "goals" / "setup.md").exists()
    assert (loop.folder / "goals" / "archive" / "setup.md").exists()
    assert json.loads((loop.folder / "config.json").read_text())["interval"] == 900
    assert "the founder confirmed the PLAYBOOK of the interview" in await loop.journal()
    cards = len(await world.cards("ben", "ask"))
    await loop.beat()
    assert len(await world.cards("ben", "ask")) == cards, "never twice"


async def test_not_now_is_an_answer_and_a_no_keeps_the_playbook(loop: Beating) -> None:
    world = loop.world
    await world.says("ben", "/help")
    await loop.beat()
    await picks(loop, "Not now")
    await loop.passes(days=2)
    await loop.beat()
    assert len(await world.cards("ben", "ask")) == 1
    assert (loop.folder / "goals" / "setup.md").exists()


async def test_who_dies_while_the_folder_is_made_asks_at_the_next_start_and_once(world: World) -> None:
    await beating(world)
    shutil.rmtree(world.app.settings.home / "loop")  # the question was kept, the folder was not
    loop = await beating(world)
    await loop.pulse.prepare()
    assert await world.store.read(lambda s: list(s.scalars(select(AskRow.worker)))) == [SETUP]
    assert "Guardrails" in (loop.folder / "PLAYBOOK.md").read_text()
