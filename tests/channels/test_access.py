"""Whom the demo's page lets in (D30 of docs/PROMISES.md)."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from bot.serve import http_app
from channels.web.access import is_this_machine
from core.ids import new_id
from tests.world import STORY, World, open_world

ROUTES = [
    ("GET", "/"),
    ("GET", "/page/app.js"),
    ("GET", "/api/start?as=ben"),
    ("POST", "/api/messages?as=ben"),
    ("POST", "/api/taps?as=ben"),
    ("POST", "/api/media?as=ben"),
    ("GET", f"/api/media/{'0' * 64}?as=ben"),
    ("GET", "/api/stream?as=ben"),
]


@pytest.mark.parametrize(
    ("host", "so"),
    [
        ("localhost", True),
        ("LocalHost", True),
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("evil.example", False),
        ("", False),
    ],
)
def test_only_names_that_lead_everybody_to_their_own_machine_are_this_machine(host: str, so: bool) -> None:
    assert is_this_machine(host) is so


@contextlib.asynccontextmanager
async def served(home: Path, **more: Any) -> AsyncIterator[tuple[World, str]]:
    async with open_world(home, **more) as world:
        runner = web.AppRunner(http_app(world.app), access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield world, f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def test_a_name_of_another_site_that_leads_here_can_do_nothing_as_the_founder(tmp_path: Path) -> None:
    async with served(tmp_path) as (world, url), aiohttp.ClientSession() as browser:
        await world.says("shirley", STORY)
        button = (await world.card("ben", "approval")).buttons()["approve"]["id"]
        tap = {"id": new_id(), "button": button}
        for host in ("evil.example", "evil.example:8080", "127.0.0.1.evil.example", "[::1", ""):
            headers = {"Host": host, "Origin": f"http://{host}"}
            for method, route in ROUTES:
                body = tap if method == "POST" else None
                async with browser.request(method, f"{url}{route}", headers=headers, json=body) as answer:
                    assert (answer.status, "this machine alone" in await answer.text()) == (421, True)
        await world.settle()
        assert (await world.ticket())["status"] == "AWAITING_HUMAN"
        for host in ("localhost", "localhost:8080", "127.0.0.1:1", "127.9.9.9", "[::1]:8080"):
            async with browser.get(f"{url}/api/start?as=ben", headers={"Host": host}) as answer:
                assert (await answer.json())["me"] == "ben"
        # Another page on this very machine is another site, too.
        for origin, status in (("http://localhost:1", 403), ("null", 403), (url, 200)):
            headers = {"Origin": origin}
            async with browser.post(f"{url}/api/taps?as=ben", json=tap, headers=headers) as answer:
                assert answer.status == status
        await world.settle()
        assert (await world.ticket())["status"] == "DISPATCHED"


async def test_where_others_reach_the_demo_every_route_of_the_page_asks_for_the_key(tmp_path: Path) -> None:
    jar = aiohttp.CookieJar(unsafe=True)  # of an address, too
    async with (
        served(tmp_path, LOOPOS_BASE_URL="https://demo.example") as (world, url),
        aiohttp.ClientSession(cookie_jar=jar) as browser,
    ):
        key = world.app.web.key
        assert key is not None
        for wrong in ("", "key=", f"key={key[:-1]}", "key=%ff"):
            for method, route in ROUTES:
                address = f"{url}{route}{'&' if '?' in route else '?'}{wrong}"
                async with browser.request(method, URL(address, encoded=True)) as answer:
                    assert answer.status == 403
        async with browser.get(f"{url}/healthz") as answer:
            assert answer.status == 200
        page = f"{url}/?key={key}&as=ben"
        async with browser.get(page, headers={"Host": "demo.example"}, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, "/?as=ben")
            assert {"HttpOnly", "SameSite=Lax"} <= set(answer.headers["Set-Cookie"].split("; "))
        async with browser.get(page) as answer:
            assert (answer.status, str(answer.url)) == (200, f"{url}/?as=ben")
        said = {"id": new_id(), "text": "hello"}
        for headers, status in (({}, 200), ({"Origin": "https://evil.example"}, 403)):
            async with browser.post(f"{url}/api/messages?as=ben", json=said, headers=headers) as answer:
                assert answer.status == status
