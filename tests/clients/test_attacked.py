"""What was tried on the doors for programs, and is refused or bounded since."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import mcp_types as types
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from mcp.client.client import Client
from mcp.shared.exceptions import MCPDeprecationWarning

from bot.mcp.bridge import hand_over
from core.actors import Actor
from core.acts.commands import RevokeClient
from core.acts.table import perform
from core.store.tables import Deadline
from tests.clients.browsers import Browser
from tests.clients.programs import LEGACY, MODERN, Programs, assistant
from tests.clients.test_mcp import call, refused
from tests.clients.test_oauth import BACK, asking, registered, says_yes
from tests.platforms import PNG, House, until
from tests.world import STORY


@pytest.fixture
def browser(house: House, programs: Programs) -> Browser:
    return Browser(house, programs.http)


@pytest.mark.parametrize(
    "eta",
    [
        "9999-12-31T15:30:00+00:00",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+23:59",
        "0001-01-01T00:00:00Z",
        "1990-01-01T00:00:00Z",
    ],
)
async def test_a_moment_at_the_end_of_the_calendar_is_refused(
    house: House, programs: Programs, eta: str
) -> None:
    await house.phone("shirley", "slack").says(STORY)
    await house.phone("ben", "slack").taps("approve")
    shirley = await programs.of("shirley")
    answer = await shirley.call("POST", "/tickets/T-1001/acknowledge", {"eta_iso": eta})
    assert (answer.status, answer.body["error"]["field"]) == (422, "eta_iso"), answer


async def test_a_slip_of_the_year_puts_off_no_follow_up_for_ever(house: House, programs: Programs) -> None:
    await house.phone("shirley", "slack").says(STORY)
    await house.phone("ben", "slack").taps("approve")
    shirley, now = await programs.of("shirley"), house.app.services.clock.now()
    later = now.replace(year=now.year + 2, day=1).isoformat()
    answer = await shirley.call("POST", "/tickets/T-1001/acknowledge", {"eta_iso": later})
    assert answer.status == 200, answer

    def asked(session: Any) -> Any:
        return session.query(Deadline).filter_by(kind="follow_up", cancelled_at=None).one().due_at

    assert (await house.app.store.read(asked) - now).days <= 30


async def document(client: Client, uri: str) -> dict[str, Any]:
    (found,) = (await client.read_resource(uri)).contents
    assert isinstance(found, types.TextResourceContents)
    said: dict[str, Any] = json.loads(found.text)
    return said


async def test_what_is_known_of_another_house_stays_there(house: House, programs: Programs) -> None:
    await house.phone("shirley", "slack").says(STORY)
    async with assistant(house.url, await programs.token("ben", "read", "mcp"), MODERN) as ben:
        every = {
            one["layer"] for one in (await call(ben, "show_brain_sources", ticket_id="T-1001"))["sources"]
        }
    assert {"memo", "history"} <= every
    async with assistant(house.url, await programs.token("haru", "read", "mcp"), MODERN) as haru:
        told = await call(haru, "show_brain_sources", ticket_id="T-1001")
        place = await document(haru, "loopos://properties/warm_taipei_2br")
        own = await document(haru, "loopos://properties/ito_stream_house")
    assert {one["layer"] for one in told["sources"]} <= {"sop", "skill"}
    assert not {"monthly_budget_usd", "address"} & place.keys()
    assert "monthly_budget_usd" not in own and "address" in own


async def test_a_page_shows_no_more_of_it(house: House, programs: Programs) -> None:
    await house.phone("shirley", "slack").says(STORY)
    browser = Browser(house, programs.http)
    await browser.signs_in("haru", "telegram")
    page = (await browser.get("/tickets/T-1001")).text
    assert "T-1001" in page and "ring Mr. Wang" not in page
    ben = Browser(house, programs.http)
    await ben.signs_in("ben", "slack")
    own, every = [(await one.get("/people")).text.count("500.00") for one in (browser, ben)]
    assert own < every  # what a house may cost in a month is not his to see


async def test_a_stream_ends_when_its_token_is_revoked_beside_the_service(
    house: House, programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shell has a process of its own: nothing of its commit is heard here. The stream is never quiet."""
    monkeypatch.setattr("bot.callers.LOOK_AGAIN", 0.2)
    monkeypatch.setattr(house.app.store, "subscribe", lambda topic, listener: lambda: None)
    ben = await programs.of("ben", "read")
    token = await programs.token("ben", "read", "mcp")
    headers = {"Authorization": f"Bearer {ben.token}"}
    async with (
        programs.http.get(f"{house.url}/api/v1/stream", headers=headers) as stream,
        assistant(house.url, token, MODERN) as client,
        client.listen(resource_subscriptions=["loopos://tickets"]) as news,
    ):

        async def listen() -> None:
            async for _ in news:
                pass

        listening = asyncio.create_task(listen())
        names = [one["client_id"] for one in (await ben.get("/clients"))["clients"]]

        def revoke(tx: Any) -> None:
            for name in names:
                perform(tx, Actor("ben", "cli"), RevokeClient(name, "ben"))

        await house.app.store.write(revoke)
        async with asyncio.timeout(10):
            await stream.content.read()  # to its end
            await asyncio.wait({listening})


