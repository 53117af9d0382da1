"""Connections that say nothing, say it slowly or never read keep nobody else out (D29 of docs/PROMISES.md): real sockets
against the service's own door, with small limits."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import resource
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from sqlalchemy import func, select
from structlog.testing import capture_logs

from bot.serve import http_app
from channels.connections import (
    FILES_BESIDE,
    MAX_OPEN,
    WINDOW,
    Connections,
    OftenTold,
    behind,
    expendable,
    room,
)
from core.ids import new_id
from core.refusals import REFUSED
from core.store.tables import InboxRow
from tests.channels.files import png
from tests.platforms import House, open_house, until

HEAD = b"POST /line/webhook HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
UPLOAD = b"POST /api/media?as=ben HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n"


@pytest.mark.parametrize(
    ("files", "connections"),
    [(256, 128), (512, 256), (1024, 768), (4096, MAX_OPEN), (resource.RLIM_INFINITY, MAX_OPEN)],
)
def test_there_is_always_room_for_files_of_our_own(files: int, connections: int) -> None:
    assert room(files) == connections
    assert files == resource.RLIM_INFINITY or files - room(files) >= min(FILES_BESIDE, files // 2)


def test_who_is_furthest_behind_makes_room_and_nobody_to_whom_we_owe_something() -> None:
    half_open, half_a_head, trickles = behind(3, 0, False), behind(3, 12, False), behind(3, 400, False)
    slow_phone, new = behind(150, 18_750_000, False), behind(0.01, 300, False)
    event, unread = behind(1.5, 900, True), behind(WINDOW + 5, 300, True)
    assert unread > half_open > half_a_head > trickles > slow_phone == new == 0 > event
    assert expendable([event, slow_phone, half_a_head, half_open, new]) == 3
    assert expendable([event, slow_phone, new]) == 1
    assert expendable([event, event]) is None
    assert expendable([]) is None


@dataclass
class Door:
    house: House
    port: int
    held: list[asyncio.StreamWriter]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def open(self, said: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self.held.append(writer)
        writer.write(said)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        return reader, writer

    async def event(self) -> bool:
        """Shirley writes on LINE; whether the platform got its 200."""
        before = await self._kept()
        await self.house.phone("shirley", "line").says("/tickets")
        return await self._kept() == before + 1

    async def _kept(self) -> int:
        wanted = select(func.count()).where(InboxRow.channel == "line")
        return await self.house.app.store.read(lambda session: session.scalar(wanted) or 0)

    def let_go(self) -> None:
        for one in self.held:
            one.close()
        self.held.clear()


@contextlib.asynccontextmanager
async def door(home: Path, head_within: float = 30.0, **limits: Any) -> AsyncIterator[Door]:
    async with open_house(home, [("shirley", "line")], LOOPOS_DEMO=True, LOOPOS_BASE_URL=None) as house:
        connections, http = Connections(**limits), http_app(house.app)
        connections.add_to(http)
        runner = web.AppRunner(http, access_log=None, shutdown_timeout=0.2, keepalive_timeout=head_within)
        await runner.setup()
        assert runner.server is not None
        listening = await connections.listen(runner.server, "127.0.0.1", 0)
        one = Door(house, listening.sockets[0].getsockname()[1], [])
        house.fakes["line"].webhook_url = f"{one.url}/line/webhook"
        try:
            yield one
        finally:
            one.let_go()
            listening.close()
            await runner.cleanup()


async def status_of(reader: asyncio.StreamReader) -> int | None:
    """Of the answer that comes; None where the connection is closed without one."""
    with contextlib.suppress(ConnectionError):
        if line := await reader.readline():
            return int(line.split()[1])
    return None


@pytest.mark.parametrize("said", [b"", b"POST /line/we", HEAD, HEAD + b"Content-Length: 99\r\n\r\n{"])
async def test_half_open_connections_beyond_the_cap_keep_no_event_out(tmp_path: Path, said: bytes) -> None:
    async with door(tmp_path, most=20) as one:
        readers = [(await one.open(said))[0] for _ in range(60)]
        assert await one.event()
        # Those that made room were closed; what is left is no more than may be open.
        gone = [reader for reader in readers if reader.at_eof() or reader.exception()]
        assert len(gone) >= 40
        one.let_go()
        assert await one.event()


async def test_where_everybody_is_at_work_who_comes_is_told_to_come_again(tmp_path: Path) -> None:
    async with door(tmp_path, most=3) as one, aiohttp.ClientSession() as web_:
        streams = [await web_.get(f"{one.url}/api/stream?as=ben") for _ in range(3)]
        async with web_.get(f"{one.url}/healthz") as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
        for stream in streams:
            stream.close()


async def test_pages_that_wait_for_news_have_a_share_of_their_own(tmp_path: Path) -> None:
    async with door(tmp_path) as one, aiohttp.ClientSession() as web_:
        one.house.app.web._most_streams = 3
        streams = [await web_.get(f"{one.url}/api/stream?as=ben") for _ in range(4)]
        assert [stream.status for stream in streams] == [200, 200, 200, 503]
        assert streams[3].headers["Retry-After"] == "5"
        assert await one.event()
        streams[0].close()

        async def again() -> bool:
            # It is news that shows that nobody listens any more; without any it takes 15 seconds.
            await web_.post(f"{one.url}/api/messages?as=ben", json={"id": new_id(), "text": "/help"})
            async with web_.get(f"{one.url}/api/stream?as=ben") as stream:
                return stream.status == 200

        await until(again)
        for stream in streams:
            stream.close()


async def test_a_head_that_trickles_is_not_waited_for(tmp_path: Path) -> None:
    async with door(tmp_path, head_within=0.5) as one:
        reader, writer = await one.open(HEAD)
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(20):
                while not reader.at_eof():
                    writer.write(b"X-More: 1\r\n")
                    await writer.drain()
                    await asyncio.sleep(0.02)
        assert await one.event()


@pytest.mark.parametrize(
    "head", [HEAD + b"Content-Length: 90000\r\n\r\n", HEAD + b"Transfer-Encoding: chunked\r\n\r\n"]
)
async def test_a_body_that_trickles_is_cut_with_408(tmp_path: Path, head: bytes) -> None:
    async with door(tmp_path, window=0.3) as one:
        reader, writer = await one.open(head)
        answer = asyncio.create_task(status_of(reader))
        async with asyncio.timeout(20):
            while not answer.done():
                writer.write(b"1\r\n1\r\n")
                await asyncio.sleep(0.02)
        assert await answer == 408
        assert await one.event()


async def test_a_long_upload_of_a_slow_phone_passes(tmp_path: Path) -> None:
    """Many windows long, and always moving."""
    photo = png(900, 560) + b"\0" * 40_000
    async with door(tmp_path, window=0.2) as one:
        reader, writer = await one.open(UPLOAD + b"Content-Length: %d\r\n\r\n" % len(photo))
        for at in range(0, len(photo), len(photo) // 40):
            writer.write(photo[at : at + len(photo) // 40])
            await writer.drain()
            await asyncio.sleep(0.05)
        assert await status_of(reader) == 200
        kept = f"{one.url}/api/media/{hashlib.sha256(photo).hexdigest()}?as=ben&type=image/png"
        async with aiohttp.ClientSession() as web_, web_.get(kept) as answer:
            assert await answer.read() == photo


async def test_an_answer_that_nobody_reads_is_not_kept_open(tmp_path: Path) -> None:
    async with door(tmp_path, window=0.3) as one:
        get = b"GET /page/app.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
        _, writer = await one.open(b"")
        transport = writer.transport
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(20):
                while not transport.is_closing():
                    writer.write(get * 50)
                    await writer.drain()
                    await asyncio.sleep(0.01)
        assert await one.event()


async def test_what_unfinished_bodies_hold_is_bounded_and_small_events_always_pass(tmp_path: Path) -> None:
    size = 300_000
    start = HEAD + b"Content-Length: 400000\r\n\r\n"
    async with door(tmp_path, most_held=1_000_000) as one:
        answers = [asyncio.create_task(status_of((await one.open(start + b"a" * size))[0])) for _ in range(6)]
        await until(lambda: sum(answer.done() for answer in answers) == 3)
        assert {await answer for answer in answers if answer.done()} == {503}
        assert await one.event()
        reader, _ = await one.open(HEAD + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 8000) for n in range(60)))
        assert await status_of(reader) == 503
        one.let_go()

        async def room_again() -> bool:
            reader, writer = await one.open(start + b"a" * 400_000)
            found = await status_of(reader)
            writer.close()
            return found == 401

        await until(room_again)
        assert REFUSED["http", "too much at once"] >= 4


async def test_a_trouble_that_comes_thousands_of_times_is_a_line_at_once_and_one_a_minute(
    tmp_path: Path,
) -> None:
    loop = asyncio.get_running_loop()
    with capture_logs() as lines:
        told = OftenTold("accept_failed", every=0.2)
        for _ in range(5000):
            told.happened(error="too many open files")
        assert [line["times"] for line in lines] == [1]
        await until(lambda: len(lines) == 2)
        assert [line["times"] for line in lines] == [1, 4999]
    async with door(tmp_path):
        with capture_logs() as lines:
            for _ in range(100):
                context = {
                    "message": "socket.accept() out of system resource",
                    "exception": OSError(24, "full"),
                }
                loop.call_exception_handler(context)
        assert [(line["event"], line["times"]) for line in lines] == [("accept_failed", 1)]
    loop.set_exception_handler(None)
