"""A guest is coming: the ticket knows, its card says what that is computed from, and it ends by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from core.loop import house_sensors
from tests.loop.beating import Beating, beating
from tests.stays.feeds import airbnb, booking
from tests.world import STORY, World


async def with_calendars(world: World, *addresses: str) -> None:
    path = Path(world.app.settings.company_folder) / "properties.json"
    places = json.loads(path.read_text())
    for place in places:
        if place["id"] == "warm_taipei_2br":
            place["calendars"] = list(addresses)
    path.write_text(json.dumps(places))
    await world.app.company_files.look()
    await world.settle()


def feed(world: World, name: str, text: str) -> None:
    (Path(world.app.settings.company_folder) / name).write_text(text)


async def sensed(loop: Beating) -> dict[str, Any]:
    reading = await house_sensors.stays(loop.pulse.house, loop.world.clock.now())
    await loop.world.settle()
    return dict(reading["signal"])


@pytest.fixture
async def loop(world: World) -> Beating:
    return await beating(world)


async def test_a_check_in_today_is_on_the_card_with_what_it_is_computed_from_and_goes_by_itself(
    loop: Beating,
) -> None:
    world = loop.world
    feed(world, "taipei.ics", airbnb(("20261120", "20261122", "Reserved")))
    await with_calendars(world, "taipei.ics")
    assert (await sensed(loop))["arrivals"] == {"warm_taipei_2br": "2026-11-20T15:00:00+08:00"}
    await world.says("shirley", STORY)  # at noon
    ticket = await world.ticket()
    assert "checkin_imminent" in ticket["risk_tags"]
    assert ticket["facts"]["guest"]["cleaner_minutes"] == 90
    card = await world.card("ben", "approval")
    assert "Next check-in: 23:00 (Los Angeles)" in card.text
    assert "done by 21:30, then 90 min for the cleaner" in card.text
    vendor = world.app.services.company.vendor(ticket["dispatches"][-1]["vendor_id"])
    assert vendor is not None
    late = vendor.response_hours > 1.5
    assert ("Too late" in card.text) is late
    assert (await sensed(loop))["threatened"] == (["T-1001"] if late else [])
    await world.wait(hours=3, minutes=30)  # the guests are in
    await sensed(loop)
    ticket = await world.ticket()
    assert "checkin_imminent" not in ticket["risk_tags"]
    assert ticket["facts"]["guest"].keys() == {"check_out"}
    assert "Check-out: " in (await world.card("ben", "approval")).text
    changes = [one["detail"] for one in ticket["history"] if one["event"] == "changed"]
    assert {one["why"] for one in changes} == {"reservations"}


async def test_a_reservation_that_is_made_or_cancelled_later_changes_the_open_ticket(loop: Beating) -> None:
    world = loop.world
    feed(world, "taipei.ics", airbnb())
    await with_calendars(world, "taipei.ics")
    await sensed(loop)
    await world.says("shirley", STORY)
    assert "checkin_imminent" not in (await world.ticket())["risk_tags"]
    feed(world, "taipei.ics", booking(("20261120", "20261121", "")))
    await world.wait(minutes=16)
    await sensed(loop)
    assert "checkin_imminent" in (await world.ticket())["risk_tags"]
    feed(world, "taipei.ics", airbnb(("20261120", "20261121", "Airbnb (Not available)")))
    await world.wait(minutes=16)
    await sensed(loop)
    assert "checkin_imminent" not in (await world.ticket())["risk_tags"]


async def test_a_feed_that_cannot_be_read_keeps_what_was_known_and_is_named_once(loop: Beating) -> None:
    world = loop.world
    answers: dict[str, Any] = {"status": 200, "text": airbnb(("20261120", "20261122", "Reserved"))}

    async def serve(_request: web.Request) -> web.Response:
        return web.Response(status=int(answers["status"]), text=str(answers["text"]))

    app = web.Application()
    app.router.add_get("/cal", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    try:
        await with_calendars(world, f"http://127.0.0.1:{port}/cal?s=a-secret", "gone.ics", "../team.json")
        found = await sensed(loop)
        assert found["arrivals"] == {"warm_taipei_2br": "2026-11-20T15:00:00+08:00"}
        assert found["unreadable"] == [
            "Warm Taipei 2BR, 2: No such file or directory",
            "Warm Taipei 2BR, 3: it lies outside of the company's folder",
        ]
        answers.update(status=502, text="<html>")
        await world.wait(minutes=16)
        found = await sensed(loop)
        assert found["unreadable"][0] == "Warm Taipei 2BR, 1: its server answers 502"
        assert found["arrivals"] == {"warm_taipei_2br": "2026-11-20T15:00:00+08:00"}
        beat = await loop.beat()
        assert "Warm Taipei 2BR, 1: its server answers 502" in beat.journal
        assert "a-secret" not in json.dumps(await loop.journal())
        await loop.beat()
        assert len([one for one in await loop.journal() if "its server answers 502" in one]) == 1, "once"
    finally:
        await runner.cleanup()


async def test_without_a_feed_what_a_person_said_stays(world: World) -> None:
    await world.says("shirley", "Warm Taipei 冷氣漏水,客人今天入住")
    (ticket,) = await world.tickets()
    assert "guest" not in ticket["facts"]


async def test_what_could_have_waited_is_for_today_while_somebody_arrives(loop: Beating) -> None:
    world = loop.world
    feed(world, "taipei.ics", airbnb(("20261120", "20261122", "Reserved")))
    await with_calendars(world, "taipei.ics")
    await sensed(loop)
    await world.says("shirley", "Warm Taipei 毛巾不夠,有空再補")
    (ticket,) = await world.tickets()
    raised = [one["detail"] for one in ticket["history"] if one["detail"].get("field") == "severity"]
    assert ticket["severity"] == 3
    assert [(one["old"], one["new"]) for one in raised] == [(2, 3)], "two, as it was read"
    await world.wait(hours=3, minutes=30)
    await sensed(loop)
    (ticket,) = await world.tickets()
    assert ticket["severity"] == 2
    assert "checkin_imminent" not in ticket["risk_tags"]
