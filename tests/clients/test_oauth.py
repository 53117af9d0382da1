"""Programs that ask for a connector: they are registered or known by their document, their person says yes, and what they
are given rotates, ends and is worth nothing at another door."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from aiohttp import web
from mcp.client.auth import OAuthClientProvider
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl

from bot.oauth.addresses import is_registered, may_register
from bot.oauth.documents import Documents, is_document
from core.actors import Actor
from core.acts.commands import RevokeClient
from core.acts.table import perform
from tests.clients.browsers import Browser, Page
from tests.clients.conftest import TEAM
from tests.clients.programs import LEGACY, MODERN, Programs
from tests.platforms import House, free_port, open_house

VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
BACK = "https://claude.ai/api/mcp/auth_callback"


@pytest.fixture
def browser(house: House, programs: Programs) -> Browser:
    return Browser(house, programs.http)


async def registered(browser: Browser, *uris: str, **more: Any) -> dict[str, Any]:
    said = {"client_name": "Claude", "redirect_uris": list(uris or (BACK,)), **more}
    answer = await browser.post("/register", json.dumps(said), **{"Content-Type": "application/json"})
    assert answer.status == 201, answer
    found: dict[str, Any] = json.loads(answer.text)
    return found


def asking(client_id: str, **more: Any) -> str:
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": BACK,
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
        "state": "s t&te",
        "scope": "read write",
        **more,
    }
    return "/authorize?" + urlencode({key: value for key, value in query.items() if value is not None})


async def says_yes(browser: Browser, path: str, *scopes: str) -> Page:
    page = await browser.get((await browser.get(path)).location)
    assert page.status == 200, page
    form = {"request": page.hidden("request"), "csrf": page.hidden("csrf"), "decision": "allow"}
    data = [*form.items(), *(("scope", one) for one in scopes or ("read", "write"))]
    return await browser.post("/consent", data)


async def token(browser: Browser, **form: str) -> tuple[int, dict[str, Any]]:
    answer = await browser.post("/token", form)
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.status, json.loads(answer.text)


async def connected(browser: Browser, *scopes: str) -> tuple[str, dict[str, Any]]:
    """(client id, what /token gave)."""
    client = (await registered(browser))["client_id"]
    if not browser.cookies:
        await browser.signs_in("ben", "slack")
    back = await says_yes(browser, asking(client), *scopes)
    status, given = await token(
        browser,
        grant_type="authorization_code",
        client_id=client,
        code=back.query["code"],
        redirect_uri=BACK,
        code_verifier=VERIFIER,
    )
    assert status == 200, given
    return client, given


async def at_mcp(browser: Browser, access: str) -> int:
    listing = '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'
    answer = await browser.post(
        "/mcp",
        listing,
        Authorization=f"Bearer {access}",
        Accept="application/json, text/event-stream",
        **{"Content-Type": "application/json", "MCP-Protocol-Version": "2025-11-25"},
    )
    return answer.status


async def test_the_servers_word_about_itself(house: House, browser: Browser) -> None:
    server = json.loads((await browser.get("/.well-known/oauth-authorization-server")).text)
    assert server["issuer"] == house.url
    assert server["code_challenge_methods_supported"] == ["S256"]
    assert "none" in server["token_endpoint_auth_methods_supported"]
    assert server["client_id_metadata_document_supported"] is True
    for path in ("", "/mcp"):
        page = await browser.get(f"/.well-known/oauth-protected-resource{path}")
        said = json.loads(page.text)
        assert said["resource"] == f"{house.url}/mcp" and said["authorization_servers"] == [house.url]
        assert page.headers["Access-Control-Allow-Origin"] == "*"


async def test_from_registration_to_a_tool_and_the_person_sees_and_ends_it(
    house: House, browser: Browser
) -> None:
    client, given = await connected(browser)
    assert given["token_type"] == "Bearer" and given["expires_in"] == 3600
    assert given["scope"] == "read write" and given["access_token"].startswith("lo_at_")
    assert await at_mcp(browser, given["access_token"]) != 401
    phone = house.phone("ben", "telegram")
    await phone.says("/clients")
    assert await phone.sees("Claude")
    listed = json.loads((await browser.get("/api/v1/clients")).text)["clients"]
    assert {"Claude", "oauth"} <= {one["name"] for one in listed} | {one["kind"] for one in listed}
    assert (
        await Browser(house, browser.http).get("/api/v1/me", Authorization=f"Bearer {given['access_token']}")
    ).status == 401  # it is for the other door
    await house.app.store.write(lambda tx: perform(tx, Actor("ben", "slack"), RevokeClient(client)))
    assert await at_mcp(browser, given["access_token"]) == 401
    status, error = await token(
        browser, grant_type="refresh_token", client_id=client, refresh_token=given["refresh_token"]
    )
    assert (status, error["error"]) == (401, "invalid_client")


async def test_who_is_not_signed_in_signs_in_first_and_no_is_no(house: House, browser: Browser) -> None:
    client = (await registered(browser))["client_id"]
    path = asking(client)
    first = await browser.get(path)
    assert first.status == 302 and first.location.startswith("/signin?next=")
    back = await browser.signs_in("ben", "slack", parse_qs(urlsplit(first.location).query)["next"][0])
    assert parse_qs(urlsplit(back.location).query) == parse_qs(urlsplit(path).query)
    page = await browser.get((await browser.get(path)).location)
    assert "Claude" in page.text and "claude.ai" in page.text
    assert "form-action 'self' https://claude.ai" in page.headers["Content-Security-Policy"]
    form = {"request": page.hidden("request"), "csrf": page.hidden("csrf"), "decision": "deny"}
    evil = await browser.post("/consent", form, Origin="https://evil.example")
    assert evil.status == 403
    denied = await browser.post("/consent", form)
    assert denied.status == 302 and denied.location.startswith(BACK)
    assert denied.query == {"error": "access_denied", "iss": house.url, "state": "s t&te"}
    assert (await browser.post("/consent", form)).status == 400  # answered once


async def test_a_yes_is_asked_once_for_the_same_and_anew_for_more(house: House, browser: Browser) -> None:
    client, _ = await connected(browser)
    again = await browser.get(asking(client))
    assert again.location.startswith(BACK) and "code" in again.query
    more = await browser.get(asking(client, scope="read write decide"))
    assert more.location.startswith("/consent?")


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"resource": "https://other.example/mcp"}, "invalid_target"),
        ({"scope": "read everything"}, "invalid_scope"),
    ],
)
async def test_what_is_asked_wrongly_is_told_to_the_client(
    house: House, browser: Browser, more: dict[str, Any], error: str
) -> None:
    client = (await registered(browser))["client_id"]
    answer = await browser.get(asking(client, **more))
    assert answer.status == 302 and answer.location.startswith(BACK)
    assert (answer.query["error"], answer.query["iss"], answer.query["state"]) == (error, house.url, "s t&te")


async def test_whom_nobody_knows_and_where_nobody_said_is_a_page(house: House, browser: Browser) -> None:
    client = (await registered(browser))["client_id"]
    for path in (
        asking("nobody"),
        asking(client, redirect_uri="https://evil.example/"),
        asking(client, redirect_uri=f"{BACK}/"),
        asking("https://127.0.0.1/client.json"),
    ):
        answer = await browser.get(path)
        assert (answer.status, answer.location) == (400, ""), path


@pytest.mark.parametrize("suffix", ["", "/", "/mcp", "/mcp/"])
async def test_each_way_to_write_this_server_is_this_server(
    house: House, browser: Browser, suffix: str
) -> None:
    client = (await registered(browser))["client_id"]
    answer = await browser.get(asking(client, resource=f"{house.url}{suffix}"))
    assert answer.location.startswith("/signin?")


async def test_a_code_is_good_once_and_twice_ends_everything(house: House, browser: Browser) -> None:
    client = (await registered(browser))["client_id"]
    await browser.signs_in("ben", "slack")
    code = (await says_yes(browser, asking(client))).query["code"]
    form = {
        "grant_type": "authorization_code",
        "client_id": client,
        "code": code,
        "redirect_uri": BACK,
        "code_verifier": VERIFIER,
    }
    for wrong in ({"code_verifier": "w" * 64}, {"redirect_uri": "https://claude.ai/"}, {"code": "no"}):
        assert (await token(browser, **{**form, **wrong}))[1]["error"] == "invalid_grant"
    status, given = await token(browser, **form)
    assert status == 200
    assert (await token(browser, **form))[1]["error"] == "invalid_grant"
    assert await at_mcp(browser, given["access_token"]) == 401


async def test_an_old_code_and_an_old_token_are_none(house: House, browser: Browser) -> None:
    client, given = await connected(browser)
    house.clock.ahead += timedelta(seconds=3601)
    assert await at_mcp(browser, given["access_token"]) == 401
    back = await browser.get(asking(client))
    house.clock.ahead += timedelta(seconds=61)
    status, error = await token(
        browser,
        grant_type="authorization_code",
        client_id=client,
        code=back.query["code"],
        redirect_uri=BACK,
        code_verifier=VERIFIER,
    )
    assert (status, error["error"]) == (400, "invalid_grant")


async def test_refresh_tokens_rotate_with_grace_and_then_betray_a_thief(
    house: House, browser: Browser
) -> None:
    client, given = await connected(browser)
    form = {"grant_type": "refresh_token", "client_id": client, "refresh_token": given["refresh_token"]}
    one, two = [await token(browser, **form) for _ in range(2)]  # two processes at once
    assert one[0] == two[0] == 200
    assert one[1]["refresh_token"] != given["refresh_token"]
    house.clock.ahead += timedelta(seconds=121)
    status, error = await token(browser, **form)
    assert (status, error["error"]) == (400, "invalid_grant")
    for each in (one, two):
        assert await at_mcp(browser, each[1]["access_token"]) == 401


async def test_revoking_either_half_ends_both(house: House, browser: Browser) -> None:
    client, given = await connected(browser)
    other = (await registered(browser))["client_id"]
    foreign = await browser.post("/revoke", {"token": given["access_token"], "client_id": other})
    assert foreign.status == 200 and await at_mcp(browser, given["access_token"]) != 401
    assert (
        await browser.post("/revoke", {"token": given["refresh_token"], "client_id": client})
    ).status == 200
    assert await at_mcp(browser, given["access_token"]) == 401
    assert (await browser.post("/revoke", {"token": "never seen", "client_id": client})).status == 200


async def test_twenty_registrations_an_hour(house: House, browser: Browser) -> None:
    for _ in range(20):
        await registered(browser)
    said = json.dumps({"redirect_uris": [BACK]})
    answer = await browser.post("/register", said, **{"Content-Type": "application/json"})
    assert answer.status == 429 and answer.headers["Retry-After"]


@pytest.mark.parametrize(
    ("uri", "good"),
    [
        ("https://claude.ai/api/mcp/auth_callback", True),
        ("http://127.0.0.1:33418/", True),
        ("http://localhost/callback", True),
        ("http://[::1]:1234/cb", True),
        ("cursor://anysphere.cursor-retrieval/oauth", True),
        ("com.example.app:/oauth", True),
        ("http://example.com/", False),
        ("http://127.0.0.1.evil.example/", False),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("file:///etc/passwd", False),
        ("https://claude.ai/#x", False),
        ("https://user@claude.ai/", False),
        ("https:///path", False),
        ("//claude.ai", False),
        ("", False),
        ("https://claude.ai/\n", False),
    ],
)
def test_where_a_client_may_be_sent_back_to(uri: str, good: bool) -> None:
    assert may_register(uri) is good


@pytest.mark.parametrize(
    ("uri", "good"),
    [
        ("http://127.0.0.1:33418/", True),
        ("http://127.0.0.1:9/", True),
        ("http://127.0.0.1/", True),
        ("http://localhost:33418/", False),
        ("http://127.0.0.1:33418/other", False),
        ("https://127.0.0.1:33418/", False),
        ("https://claude.ai/cb", True),
        ("https://claude.ai:443/cb", False),
        ("https://claude.ai/cb?x", False),
    ],
)
def test_an_address_is_compared_exactly_but_for_the_loopbacks_port(uri: str, good: bool) -> None:
    assert is_registered(uri, ["http://127.0.0.1:1/", "https://claude.ai/cb"]) is good


@pytest.mark.parametrize(
    ("client_id", "good"),
    [
        ("https://claude.ai/oauth/client", True),
        ("https://claude.ai/", False),
        ("https://claude.ai", False),
        ("http://claude.ai/client", False),
        ("https://claude.ai/client#x", False),
        ("https://a@claude.ai/client", False),
        ("https://claude.ai/a/../b", False),
    ],
)
def test_what_names_a_document(client_id: str, good: bool) -> None:
    assert is_document(client_id) is good


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "[::1]", "169.254.169.254"])
async def test_no_document_is_fetched_from_inside(host: str) -> None:
    assert await Documents(None).client(f"https://{host}/client.json") is None


@pytest.fixture
async def documents() -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """A gateway, and what lies behind it."""
    behind: dict[str, Any] = {}

    async def serve(request: web.Request) -> web.Response:
        found = behind.get(request.match_info["path"])
        if isinstance(found, web.Response):
            return found
        return web.json_response(found, status=200 if found is not None else 404)

    app = web.Application()
    app.router.add_get("/{path:.*}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield f"http://127.0.0.1:{port}/", behind
    await runner.cleanup()


async def test_a_client_known_by_its_document(
    tmp_path: Any, documents: tuple[str, dict[str, Any]], programs: Programs
) -> None:
    gateway, behind = documents
    name = "https://claude.ai/oauth/client"
    good = {"client_id": name, "client_name": "Claude", "redirect_uris": [BACK]}
    behind["claude.ai/oauth/client"] = good
    wrongs: dict[str, Any] = {
        "https://claude.ai/oauth/other": good,
        "https://claude.ai/oauth/secret": {**good, "token_endpoint_auth_method": "client_secret_post"},
        "https://claude.ai/oauth/moved": web.Response(status=302, headers={"Location": gateway}),
        "https://claude.ai/oauth/long": {**good, "x": "x" * 70_000},
    }
    for wrong, document in wrongs.items():
        own = isinstance(document, dict) and wrong != "https://claude.ai/oauth/other"
        behind[wrong.removeprefix("https://")] = {**document, "client_id": wrong} if own else document
    more: dict[str, Any] = {"LOOPOS_BASE_URL": "", "LOOPOS_CIMD_URL": gateway}
    async with open_house(tmp_path / "other", TEAM, **more) as house:
        browser = Browser(house, programs.http)
        for wrong in wrongs:
            assert (await browser.get(asking(wrong))).status == 400, wrong
        await browser.signs_in("ben", "slack")
        back = await says_yes(browser, asking(name))
        status, given = await token(
            browser,
            grant_type="authorization_code",
            client_id=name,
            code=back.query["code"],
            redirect_uri=BACK,
            code_verifier=VERIFIER,
        )
        assert status == 200 and await at_mcp(browser, given["access_token"]) != 401


class Kept:
    """Where the official client keeps what it was given."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


@pytest.mark.parametrize("revision", [MODERN, LEGACY])
async def test_the_official_client_connects_by_itself(house: House, browser: Browser, revision: str) -> None:
    """Discovery, registration, its person's yes in a browser, tokens, tools."""
    await browser.signs_in("ben", "slack")
    answered: asyncio.Queue[AuthorizationCodeResult] = asyncio.Queue()

    async def opens(url: str) -> None:
        back = (await says_yes(browser, url.removeprefix(house.url))).query
        await answered.put(AuthorizationCodeResult(code=back["code"], state=back["state"], iss=back["iss"]))

    metadata = OAuthClientMetadata(
        client_name="Official", redirect_uris=[AnyUrl("http://127.0.0.1:33418/callback")], scope="read write"
    )
    auth = OAuthClientProvider(f"{house.url}/mcp", metadata, Kept(), opens, answered.get)
    http = httpx2.AsyncClient(auth=auth, timeout=30)
    transport = streamable_http_client(f"{house.url}/mcp", http_client=http)
    async with http, Client(transport, mode=revision, cache=None) as client:
        found = await client.call_tool("whoami", {})
    assert found.structured_content["person"] == "ben"
    assert found.structured_content["scope"] == "read write"
