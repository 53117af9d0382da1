"""The open connections of the front door: how many there may be, how slow each may be, and what they hold in memory (D29).

Whoever opens many and says little, says it slowly or never reads the answer keeps nobody else out."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import structlog
from aiohttp import StreamReader, web

from core.refusals import refused

log = structlog.get_logger(__name__)

MAX_OPEN: Final = 2000
"""Connections: a thousand events at once, each on its own, are half of it."""
STREAMS_SHARE: Final = 4
"""One connection in so many may be a page that waits for news."""
FILES_BESIDE: Final = 256
"""Open files for the house itself (database, media, calls to platforms), and for a burst that is accepted at once."""
HEAD_WITHIN: Final = 30.0
"""Seconds for the head of a request; so long a connection may also wait for its next one."""
WINDOW: Final = 20.0
"""Seconds. In each of them a body that is not here yet, or an answer that is not read yet, must move on."""
LEAST_RATE: Final = 500
"""Bytes a second, over a window (as Apache's mod_reqtimeout asks of bodies); a phone at 1 Mbit/s brings 125,000."""
MAX_HELD: Final = 128 * 1024 * 1024
"""Bytes that came in and are not answered yet, over all connections."""
ALWAYS_HELD: Final = 64 * 1024
"""Bytes that each connection may bring however much the others hold: an ordinary event of a platform is smaller."""
TOLD_EVERY: Final = 60.0
"""Seconds between two log lines about the same trouble."""
AGAIN: Final = {"Retry-After": "5"}
_REFUSAL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def allow_files() -> None:
    """As many open files as that takes, where the machine lets us: the 1,024 of a usual shell are few."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN + FILES_BESIDE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def most_open() -> int:
    """Connections that this process takes at once."""
    return room(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def room(files: int) -> int:
    """Connections at once where so many files may be open."""
    if files == resource.RLIM_INFINITY:
        return MAX_OPEN
    return min(MAX_OPEN, max(files - FILES_BESIDE, files // 2))


def behind(elapsed: float, brought: int, whole: bool, window: float = WINDOW) -> float:
    """By how many seconds a connection keeps us longer than it should; below zero it is we who owe something.

    `elapsed`: seconds since its request began, or since it waits for one; `brought`: bytes since then; `whole`: the
    request is here, so we are at work on it, or its answer is not read yet."""
    return elapsed - window if whole else max(0.0, elapsed - brought / LEAST_RATE)


def expendable(late: Sequence[float]) -> int | None:
    """Which connection makes room for a new one: the one furthest `behind`; None: we owe something to all of them."""
    place = max(range(len(late)), key=late.__getitem__, default=None)
    return place if place is not None and late[place] >= 0 else None


class Connections:
    def __init__(self, most: int | None = None, *, window: float = WINDOW, most_held: int = MAX_HELD) -> None:
        self._most = most_open() if most is None else most
        self.window = window
        self.least = LEAST_RATE * window
        """Bytes that must move in each window."""
        self._most_held = most_held
        self._held = 0
        self._open: dict[object, Connection] = {}
        """By aiohttp's own protocol."""
        self._full = OftenTold("connections_full")
        self._not_accepted = OftenTold("accept_failed")

    def add_to(self, http: web.Application) -> None:
        http.middlewares.append(self._work)

    async def listen(self, server: web.Server, host: str, port: int) -> asyncio.Server:
        """Raises OSError."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._trouble)
        return await loop.create_server(lambda: self._accept(server), host, port, backlog=128)

    def now(self) -> float:
        """In seconds, by the loop's clock."""
        return asyncio.get_running_loop().time()

    def _accept(self, server: web.Server) -> asyncio.Protocol:
        if len(self._open) < self._most:
            return Connection(self, server())
        self._full.happened()
        now = self.now()
        there = [one for one in self._open.values() if not one.transport.is_closing()]
        while len(there) >= self._most:
            place = expendable([one.behind(now) for one in there])
            if place is None:
                refused("http", "too many connections")
                return _Refusal()
            there.pop(place).transport.abort()
        return Connection(self, server())

    def _trouble(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """asyncio tells of every single connection that it cannot accept, thousands of times a second."""
        if str(context.get("message", "")).startswith("socket.accept()"):
            self._not_accepted.happened(error=str(context.get("exception")))
            return
        # Not as asyncio writes it: there stand the arguments of a callback, and what an error says.
        error = context.get("exception")
        what = str(context.get("message", "")).split("(")[0].split("<")[0].split("'")[0].strip()
        log.error("event_loop", what=what.split(" callback")[0], exc_info=error)

    @web.middleware
    async def _work(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        connection = self._open.get(request.protocol)
        return await (handler(request) if connection is None else connection.work(request, handler))

    # --- what a connection tells

    def opened(self, connection: Connection) -> None:
        self._open[connection.inner] = connection

    def lost(self, connection: Connection) -> None:
        self.let_go(connection)
        self._open.pop(connection.inner, None)

    def hold(self, connection: Connection, size: int) -> bool:
        """False where that would be too much."""
        if self._held + size > self._most_held and connection.held + size > ALWAYS_HELD:
            return False
        connection.held += size
        self._held += size
        return True

    def let_go(self, connection: Connection) -> None:
        self._held -= connection.held
        connection.held = 0


@dataclass(eq=False, slots=True)
class _Work:
    """The request that a connection is at."""

    body: StreamReader
    limit: asyncio.Timeout | None = None
    """Of its handler, while it waits for the body."""


class Connection(asyncio.Protocol):
    """aiohttp's own protocol for one connection, and what can be seen of it from outside."""

    transport: asyncio.Transport

    def __init__(self, every: Connections, inner: web.RequestHandler) -> None:
        self._every = every
        self.inner = inner
        self.held = 0
        """Bytes that came in and are not answered yet."""
        self._work: _Work | None = None
        """None while it waits for a request."""
        self._since = every.now()
        self._verdict: web.HTTPException | None = None
        """Why it was cut: what else comes in is not looked at."""
        self._unread: asyncio.TimerHandle | None = None

    def behind(self, now: float) -> float:
        whole = self._work is not None and self._work.body.is_eof()
        return behind(now - self._since, self.held, whole, self._every.window)

    # --- what the loop tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._every.opened(self)
        self.inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._verdict is not None:
            return
        if self._every.hold(self, len(data)):
            self.inner.data_received(data)
        else:
            self._cut(web.HTTPServiceUnavailable(text="Come again.", headers=AGAIN), "too much at once")

    def eof_received(self) -> None:
        self.inner.eof_received()

    def pause_writing(self) -> None:
        self._watch_reader()
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self._is_read()
        self.inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_read()
        self._every.lost(self)
        self.inner.connection_lost(exc)

    def _watch_reader(self) -> None:
        before = self.transport.get_write_buffer_size()

        def look() -> None:
            if before - self.transport.get_write_buffer_size() < self._every.least:
                self.transport.abort()
            else:
                self._watch_reader()

        self._unread = asyncio.get_running_loop().call_later(self._every.window, look)

    def _is_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()

    # --- one request

    async def work(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The handler's answer. Raises 408 for a body that comes too slowly, 503 for one too much."""
        work = self._work = _Work(request.content)
        self._since = self._every.now()
        task = asyncio.current_task()
        assert task is not None
        # aiohttp answers each request in a task of its own: it ends when the answer is written.
        task.add_done_callback(lambda _: self._answered(work))
        if work.body.is_eof():
            return await handler(request)
        watching = asyncio.create_task(self._watch(work.body))
        try:
            async with asyncio.timeout(None) as work.limit:
                return await handler(request)
        except TimeoutError:
            if self._verdict is None:
                raise
            raise self._verdict from None
        finally:
            work.limit = None
            watching.cancel()

    async def _watch(self, body: StreamReader) -> None:
        while not body.is_eof() and self._verdict is None:
            before = self.held
            await asyncio.sleep(self._every.window)
            # Where nothing is read from the transport it is ourselves who are slow.
            if not body.is_eof() and self.held - before < self._every.least and self.transport.is_reading():
                self._cut(web.HTTPRequestTimeout(text="Too slow."), "slow body")

    def _answered(self, work: _Work) -> None:
        if self._work is work:
            self._work, self._since = None, self._every.now()
            self._every.let_go(self)

    def _cut(self, verdict: web.HTTPException, why: str) -> None:
        refused("http", why)
        verdict.force_close()
        self._verdict = verdict
        if self._work is not None and self._work.limit is not None:
            self._work.limit.reschedule(self._every.now())
            return
        if self._work is None:
            self.transport.write(_REFUSAL)
        self.transport.close()


class _Refusal(asyncio.Protocol):
    """Everybody is at work: come again."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        one = cast(asyncio.Transport, transport)
        one.write(_REFUSAL)
        one.close()


class OftenTold:
    """One log line at once and then one a minute, with a count, of what may happen thousands of times in it."""

    def __init__(self, event: str, every: float = TOLD_EVERY) -> None:
        self._event = event
        self._every = every
        self._times = 0
        self._more: dict[str, str] = {}
        self._timer: asyncio.TimerHandle | None = None

    def happened(self, **more: str) -> None:
        self._times, self._more = self._times + 1, more
        if self._timer is None:
            self._tell()

    def _tell(self) -> None:
        self._timer = None
        if self._times:
            log.error(self._event, times=self._times, **self._more)
            self._times = 0
            self._timer = asyncio.get_running_loop().call_later(self._every, self._tell)
