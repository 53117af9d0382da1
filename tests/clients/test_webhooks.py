"""Addresses outside that are told of every change: in order, signed, and again after they were away."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from bot.cli import main
from core.access.webhooks import signature
from tests.platforms import House, free_port, until
from tests.world import STORY


@dataclass
class Outside:
    url: str = ""
    status: int = 200
    got: list[tuple[dict[str, Any], str, bytes]] = field(default_factory=list)
    refused: int = 0

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        if self.status != 200:
            self.refused += 1
            return web.Response(status=self.status, headers={"Location": "http://127.0.0.1:1/"})
        self.got.append((json.loads(body), request.headers["X-LoopOS-Signature"], body))
        return web.Response()


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    one, port = Outside(), free_port()
    app = web.Application()
    app.router.add_post("/news", one.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    one.url = f"http://127.0.0.1:{port}/news"
    yield one
    await runner.cleanup()


async def shell(capsys: pytest.CaptureFixture[str], *said: str) -> Any:
    assert await asyncio.to_thread(main, ["clients", *said, "--json"]) == 0
    out = capsys.readouterr().out
    begins = re.search(r"^[{\[]", out, re.MULTILINE)  # the service beside it may have logged a line
    assert begins is not None, out
    return json.loads(out[begins.start() :])


async def test_every_change_in_order_signed_and_again_after_an_outage(
    house: House, outside: Outside, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(house.app.settings.home))
    made = await shell(capsys, "webhook", outside.url)
    await house.phone("shirley", "slack").says(STORY)
    await until(lambda: len(outside.got) == 6, 10)
    assert [one["event"] for one, _, _ in outside.got] == [
        "received",
        "filed",
        "skill_step",
        "triaged",
        "gated",
        "skill_step",
    ]
    for _, signed, body in outside.got:
        moment = signed.partition(",")[0].removeprefix("t=")
        mac = hmac.new(made["secret"].encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        assert signed == f"t={moment},v1={mac}"
    outside.status = 302  # nobody is followed
    await house.phone("ben", "slack").taps("approve")
    await until(lambda: outside.refused > 0, 10)
    outside.status = 200
    await until(lambda: any(one["event"] == "dispatched" for one, _, _ in outside.got), 10)
    cursors = [int(one["cursor"]) for one, _, _ in outside.got]
    assert cursors == sorted(set(cursors))
    await shell(capsys, "webhooks", "--remove", made["id"])
    assert await shell(capsys, "webhooks") == []


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "ftp://x/", "https://", "https://u:p@x/", "x", "http://é/"]
)
async def test_what_is_no_address_is_refused(house: House, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(house.app.settings.home))
    assert await asyncio.to_thread(main, ["clients", "webhook", url]) == 1


def test_a_signature_as_others_check_it() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    mac = hmac.new(b"s", b'1767225600.{"a":1}', hashlib.sha256).hexdigest()
    assert signature("s", b'{"a":1}', at) == f"t=1767225600,v1={mac}"
