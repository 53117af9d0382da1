"""What closing a ticket may say besides the bill: a credit for the guest and our own people's time."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from core.store.tables import Ticket
from tests.platforms import House, open_house
from tests.world import STORY, CardSeen, World


async def given(home: World | House) -> tuple[Decimal | None, int | None]:
    """(credit, minutes) of the only ticket."""
    store = home.store if isinstance(home, World) else home.app.store
    found: tuple[Decimal | None, int | None] = await store.read(
        lambda s: (
            (ticket := s.get_one(Ticket, "T-1001")).guest_credit_usd,
            ticket.staff_minutes,
        )
    )
    return found


async def job_under_way(world: World) -> CardSeen:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    await (await world.card("shirley", "job")).tap("ack")
    return await world.card("shirley", "job")


async def test_shirley_closes_it_and_says_what_the_guest_got_and_how_long_it_took(world: World) -> None:
    job = await job_under_way(world)
    await job.tap("resolve", amount="132", credit="$20", minutes="45")
    assert await given(world) == (Decimal("20.00"), 45)
    end = (await world.ticket())["history"][-1]
    assert (end["event"], end["detail"]["guest_credit_usd"], end["detail"]["staff_minutes"]) == (
        "resolved",
        "20.00",
        45,
    )


async def test_what_is_left_empty_is_not_known_rather_than_nothing(world: World) -> None:
    """As the page sends a form in which only the amount was filled in."""
    job = await job_under_way(world)
    await job.tap("resolve", amount="132", outcome="", charge_to="", rating="", credit="", minutes="")
    assert (await world.ticket())["status"] == "RESOLVED"
    assert await given(world) == (None, None)


@pytest.mark.parametrize(("typed", "minutes"), [("0", 0), ("960", 960), ("４５", 45)])
async def test_minutes_that_are_clear(world: World, typed: str, minutes: int) -> None:
    job = await job_under_way(world)
    await job.tap("resolve", amount="132", minutes=typed)
    assert await given(world) == (None, minutes)


async def test_a_week_of_minutes_is_booked_once_somebody_says_that_it_is_meant(world: World) -> None:
    job = await job_under_way(world)
    await job.tap("resolve", amount="132", minutes="10000")
    assert await given(world) == (None, None)
    await (await world.card("shirley", "really")).tap("resolve")
    assert await given(world) == (None, 10_000)


@pytest.mark.parametrize("typed", ["-5", "+45", "4_5", "10001", "1.5", "an hour", "1e3", "九十", "9" * 5000])
async def test_minutes_that_are_not_are_asked_again_and_nothing_is_closed(world: World, typed: str) -> None:
    job = await job_under_way(world)
    await job.tap("resolve", amount="132", credit="20", minutes=typed)
    assert (await world.ticket())["status"] == "DISPATCHED"
    assert await given(world) == (None, None)
    answer = (await world.texts("shirley"))[-1]
    assert "10000" in answer and typed[:20] in answer and len(answer) < 200
    await (await world.card("shirley", "job")).tap("resolve", amount="132", credit="20", minutes="90")
    assert await given(world) == (Decimal("20.00"), 90)


@pytest.mark.parametrize(
    ("typed", "named"),
    [("-20", "-20"), ("1e2", "1e2"), ("NaN", "NaN"), ("20 euro", "EUR"), ("500,000.00", "500,000.00")],
)
async def test_a_credit_that_cannot_be_read_closes_nothing(world: World, typed: str, named: str) -> None:
    job = await job_under_way(world)
    await job.tap("resolve", amount="132", credit=typed)
    assert (await world.ticket())["status"] == "DISPATCHED"
    assert named in (await world.texts("shirley"))[-1]


async def test_what_was_given_before_it_came_back_stays_and_is_shown_in_the_form(world: World) -> None:
    job = await job_under_way(world)
    await job.tap("resolve", amount="132", credit="20", minutes="45")
    await (await world.card("shirley", "job")).tap("reopen")
    assert await given(world) == (Decimal("20.00"), 45)
    await (await world.card("ben", "approval")).tap("approve")
    await (await world.card("shirley", "job")).tap("ack")
    job = await world.card("shirley", "job")
    begins = {field["name"]: field["value"] for field in job.buttons()["resolve"]["fields"]}
    assert (begins["credit"], begins["minutes"]) == ("20.00", "45")
    await world.says("shirley", "/resolve T-1001 60")
    assert await given(world) == (Decimal("20.00"), 45)


async def test_a_form_in_slack_asks_for_both_and_refuses_a_credit_on_the_spot(tmp_path: Path) -> None:
    async with open_house(tmp_path, [("shirley", "slack"), ("ben", "slack")]) as house:
        shirley, ben = house.phone("shirley", "slack"), house.phone("ben", "slack")
        await shirley.says(STORY)
        await ben.taps("approve")
        await shirley.taps("ack")
        await shirley.taps("resolve", amount="132", credit="a drink", minutes="45")
        slack = house.fakes["slack"]
        assert slack.answers[-1][1]["errors"].keys() == {"credit"}
        assert (await house.ticket())["status"] == "DISPATCHED"
        await slack.fills(shirley.account, amount="132", credit="20", minutes="45")
        await house.settle()
        assert await given(house) == (Decimal("20.00"), 45)


@pytest.mark.parametrize("channel", ["telegram", "line"])
async def test_where_there_are_no_forms_the_bare_amount_is_all_that_is_asked(
    tmp_path: Path, channel: str
) -> None:
    async with open_house(tmp_path, [("shirley", channel), ("ben", channel)]) as house:
        shirley, ben = house.phone("shirley", channel), house.phone("ben", channel)
        await shirley.says(STORY)
        await ben.taps("approve")
        await shirley.taps("ack")
        await shirley.taps("resolve", amount="132")
        assert (await house.ticket())["status"] == "RESOLVED"
        assert await given(house) == (None, None)
