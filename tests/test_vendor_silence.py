"""A vendor who does not answer: the next one is tried, but never over the head of who has the job."""

from __future__ import annotations

from pathlib import Path

from tests.platforms import open_house
from tests.world import STORY

PEOPLE = [("shirley", "line"), ("ben", "slack")]


async def test_who_has_the_job_is_asked_and_nobody_else_is_sent(tmp_path: Path) -> None:
    async with open_house(tmp_path, PEOPLE, {"mr_wang_hvac": "telegram"}) as house:
        shirley = house.phone("shirley", "line")
        await shirley.says(STORY)
        await house.phone("ben", "slack").taps("approve")
        await shirley.taps("ack")
        await house.wait(minutes=16)
        ticket = await house.ticket()
        assert [one["vendor_id"] for one in ticket["dispatches"] if not one["void"]] == ["mr_wang_hvac"]
        assert (ticket["status"], ticket["dispatches"][-1]["acknowledged_by"]) == ("DISPATCHED", "shirley")
        assert await shirley.sees("還沒回覆 T-1001")


async def test_while_nobody_has_it_the_next_one_is_tried(tmp_path: Path) -> None:
    async with open_house(tmp_path, PEOPLE, {"mr_wang_hvac": "telegram"}) as house:
        await house.phone("shirley", "line").says(STORY)
        await house.phone("ben", "slack").taps("approve")
        await house.wait(minutes=16)
        ticket = await house.ticket()
        assert ticket["dispatches"][0]["void"]
        assert len(ticket["dispatches"]) == 2
