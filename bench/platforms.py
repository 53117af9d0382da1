"""Signed Slack events over HTTP: how long until the 200 that means "its inbox row is committed", while the house works on
what came before? The bare minimum: slack-bolt on aiohttp with a listener that stores nothing. First 1,000 events over 32
connections, then, each in a new process, 1,000 at once. Both sides get the same bytes from the same generator."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp

from channels.slack.webhook import PATH, sign
from tests.platforms import company_with
from tests.test_browser import free_port

EVENTS, CONNECTIONS = 1000, 32
LATE = 1.5
"""Seconds (P1)."""
SECRET = "0123456789abcdef0123456789abcdef"
PEOPLE = {"celine": "UCELINE", "shirley": "USHIRLEY", "haru": "UHARU", "miguel": "UMIGUEL"}

BARE = """
import sys
from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
async def authorize(**_):
    return AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-1", bot_id="B1", bot_user_id="U0")
bolt, heard = AsyncApp(signing_secret=sys.argv[2], authorize=authorize), set()
@bolt.event("message")
async def listener(event): heard.add(event["ts"])
async def take(request): return await to_aiohttp_response(await bolt.async_dispatch(await to_bolt_request(request)))
async def ready(request): return web.json_response(len(heard))
app = web.Application(); app.router.add_get("/readyz", ready); app.router.add_post("/slack/events", take)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""

SLACK = """
import itertools, sys
from aiohttp import web
numbers = itertools.count(1)
async def api(request):
    ts = f"1800000000.{next(numbers):06d}"
    return web.json_response({"ok": True, "ts": ts, "team_id": "T1", "user_id": "U0", "user": "loopos", "team": "Bench",
        "bot_id": "B1", "channel": {"id": "D1"} if "open" in request.path else "D1", "messages": [], "channels": []})
app = web.Application(); app.router.add_route("*", "/api/{method}", api)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""


def event(number: int) -> tuple[bytes, dict[str, str]]:
    """The body and headers of a message of its own, as Slack brings it."""
    user, ts = list(PEOPLE.values())[number % len(PEOPLE)], f"{int(time.time())}.{number:06d}"
    words = " ".join(f"w{number:04d}{letter}" for letter in "abcdefgh")
    said = {"type": "message", "user": user, "text": f"vila Bali: handuk {words}", "ts": ts, "event_ts": ts}
    where = {"channel": f"D{user}", "channel_type": "im", "team": "T1"}
    body = json.dumps(
        {
            "type": "event_callback",
            "team_id": "T1",
            "api_app_id": "A1",
            "event": said | where,
            "event_id": f"Ev{number:06d}",
            "event_time": int(time.time()),
            "authorizations": [{"team_id": "T1", "user_id": "U0", "is_bot": True}],
        }
    ).encode()
    stamp = str(int(time.time()))
    signature = sign(body, stamp, SECRET)
    return body, {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": stamp,
        "X-Slack-Signature": signature,
    }


async def _ready(session: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{url}/readyz") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.02)


async def _post_all(url: str, connections: int) -> tuple[dict[str, float], float]:
    """The figures, and when the last was acknowledged what the service says of itself."""
    spent: list[float] = []
    failed = 0
    events = [event(number) for number in range(EVENTS)]
    limits = aiohttp.TCPConnector(limit=connections)
    async with aiohttp.ClientSession(connector=limits, timeout=aiohttp.ClientTimeout(total=60)) as session:
        await _ready(session, url)
        room = asyncio.Semaphore(connections)

        async def post(body: bytes, headers: dict[str, str]) -> None:
            nonlocal failed
            async with room:
                begun = time.perf_counter()
                try:
                    async with session.post(f"{url}{PATH}", data=body, headers=headers) as answer:
                        await answer.read()
                        failed += answer.status != 200
                except (aiohttp.ClientError, TimeoutError):
                    failed += 1
                spent.append(time.perf_counter() - begun)

        begun = time.perf_counter()
        await asyncio.gather(*(post(*one) for one in events))
        whole = time.perf_counter() - begun
        async with session.get(f"{url}/readyz") as answer:
            said = await answer.json()
    spent.sort()
    figures = {
        "p50 ms": spent[EVENTS // 2] * 1000,
        "p99 ms": spent[int(EVENTS * 0.99)] * 1000,
        "worst ms": spent[-1] * 1000,
        "events per second": EVENTS / whole,
        "late or no 200": float(failed + sum(one > LATE for one in spent)),
        "no 200": float(failed),
    }
    return figures, said if isinstance(said, int) else 0


@contextlib.contextmanager
def _process(*command: str, **environment: str) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait(10)


def _loopos(connections: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        home, port, slack = Path(folder), free_port(), free_port()
        company_with(home, {(person, "slack"): account for person, account in PEOPLE.items()})
        environment = {
            "LOOPOS_HOME": folder,
            "PORT": str(port),
            "LOOPOS_DEMO": "1",
            "SLACK_BOT_TOKEN": "xoxb-1",
            "SLACK_SIGNING_SECRET": SECRET,
            "SLACK_API_URL": f"http://127.0.0.1:{slack}/api/",
        }
        with _process("-c", SLACK, str(slack)), _process("-m", "bot", **environment):
            figures, _ = asyncio.run(_post_all(f"http://127.0.0.1:{port}", connections))
        with contextlib.closing(sqlite3.connect(home / "loopos.db")) as db:
            rows = db.execute("select count(*) from inbox where channel = 'slack'").fetchone()[0]
        assert rows >= EVENTS - figures["no 200"], f"{rows} rows for {EVENTS} events"
        assert rows <= EVENTS
        return figures


def _bare(connections: int) -> dict[str, float]:
    port = free_port()
    with _process("-c", BARE, str(port), SECRET):
        figures, heard = asyncio.run(_post_all(f"http://127.0.0.1:{port}", connections))
    assert heard >= EVENTS - figures["no 200"] - CONNECTIONS, (
        f"the listener ran for {heard} of {EVENTS} events"
    )
    return figures


def _both(measure: Callable[[int], dict[str, float]]) -> Callable[[], dict[str, float]]:
    def rounds() -> dict[str, float]:
        steady, burst = measure(CONNECTIONS), measure(EVENTS)
        return {**steady, **{f"burst {figure}": value for figure, value in burst.items()}}

    return rounds


def rounds() -> dict[str, Callable[[], dict[str, float]]]:
    return {"loopos": _both(_loopos), "bare": _both(_bare)}