async def test_an_older_client_hears_of_what_it_subscribed_to(house: House, programs: Programs) -> None:
    heard: list[str] = []

    async def take(message: Any) -> None:
        if getattr(message, "method", "") == "notifications/resources/updated":
            heard.append(str(message.params.uri))

    token = await programs.token("ben", "read", "mcp")
    async with assistant(house.url, token, LEGACY, on_message=take) as client:
        with pytest.warns(MCPDeprecationWarning):
            await client.session.subscribe_resource("loopos://tickets")
        await asyncio.sleep(0.2)  # its stream opens beside the first call
        await house.phone("shirley", "slack").says(STORY)
        await until(lambda: "loopos://tickets" in heard)


HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "x", "version": "1"},
    },
}
KIND = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}


def test_a_session_is_known_before_its_client_is() -> None:
    """Whoever is quick calls again while the first answer is still being sent."""
    seen: list[int] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"mcp-session-id", b"one")]})
        seen.append(2)
        await send({"type": "http.response.body", "body": b"x"})

    async def handle(request: web.Request) -> web.StreamResponse:
        over = asyncio.Event()

        def begins(response: web.StreamResponse) -> None:
            assert response.headers["mcp-session-id"] == "one" and not response.prepared
            seen.append(1)

        return await hand_over(request, application, b"", over.wait(), begins)  # type: ignore[arg-type]

    async def ask() -> None:
        app = web.Application()
        app.router.add_get("/", handle)
        async with TestClient(TestServer(app)) as client:
            assert await (await client.get("/")).text() == "x"

    asyncio.run(ask())
    assert seen == [1, 2]


async def test_one_program_keeps_nobody_out(house: House, programs: Programs) -> None:
    greedy, other = await programs.token("ben", "read", "mcp"), await programs.token("shirley", "read", "mcp")

    async def opened(token: str) -> tuple[int, str]:
        headers = {**KIND, "Authorization": f"Bearer {token}"}
        async with programs.http.post(f"{house.url}/mcp", json=HELLO, headers=headers) as answer:
            await answer.read()
            return answer.status, answer.headers.get("Mcp-Session-Id", "")

    async def lists(token: str, session: str) -> int:
        ask = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
        headers = {**KIND, "Authorization": f"Bearer {token}", "Mcp-Session-Id": session}
        headers["MCP-Protocol-Version"] = "2025-11-25"
        async with programs.http.post(f"{house.url}/mcp", json=ask, headers=headers) as answer:
            await answer.read()
            return answer.status

    first = await opened(other)
    sessions = [(await opened(greedy))[1] for _ in range(25)]
    assert await lists(greedy, sessions[0]) == 404 and await lists(greedy, sessions[-1]) == 200
    assert await lists(other, first[1]) == 200 and await lists(other, sessions[-1]) == 404
    assert await lists(greedy, "0" * 32) == 404


