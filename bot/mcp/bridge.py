"""An ASGI application behind an aiohttp route.

Two things are easily wrong here. After the body `receive` must block until the client hangs up: an application that waits for
more would else spin. And what it writes after that must vanish, not raise."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from aiohttp import web

Message = MutableMapping[str, Any]
Application = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]
HOP_BY_HOP = {b"connection", b"transfer-encoding", b"content-length"}


async def hand_over(
    request: web.Request,
    application: Application,
    body: bytes,
    over: Awaitable[None],
    begins: Callable[[web.StreamResponse], None],
    **extra: Any,
) -> web.StreamResponse:
    """Let `application` answer `request`, whose body was read already, until `over`. `begins` is called with the answer's
    status and headers before anything of it is sent. `extra` goes into its scope."""
    answer = _Answer(request, begins)
    gone = asyncio.get_running_loop().create_future()
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if not sent:
            sent = True
            return {"type": "http.request", "body": body, "more_body": False}
        await asyncio.shield(gone)
        return {"type": "http.disconnect"}

    running = asyncio.ensure_future(application(_scope(request, extra), receive, answer.take))
    ending = asyncio.ensure_future(over)
    try:
        # aiohttp cancels this handler when the client hangs up; the application hears of it and ends by itself.
        await asyncio.wait({running, ending}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        answer.is_gone = True
        raise
    finally:
        ending.cancel()
        gone.set_result(None)
        if not running.done():
            await asyncio.wait({running}, timeout=5)
            running.cancel()
    if running.done() and not running.cancelled():
        running.result()
    return await answer.finish()


class _Answer:
    def __init__(self, request: web.Request, begins: Callable[[web.StreamResponse], None]) -> None:
        self._request = request
        self._begins = begins
        self._response: web.StreamResponse | None = None
        self.is_gone = False

    async def take(self, message: Message) -> None:
        if self.is_gone:
            return
        try:
            if message["type"] == "http.response.start":
                self._response = web.StreamResponse(status=message["status"])
                for name, value in message.get("headers", ()):
                    if name.lower() not in HOP_BY_HOP:
                        self._response.headers.add(name.decode("latin-1"), value.decode("latin-1"))
                self._begins(self._response)
                await self._response.prepare(self._request)
            elif self._response is not None and message.get("body"):
                await self._response.write(message["body"])
        except ConnectionResetError:
            self.is_gone = True

    async def finish(self) -> web.StreamResponse:
        if self._response is None:
            return web.Response(status=500)
        with contextlib.suppress(ConnectionResetError):
            if not self.is_gone:
                await self._response.write_eof()
        return self._response


def _scope(request: web.Request, extra: dict[str, Any]) -> Message:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": request.scheme,
        "path": request.path,
        "raw_path": request.raw_path.partition("?")[0].encode("ascii", "ignore"),
        "root_path": "",
        "query_string": request.query_string.encode("ascii", "ignore"),
        "headers": [(name.lower(), value) for name, value in request.raw_headers],
        "client": (request.remote or "", 0),
        "server": None,
        "state": {},
        **extra,
    }
