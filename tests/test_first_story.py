"""The first story of the product, as the people in it live it."""

from __future__ import annotations

from tests.world import STORY, World


async def test_shirley_reports_ben_approves_shirley_acknowledges_and_it_is_done_for_132(world: World) -> None:
    await world.says("shirley", STORY)

    receipt = await world.card("shirley", "receipt")
    assert receipt.card["language"] == "zh-TW"
    assert "T-1001" in receipt.card["title"]

    asked = await world.card("ben", "approval")
    assert asked.card["language"] == "en"
    assert "Mr. Wang" in asked.lead
    assert "145.00" in asked.lead
    assert "200.00" in asked.text
    assert STORY in asked.text
    ticket = await world.ticket()
    assert ticket["status"] == "AWAITING_HUMAN"
    assert ticket["category"] == "hvac_leak"
    assert ticket["severity"] == 4
    assert set(ticket["risk_tags"]) == {"electrical_risk", "water_damage", "guest_angry"}
    assert ticket["dispatches"][0]["vendor_id"] == "mr_wang_hvac"
    assert ticket["dispatches"][0]["cost_estimate_usd"] == "145.00"
    assert ticket["dispatches"][0]["cap_usd"] == "200.00"

    await asked.tap("approve")
    job = await world.card("shirley", "job")
    assert "王師傅" in job.text
    assert (await world.card("ben", "approval")).card["buttons"] == []

    await job.tap("ack")
    await (await world.card("shirley", "job")).tap(
        "resolve", amount="132", outcome="drain pan replaced", rating="5"
    )

    ticket = await world.ticket()
    assert ticket["status"] == "RESOLVED"
    assert ticket["dispatches"][0]["acknowledged_by"] == "shirley"
    assert ticket["dispatches"][0]["actual_cost_usd"] == "132.00"
    assert await world.events() == [
        "received",
        "filed",
        "skill_step",  # tells the reporter
        "triaged",
        "gated",
        "skill_step",  # sends the vendor: the gate asks
        "approved",
        "dispatched",
        "notified",
        "skill_step",  # words for the guest
        "acknowledged",
        "skill_step",  # somebody has it
        "skill_step",  # they will be asked
        "resolved",
    ]
    assert any("T-1001" in text for text in await world.texts("ben"))
    assert "132.00" in (await world.card("ben", "approval")).lead


async def test_what_was_paid_is_known_the_next_time(world: World) -> None:
    await test_shirley_reports_ben_approves_shirley_acknowledges_and_it_is_done_for_132(world)
    await world.wait(days=30)
    await world.says("shirley", "台北兩房 客廳冷氣漏水")
    tickets = await world.tickets()
    assert tickets[-1]["matched_historical_ids"][0] == "t-1001"


async def test_nobody_acknowledges_and_it_escalates_by_itself(world: World) -> None:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    await world.wait(seconds=29)
    assert await world.cards("haru") == []
    await world.wait(seconds=2)
    assert (await world.card("haru", "job")).card["language"] == "ja"
    await world.wait(seconds=30)
    assert await world.card("ben", "job")
    await world.wait(hours=2)
    steps = [row["detail"] for row in (await world.ticket())["history"] if row["event"] == "escalated"]
    assert steps == [{"step": 1, "who": "haru"}, {"step": 2, "who": "ben"}]
    assert any("T-1001" in text for text in await world.texts("ben"))


async def test_an_acknowledgement_stops_every_timer_and_asks_at_the_vendors_eta(world: World) -> None:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    await world.wait(seconds=31)
    await (await world.card("haru", "job")).tap("ack")
    await world.wait(minutes=119)
    assert await world.cards("ben", "job") == []
    await world.wait(minutes=2)
    assert (await world.card("haru", "follow_up")).buttons().keys() >= {"resolve", "later", "unack"}
    # No answer: it goes back, and the next step is told.
    await world.wait(minutes=31)
    ticket = await world.ticket()
    assert ticket["dispatches"][0]["acknowledged"] is False
    assert await world.card("ben", "job")
