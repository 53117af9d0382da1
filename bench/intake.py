"""1,000 posts over 32 connections: how long does a sender wait for the 200 that means "on disk", while the house
works on what came before? The bare minimum: an aiohttp handler that stores nothing."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp

from tests.test_browser import free_port

POSTS, CONNECTIONS = 1000, 32

BARE = """
import sys
from aiohttp import web
async def ready(request): return web.json_response({"ready": True})
async def take(request):
    await request.json()
    return web.json_response({"kept": True})
app = web.Application(); app.router.add_get("/readyz", ready); app.router.add_post("/api/taps", take)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""


async def _post_all(url: str) -> dict[str, float]:
    spent: list[float] = []
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    async with aiohttp.ClientSession(connector=connector) as session:
        while True:
            try:
                async with session.get(f"{url}/readyz"):
                    break
            except aiohttp.ClientError:
                await asyncio.sleep(0.02)
        room = asyncio.Semaphore(CONNECTIONS)

        async def post(number: int) -> None:
            async with room:
                begun = time.perf_counter()
                body = {"id": f"bench-{number:06d}", "button": "approve:nothing"}
                async with session.post(f"{url}/api/taps?as=ben", json=body) as answer:
                    assert answer.status == 200, answer.status
                spent.append((time.perf_counter() - begun) * 1000)

        begun = time.perf_counter()
        await asyncio.gather(*(post(number) for number in range(POSTS)))
        whole = time.perf_counter() - begun
    spent.sort()
    return {
        "p50 ms": spent[POSTS // 2],
        "p99 ms": spent[int(POSTS * 0.99)],
        "worst ms": spent[-1],
        "posts per second": POSTS / whole,
    }


def _measure(command: list[str], port: int, environment: dict[str, str]) -> dict[str, float]:
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        return asyncio.run(_post_all(f"http://127.0.0.1:{port}"))
    finally:
        process.kill()
        process.wait(10)


def loopos() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as home:
        port = free_port()
        environment = {"LOOPOS_HOME": str(Path(home)), "PORT": str(port), "LOOPOS_DEMO": "1"}
        return _measure([sys.executable, "-m", "bot"], port, environment)


def bare() -> dict[str, float]:
    port = free_port()
    return _measure([sys.executable, "-c", BARE, str(port)], port, {})


def rounds() -> dict[str, Callable[[], dict[str, float]]]:
    return {"loopos": loopos, "bare": bare}
