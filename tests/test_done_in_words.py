"""Words close a job only with an amount that nobody can read in another way; everything else asks, with a form filled in as
far as the words went."""

from __future__ import annotations

import pytest

from tests.test_credits import job_under_way
from tests.world import World


@pytest.mark.parametrize(
    "said",
    [
        "T-1001 done, guest in room 3 is happy",
        "T-1001 修好了,花了20分鐘",
        "T-1001 done, he left at 10",
        "T-1001 修好了,3000塊",
        "T-1001 done, it took 2 hours",
    ],
)
async def test_a_number_that_is_no_bill_closes_nothing(world: World, said: str) -> None:
    await job_under_way(world)
    await world.says("shirley", said)
    assert (await world.ticket())["status"] == "DISPATCHED"
    assert (await world.card("shirley", "job")).buttons()["resolve"]["fields"][0]["value"] == ""


async def test_done_and_a_number_closes_it(world: World) -> None:
    await job_under_way(world)
    await world.says("shirley", "T-1001 修好了 132")
    ticket = await world.ticket()
    assert (ticket["status"], ticket["dispatches"][-1]["actual_cost_usd"]) == ("RESOLVED", "132.00")


async def test_a_number_that_may_be_the_bill_stands_in_the_form(world: World) -> None:
    await job_under_way(world)
    await world.says("shirley", "T-1001: 132. Fixed, it works again now")
    assert (await world.ticket())["status"] == "DISPATCHED"
    assert (await world.card("shirley", "job")).buttons()["resolve"]["fields"][0]["value"] == "132.00"


async def test_forty_thousand_spaces_stop_nobody(world: World) -> None:
    """They stood in an expression that took their square: half a minute in which nothing else was done."""
    await job_under_way(world)
    await world.says("shirley", f"T-1001 done{' ' * 39_900}132 usd")
    ticket = await world.ticket()
    assert (ticket["status"], ticket["outcome"]) == ("RESOLVED", "T-1001 done 132 usd")
    assert len(ticket["reports"][-1]["raw_input"]) > 39_900, "what was written is kept"
