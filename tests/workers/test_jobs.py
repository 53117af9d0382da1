"""The jobs that come with the house: switched on, woken by what the house sees, and played to their end."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import jobs as play
from core.workers.jobs import ABOUT, brief_of, job
from tests.workers.working import Working, working
from tests.world import STORY, World


@pytest.mark.parametrize("name", ABOUT)
def test_each_is_a_goal_and_a_brief_that_names_its_end(name: str) -> None:
    one = job(name)
    assert one is not None
    assert one.goal.startswith("goal: ")
    assert f"job:{name} " in one.goal
    assert "done" in one.brief
    assert brief_of(f"job:{name} T-1") == f"{one.brief}\n\nThis time: T-1"
    assert "ask the founder" in brief_of(f"job:{name}")


@pytest.mark.parametrize("prompt", ["job:nothing T-1", "do the job:three-quotes", "plain", "job:../x"])
def test_whatever_else_is_a_brief_as_it_is(prompt: str) -> None:
    assert brief_of(prompt) == prompt


async def test_a_founder_switches_one_on_and_off(world: World) -> None:
    house: Working = await working(world)
    assert "three-quotes  off" in await house.ok("goal jobs")
    assert await house.ok("goal on", id="three-quotes") == "write-goal three-quotes"
    assert "three-quotes  on" in await house.ok("goal jobs")
    assert "three-quotes" in await house.ok("goal list")
    assert (await house.does("goal on", id="nothing")).refused is not None
    assert "may not" in await house.refused("goal on", by="w", id="damage-claim")
    await house.ok("goal archive", id="three-quotes")
    assert "three-quotes  off" in await house.ok("goal jobs")


async def test_what_wakes_them(world: World) -> None:
    house = await working(world)
    await world.says("shirley", STORY)
    await house.loop.beat()
    assert house.loop.snapshot("sensor-decisions")["signal"] == {"over_cap": []}, (
        "145 USD are within the cap of 200"
    )
    await (await world.card("ben", "approval")).tap("change", amount="260")
    await house.loop.beat()
    assert house.loop.snapshot("sensor-decisions")["signal"] == {"over_cap": ["T-1001"]}
    await (await world.card("ben", "approval")).tap("approve")
    await world.says("shirley", "/ack T-1001")
    await world.says("ben", "/resolve T-1001 132 drain pan")
    await house.loop.beat()
    assert house.loop.snapshot("sensor-decisions")["signal"] == {"over_cap": []}
    assert house.loop.snapshot("sensor-guest-damage")["signal"] == {"claimable": []}

    def guests(tx):  # type: ignore[no-untyped-def]
        from core.tickets.records import find_ticket

        find_ticket(tx, "T-1001").charge_to = "guest"

    await world.do(guests)
    await house.loop.passes(days=1)
    await house.loop.beat()
    reading = house.loop.snapshot("sensor-guest-damage")
    assert reading == {"signal": {"claimable": ["T-1001"]}, "detail": {"days_left": {"T-1001": 13}}}
    await house.loop.passes(days=14)
    await house.loop.beat()
    assert house.loop.snapshot("sensor-guest-damage")["signal"] == {"claimable": []}


@pytest.mark.long
async def test_three_quotes_are_compared_and_the_best_is_the_founders_to_approve(tmp_path: Path) -> None:
    played = await play.run("three-quotes", tmp_path)
    assert played.taps == {"mr_wang_hvac": 1, "taipei_water_works": 1, "ito_setsubi": 1, "ben": 1}
    for said in play.PRICES.values():
        assert said in played.report
    assert played.ticket["status"] == "DISPATCHED"
    assert played.ticket["dispatches"][-1]["vendor_id"] == "taipei_water_works"
    assert played.calls == 8
    assert played.tokens_in > 0


@pytest.mark.long
async def test_a_statement_with_its_odd_bill_explained(tmp_path: Path) -> None:
    played = await play.run("owner-statement", tmp_path)
    assert played.taps == {"shirley": 1, "ben": 1}
    assert "480" in played.report
    assert "Shirley: A part was replaced" in played.report


@pytest.mark.long
async def test_a_claim_is_chased_until_it_is_filed(tmp_path: Path) -> None:
    played = await play.run("damage-claim", tmp_path)
    assert played.taps == {"ben": 3, "miguel": 1}
    assert "Ben: Airbnb, 14 days" in played.report
    assert any("filed" in line for line in played.lines)
