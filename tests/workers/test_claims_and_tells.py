"""A name for oneself while one lives, and what a worker is told, once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from core.store.worker_tables import TellRow
from tests.workers.working import Working, working
from tests.world import World


@pytest.fixture
async def house(world: World) -> AsyncIterator[Working]:
    one = await working(world)
    yield one
    await one.fleet.kill_all()


async def test_27_of_many_one_has_it_again_and_again(house: Working) -> None:
    for name in ("a", "b", "c"):
        await house.start(name)
    found = await asyncio.gather(
        *(house.does("claim", by=name, name="roof", session=name) for name in ("a", "b", "c"))
    )
    assert sorted(one.code for one in found) == [0, 1, 1]
    winner = ("a", "b", "c")[[one.code for one in found].index(0)]
    assert found[("a", "b", "c").index(winner)].out == "claimed roof"
    assert await house.ok("claim", by=winner, name="roof", session=winner) == "claimed roof"
    loser = next(one for one in ("a", "b", "c") if one != winner)
    refused = await house.does("claim", by=loser, name="roof", session=loser)
    assert refused.refused is not None
    assert refused.refused.params["holder"] == winner
    assert await house.refused("unclaim", by=loser, name="roof", session=loser) == "claimed"
    await house.ok("unclaim", by=winner, name="roof", session=winner)
    assert await house.ok("claim", by=loser, name="roof", session=loser) == "claimed roof"


async def test_27_a_dead_holder_has_nothing_and_an_unknown_one_is_taken_to_live(house: Working) -> None:
    await house.start("short", "exit 0")
    await house.ok("claim", name="lift", session="short")
    await house.ended("short")
    assert await house.ok("claim", name="lift", session="next") == "claimed lift"
    assert await house.refused("claim", name="lift", session="other") == "claimed", (
        "next was never started here"
    )
    await house.loop.beat()
    assert house.loop.snapshot("sys-claims")["signal"] == [{"name": "lift", "session": "next"}]


@pytest.mark.parametrize("session", ["", " ", "a b", "../x"])
async def test_27_without_an_owner_nothing_is_taken(house: Working, session: str) -> None:
    assert await house.refused("claim", name="lift", session=session) == "claim_whose"


@pytest.mark.parametrize("name", ["", "..", "a/b", ".x", "a b", "a\\b"])
async def test_a_lease_has_a_name_that_stays_in_its_folder(house: Working, name: str) -> None:
    assert await house.refused("claim", name=name, session="me") == "bad_id"
    assert await house.refused("unclaim", name=name, session="me") == "bad_id"


async def test_claims_by_hand_are_taken_over_and_let_go_of(house: Working) -> None:
    await house.start("hand")
    path = house.folder / "claims" / "boiler.json"
    path.write_text(json.dumps({"session": "hand", "name": "boiler"}))
    await house.loop.beat()
    assert house.loop.snapshot("sys-claims")["signal"] == [{"name": "boiler", "session": "hand"}]
    assert await house.refused("claim", name="boiler", session="other") == "claimed"
    path.unlink()
    await house.loop.beat()
    assert house.loop.snapshot("sys-claims")["signal"] == []
    for junk in ("no json", "[]", '{"session": 3}', '{"session": "../x"}'):
        path.write_text(junk)
        await house.loop.beat()
        assert house.loop.snapshot("sys-claims")["signal"] == []


async def test_a_verbs_claim_stands_in_a_file_and_that_file_claims_nothing_afterwards(house: Working) -> None:
    await house.start("one")
    await house.ok("claim", by="one", name="gate", session="one")
    path = house.folder / "claims" / "gate.json"
    assert json.loads(path.read_text())["session"] == "one"
    await house.ok("unclaim", by="one", name="gate", session="one")
    assert not path.exists()
    await house.ok("claim", by="one", name="gate", session="one")
    await house.ok("kill", id="one")
    await house.start("one")
    await house.loop.beat()
    assert house.loop.snapshot("sys-claims")["signal"] == [], "the new one of that name took nothing"
    assert not path.exists()


async def test_26_two_readers_race_and_each_word_comes_once_in_its_order(house: Working) -> None:
    await house.start("ears")
    for word in ("first", "second", "third"):
        assert await house.ok("tell", id="ears", text=word) == "told ears"
    found = await asyncio.gather(*(house.does("told", by="ears", worker="ears") for _ in range(4)))
    said = [one.out for one in found if one.out]
    assert said == ["• first\n• second\n• third"]
    assert await house.ok("told", by="ears", worker="ears") == ""


async def test_26_the_dead_are_told_nothing_and_a_new_one_hears_nothing_old(house: Working) -> None:
    assert await house.refused("tell", id="ghost", text="boo") == "unknown_worker"
    await house.start("twice")
    await house.ok("tell", id="twice", text="for the first one")
    await house.ok("kill", id="twice")
    assert await house.refused("tell", id="twice", text="boo") == "worker_not_live"
    await house.start("twice")
    assert await house.ok("told", by="twice", worker="twice") == ""
    await house.ok("tell", id="twice", text="for the second")
    rows = await house.world.store.read(lambda s: {one.id for one in s.query(TellRow)})
    assert rows == {"twice-1", "twice-2"}, "no number is used again"


async def test_an_answer_is_the_answer_alone_and_says_beside_it_that_something_waits(house: Working) -> None:
    await house.start("asker")
    await house.ok("ask", by="asker", worker="asker", prompt="yes or no?")
    await house.ok("tell", id="asker", text="by the way")
    await house.ok("answer", id="asker-1", text="yes")
    found = await house.does("answered", by="asker", id="asker-1")
    assert (found.out, found.err) == ("yes", "told: 1 for you")
