"""Programs over the API: they do what their person may do, and chat sees it at once; the other way round, too."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from bot.cli import main
from tests.clients.programs import Programs
from tests.platforms import House, until
from tests.world import STORY


async def test_a_program_reports_and_its_person_decides_in_chat(house: House, programs: Programs) -> None:
    shirley = await programs.of("shirley")
    answer = await shirley.call("POST", "/tickets", {"text": STORY, "client_message_id": "from-my-phone-1"})
    assert answer.status == 201, answer
    assert answer.body["status"] == "AWAITING_HUMAN"
    assert answer.body["source"]["channel"] == "api"
    again = await shirley.call("POST", "/tickets", {"text": STORY, "client_message_id": "from-my-phone-1"})
    assert again.body["ticket_id"] == answer.body["ticket_id"]
    await house.phone("ben", "slack").taps("approve")
    ticket = await shirley.get(f"/tickets/{answer.body['ticket_id']}")
    assert ticket["status"] == "DISPATCHED"
    assert (await shirley.get("/tickets", open="true"))["total"] == 1


async def test_an_approval_over_the_api_changes_the_card_in_chat(house: House, programs: Programs) -> None:
    await house.phone("shirley", "slack").says(STORY)
    ben = await programs.of("ben", "decide")
    (asked,) = (await ben.get("/approvals"))["approvals"]
    assert asked["vendor_id"] == "mr_wang_hvac" and asked["deciders"] == ["ben"]
    answer = await ben.call("POST", f"/approvals/{asked['approval_id']}", {"decision": "approve"})
    assert answer.status == 200 and answer.body["status"] == "DISPATCHED", answer
    await house.settle()
    assert await house.phone("ben", "telegram").sees("a program")
    late = await ben.call("POST", f"/approvals/{asked['approval_id']}", {"decision": "approve"})
    assert late.status == 409 and late.body["error"]["code"] == "already_decided"
    assert late.body["error"]["who"] == "Ben"


async def test_whoever_may_not_is_told_who_may(house: House, programs: Programs) -> None:
    await house.phone("shirley", "slack").says(STORY)
    ben, shirley = await programs.of("ben"), await programs.of("shirley", "decide")
    (asked,) = (await ben.get("/approvals"))["approvals"]
    path, yes = f"/approvals/{asked['approval_id']}", {"decision": "approve"}
    hers = await shirley.call("POST", path, yes)
    assert (hers.status, hers.body["error"]["code"], hers.body["error"]["who"]) == (403, "not_yours", "Ben")
    without = await ben.call("POST", path, yes)
    assert (without.status, without.body["error"]["field"]) == (403, "scope")
    assert (await house.ticket())["status"] == "AWAITING_HUMAN"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("POST", "/tickets", {}, 422, "text"),
        ("POST", "/tickets", {"text": "  "}, 422, "text"),
        ("POST", "/tickets", {"text": "leak", "zzz": 1}, 422, "zzz"),
        ("POST", "/tickets", {"text": "leak", "property_id": "nowhere"}, 422, "property_id"),
        ("POST", "/tickets", ["leak"], 422, None),
        ("GET", "/tickets?limit=101", None, 422, "limit"),
        ("GET", "/tickets?cursor=%7B", None, 422, "cursor"),
        ("GET", "/tickets/T-9999", None, 404, None),
        ("POST", "/tickets/T-9999/resolve", {"actual_cost_usd": "12"}, 404, None),
        ("POST", "/tickets/T-9999/resolve", {"actual_cost_usd": "-1"}, 422, "actual_cost_usd"),
        ("POST", "/approvals/nothing", {"decision": "approve"}, 404, None),
        ("DELETE", "/clients/nothing", None, 404, None),
        ("GET", "/nowhere", None, 404, None),
    ],
)
async def test_what_is_wrong_is_named_and_never_repeated(
    programs: Programs, method: str, path: str, body: Any, status: int, field: str | None
) -> None:
    ben = await programs.of("ben", "decide")
    answer = await ben.call(method, path, body)
    assert (answer.status, answer.body["error"].get("field")) == (status, field), answer


async def test_a_token_of_another_door_of_nobody_or_taken_back_is_no_token(
    house: House, programs: Programs
) -> None:
    ben = await programs.of("ben", "decide")
    for wrong in ("", "lo_st_wrong", await programs.token("ben", audience="mcp")):
        ben.token, kept = wrong, ben.token
        assert (await ben.call("GET", "/me")).status == 401
        ben.token = kept
    (mine,) = [one for one in (await ben.get("/clients"))["clients"] if one["audience"] == "api"]
    assert (await ben.call("DELETE", f"/clients/{mine['client_id']}")).status == 204
    assert (await ben.call("GET", "/me")).status == 401


async def test_who_leaves_the_team_is_nobody_at_the_next_call(house: House, programs: Programs) -> None:
    haru = await programs.of("haru")
    assert (await haru.get("/me"))["person"] == "haru"
    await house.phone("ben", "slack").says("/team remove haru")
    assert (await haru.call("GET", "/me")).status == 401


async def test_a_token_made_by_the_shell_beside_the_service_works_and_its_person_is_told(
    house: House, programs: Programs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(house.app.settings.home))
    said = ["clients", "token", "--person", "haru", "--name", "Haru's script", "--audience", "api", "--json"]
    assert await asyncio.to_thread(main, said) == 0
    out = capsys.readouterr().out
    made = json.loads(out[out.index("{") :])  # the service logs beside it
    assert list(made) == ["client_id", "token", "person", "name", "scope", "audience", "expires_at"]
    haru = await programs.of("ben")
    haru.token = made["token"]
    assert (await haru.get("/me"))["person"] == "haru"
    await house.app.company_files.look()
    await house.settle()
    assert await house.phone("haru", "telegram").sees("Haru's script")
    assert await asyncio.to_thread(main, ["clients", "revoke", made["client_id"]]) == 0
    assert (await haru.call("GET", "/me")).status == 401


async def test_a_person_sees_what_acts_for_them_and_takes_it_back_with_a_tap(
    house: House, programs: Programs
) -> None:
    haru, phone = await programs.of("haru"), house.phone("haru", "telegram")
    await phone.says("/clients")
    await phone.taps("revoke")
    async with asyncio.timeout(10):
        while (await haru.call("GET", "/me")).status != 401:
            await asyncio.sleep(0.05)  # the tap is on its way


async def events(response: aiohttp.ClientResponse, into: list[tuple[str, Any]]) -> None:
    name = ""
    async for line in response.content:
        text = line.decode().rstrip("\n")
        if text.startswith("event: "):
            name = text.removeprefix("event: ")
        elif text.startswith("data: "):
            into.append((name, json.loads(text.removeprefix("data: "))))


async def test_who_watches_sees_each_change_once_and_what_was_missed(
    house: House, programs: Programs
) -> None:
    ben = await programs.of("ben")
    headers = {"Authorization": f"Bearer {ben.token}"}
    before: list[tuple[str, Any]] = []
    async with programs.http.get(f"{house.url}/api/v1/stream", headers=headers) as response:
        reading = asyncio.create_task(events(response, before))
        await until(lambda: any(name == "caught_up" for name, _ in before))
        await house.phone("shirley", "slack").says(STORY)
        await until(
            lambda: sum(name == "ticket" and one["event"] == "skill_step" for name, one in before) == 2
        )
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    changes = [one for name, one in before if name == "ticket"]
    assert [one["event"] for one in changes] == [
        "received",
        "filed",
        "skill_step",
        "triaged",
        "gated",
        "skill_step",
    ]
    assert any(name == "cost" and one["month_usd"] == "0.00" for name, one in before)
    after: list[tuple[str, Any]] = []
    again = {**headers, "Last-Event-ID": changes[0]["cursor"]}
    async with programs.http.get(f"{house.url}/api/v1/stream", headers=again) as response:
        reading = asyncio.create_task(events(response, after))
        await until(lambda: any(name == "caught_up" for name, _ in after))
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    assert [one["cursor"] for name, one in after if name == "ticket"] == [
        one["cursor"] for one in changes[1:]
    ]


async def test_what_becomes_of_a_report_by_a_program_is_told_in_its_persons_chat(
    house: House, programs: Programs
) -> None:
    shirley = await programs.of("shirley")
    await shirley.call("POST", "/tickets", {"text": "插座冒煙,有燒焦味,溫暖台北"})
    await house.settle()
    phone = house.phone("shirley", "slack")
    assert await phone.sees("119")  # the danger reaches her, not only her program
    assert await phone.sees("T-1001")
    await shirley.call("POST", "/tickets", {"text": "客房冷氣一直滴水"})
    await house.settle()
    await phone.taps("choose")  # a question about it can be answered there
    assert await phone.sees("T-1002")