async def test_money_is_not_given_unasked_to_whatever_listens_on_this_machine(
    house: House, browser: Browser
) -> None:
    client = (await registered(browser, "http://127.0.0.1:9998/cb"))["client_id"]
    await browser.signs_in("ben", "slack")
    decides = asking(client, redirect_uri="http://127.0.0.1:9998/cb", scope="read write decide")
    assert (await says_yes(browser, decides, "read", "write", "decide")).query["code"]
    again = await browser.get(
        asking(client, redirect_uri="http://127.0.0.1:7777/cb", scope="read write decide")
    )
    assert again.location.startswith("/consent")


@pytest.mark.parametrize(
    "said",
    [
        {"redirect_uris": [BACK], "token_endpoint_auth_method": []},
        {"redirect_uris": [BACK], "token_endpoint_auth_method": {}},
        {"redirect_uris": [BACK], "grant_types": ["authorization_code", {}]},
        {"redirect_uris": [BACK], "response_types": ["code", []]},
        {"redirect_uris": ["https://a\ud800.com/cb"]},
        {"redirect_uris": ["https://a.com;sandbox/cb"]},
        {"redirect_uris": ["https://a.com,default-src/cb"]},
        {"redirect_uris": ["https://ex\u00e4mple.com/cb"]},
        {"redirect_uris": ["https://a.com'/cb"]},
    ],
)
async def test_no_nonsense_is_registered(browser: Browser, said: dict[str, Any]) -> None:
    answer = await browser.post("/register", json.dumps(said), **{"Content-Type": "application/json"})
    assert answer.status == 400, answer


async def test_half_a_character_is_no_fault_of_ours(browser: Browser) -> None:
    kind = {"Content-Type": "application/json"}
    asked = await browser.post("/signin", json.dumps({"person": "ben", "next": "/\ud800"}), **kind)
    assert asked.status == 200, asked
    await browser.signs_in("ben", "slack")
    assert (await browser.post("/signout", json.dumps({"csrf": "\ud800"}), **kind)).status == 403


async def test_registrations_that_come_at_once_are_counted_one_after_the_other(browser: Browser) -> None:
    body, kind = json.dumps({"redirect_uris": [BACK]}), {"Content-Type": "application/json"}
    answers = await asyncio.gather(*(browser.post("/register", body, **kind) for _ in range(30)))
    assert sorted(one.status for one in answers) == [201] * 20 + [429] * 10


async def test_asking_for_a_yes_without_end(browser: Browser) -> None:
    answers = [(await browser.post("/signin", {"person": "ben"})).status for _ in range(12)]
    assert answers == [200] * 10 + [429] * 2


async def test_a_recording_is_what_it_is_not_what_it_is_called(house: House, programs: Programs) -> None:
    shirley = await programs.of("shirley")
    headers = {"Authorization": f"Bearer {shirley.token}", "Content-Type": "image/png"}
    async with programs.http.post(f"{house.url}/api/v1/media", data=PNG, headers=headers) as answer:
        stored = (await answer.json())["sha256"]
    token = await programs.token("shirley", "read write", "mcp")
    async with assistant(house.url, token, MODERN) as client:
        error = await refused(client, "ingest_voice_note", sha256=stored, media_type="audio/ogg")
    assert (error["code"], error["field"]) == ("invalid_arguments", "sha256")


async def test_an_error_is_in_the_language_of_the_person(house: House, programs: Programs) -> None:
    shirley = await programs.of("shirley")
    refused_there = await shirley.call("GET", "/cost")
    assert (refused_there.status, refused_there.body["error"]["code"]) == (403, "not_yours")
    assert "創辦人" in refused_there.body["error"]["message"]
    async with assistant(house.url, await programs.token("shirley", "read", "mcp"), MODERN) as client:
        result = await client.call_tool("cost_summary", {})
    assert result.is_error and "創辦人" in str(result.content)
