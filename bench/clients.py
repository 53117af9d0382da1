"""One change to 200 live watchers beside one write to 200 sockets; a tool called over MCP beside a bare server of the SDK that
does the same. Each side has a process of its own, the reader is this one."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp

from tests.platforms import free_port

WATCHERS = 200
CHANGES = 12
CALLS = 150
HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, text/event-stream",
    "MCP-Protocol-Version": "2026-07-28",
    "Mcp-Method": "tools/call",
    "Mcp-Name": "whoami",
}
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
CALL = json.dumps(
    {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "whoami", "arguments": {}, "_meta": META},
    }
)
BARE_MCP = """
import sys, uvicorn, mcp_types as types
from mcp.server.lowlevel.server import Server
async def call(ctx, params):
    found = {"person": "ben", "role": "founder", "client_id": "x", "scope": "read"}
    return types.CallToolResult(content=[types.TextContent(type="text", text="ben")], structured_content=found)
async def listed(ctx, params):
    return types.ListToolsResult(tools=[types.Tool(name="whoami", input_schema={"type": "object"})])
app = Server("bare", on_call_tool=call, on_list_tools=listed).streamable_http_app()
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")
"""
BARE_SOCKETS = """
import asyncio, sys
writers = []
async def main():
    async def watch(reader, writer):
        line = await reader.readline()
        if line.startswith(b"WRITE"):
            for one in writers:
                one.write(b"event: ticket\\ndata: " + b"x" * 600 + b"\\n\\n")
            writer.close()
        else:
            writers.append(writer)
    server = await asyncio.start_server(watch, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()
asyncio.run(main())
"""


class _Ours:
    """The real service, with a token for each door."""

    def __enter__(self) -> _Ours:
        self._folder = tempfile.TemporaryDirectory()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        home = str(Path(self._folder.name) / "home")
        environment = {**os.environ, "LOOPOS_HOME": home, "PORT": str(self.port), "LOOPOS_DEMO": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bot"], env=environment, stdout=subprocess.DEVNULL
        )
        _wait_for(f"{self.url}/readyz")
        self.tokens = {door: self._token(environment, door) for door in ("mcp", "api")}
        return self

    def _token(self, environment: dict[str, str], door: str) -> str:
        said = ["clients", "token", "--person", "ben", "--scope", "decide", "--audience", door]
        made = subprocess.run(
            [sys.executable, "-m", "bot.cli", *said],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return made.stdout.strip()

    def __exit__(self, *_error: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        self._folder.cleanup()


def _wait_for(url: str) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError("it did not start")


def _percentiles(spent: list[float]) -> dict[str, float]:
    spent.sort()
    return {"median ms": statistics.median(spent), "p99 ms": spent[int(len(spent) * 0.99) - 1]}


# --- watchers


def loopos_watch() -> dict[str, float]:
    with _Ours() as house:
        return asyncio.run(_watched(house))


async def _watched(house: _Ours) -> dict[str, float]:
    ask = (
        f"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\n"
        f"Authorization: Bearer {house.tokens['api']}\r\n\r\n"
    )
    spent: list[float] = []
    async with aiohttp.ClientSession() as http:
        streams = []
        for _ in range(WATCHERS):  # sockets as on the other side: what a client takes apart is its own
            reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
            writer.write(ask.encode())
            streams.append((reader, writer))
            await _line(reader, b"event: caught_up")
        for change in range(CHANGES):
            # The first change of a report that is filed: from the first watcher who has it to the last.
            seen = [asyncio.create_task(_arrival(reader)) for reader, _ in streams]
            await asyncio.sleep(0.05)
            await _report(http, house, change)
            arrivals = await asyncio.gather(*seen)
            spent += [(at - min(arrivals)) * 1000 for at in arrivals]
            await asyncio.gather(*(_rest(reader) for reader, _ in streams))
        for _, writer in streams:
            writer.close()
    return {f"change to {WATCHERS} watchers, {name}": value for name, value in _percentiles(spent).items()}


async def _rest(reader: asyncio.StreamReader) -> None:
    """What else a report changes."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.4):
            while True:
                await reader.read(65536)


async def _report(http: aiohttp.ClientSession, house: _Ours, number: int) -> None:
    """Something that makes changes."""
    headers = {"Authorization": f"Bearer {house.tokens['api']}"}
    words = " ".join(f"w{number:04d}{letter}" for letter in "abcdefgh")
    async with http.post(
        f"{house.url}/api/v1/tickets", headers=headers, json={"text": f"vila Bali: handuk {words}"}
    ) as answer:
        assert answer.status == 201, await answer.text()


async def _line(content: asyncio.StreamReader, wanted: bytes) -> None:
    while wanted not in await content.readline():
        pass


async def _arrival(content: asyncio.StreamReader) -> float:
    """When the first line of the next change was here."""
    await _line(content, b"event: ticket")
    return time.perf_counter()


def bare_watch() -> dict[str, float]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", BARE_SOCKETS, str(port)])
    try:
        return asyncio.run(_bare_watched(port))
    finally:
        process.kill()
        process.wait()


async def _bare_watched(port: int) -> dict[str, float]:
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            break
        except OSError:
            await asyncio.sleep(0.05)
    streams = []
    for _ in range(WATCHERS):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"WATCH\n")
        streams.append((reader, writer))
    await asyncio.sleep(0.3)
    spent: list[float] = []
    for _ in range(CHANGES):
        seen = [asyncio.create_task(_bare_arrival(reader)) for reader, _ in streams]
        await asyncio.sleep(0.05)
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"WRITE\n")
        arrivals = await asyncio.gather(*seen)
        spent += [(at - min(arrivals)) * 1000 for at in arrivals]
    for _, writer in streams:
        writer.close()
    return {f"change to {WATCHERS} watchers, {name}": value for name, value in _percentiles(spent).items()}


async def _bare_arrival(reader: asyncio.StreamReader) -> float:
    while b"event: ticket" not in await reader.readline():
        pass
    at = time.perf_counter()
    await reader.readline()
    await reader.readline()
    return at


# --- a tool called


def loopos_mcp() -> dict[str, float]:
    with _Ours() as house:
        return asyncio.run(_called(f"{house.url}/mcp", {"Authorization": f"Bearer {house.tokens['mcp']}"}))


def bare_mcp() -> dict[str, float]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", BARE_MCP, str(port)])
    try:
        _wait_for(f"http://127.0.0.1:{port}/")
        return asyncio.run(_called(f"http://127.0.0.1:{port}/mcp", {}))
    finally:
        process.kill()
        process.wait()


async def _called(url: str, more: dict[str, str]) -> dict[str, float]:
    async with aiohttp.ClientSession() as http:

        async def call() -> Any:
            async with http.post(url, data=CALL, headers={**HEADERS, **more}) as answer:
                found = await answer.json()
                assert found["result"]["structuredContent"]["person"] == "ben", found

        for _ in range(10):
            await call()
        spent = []
        for _ in range(CALLS):
            begun = time.perf_counter()
            await call()
            spent.append((time.perf_counter() - begun) * 1000)
    return {f"a tool called over MCP, {name}": value for name, value in _percentiles(spent).items()}


def loopos() -> dict[str, float]:
    return {**loopos_watch(), **loopos_mcp()}


def bare() -> dict[str, float]:
    return {**bare_watch(), **bare_mcp()}


def rounds() -> dict[str, Callable[[], dict[str, float]]]:
    return {"loopos": loopos, "bare": bare}
