"""A vendor's server on 127.0.0.1 that can be told to misbehave, one call or many."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

How = Literal["rate_limited", "server_error", "hang", "drop", "accept_and_drop", "revoked"]
"""429 with a wait; 500; no answer until the client gives up; the connection cut before anything was done; done, and
then the connection cut; the token is no longer good."""


@dataclass(frozen=True)
class Call:
    """One request that was answered (or done and then dropped)."""

    method: str
    args: dict[str, Any]
    answer: Any = None


@dataclass
class FakeServer:
    """Subclasses add routes to `app` in `__post_init__` and send every API request through `guarded`."""

    app: web.Application = field(default_factory=lambda: web.Application(client_max_size=64 * 1024 * 1024))
    calls: list[Call] = field(default_factory=list)
    retry_after: int = 1
    """Seconds that a 429 asks for."""
    url: str = ""
    takes_no_cards: bool = False
    """Whatever is more than text is refused, as the vendor refuses what it does not understand."""
    _faults: dict[str, deque[How]] = field(default_factory=lambda: defaultdict(deque))
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen; `url` is the root, without a slash at the end."""
        self._runner = web.AppRunner(
            self.app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def fail(self, method: str, how: How, times: int = 1) -> None:
        """The next `times` calls of `method` ("*": of any) go wrong like this."""
        self._faults[method].extend([how] * times)

    def heal(self) -> None:
        self._faults.clear()

    def called(self, method: str) -> list[dict[str, Any]]:
        """The arguments of every call of `method` that was done, in order."""
        return [call.args for call in self.calls if call.method == method]

    def fault_for(self, method: str) -> How | None:
        for name in (method, "*"):
            if self._faults[name]:
                return self._faults[name].popleft()
        return None

    async def guarded(
        self, request: web.Request, method: str, do: Callable[[], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Run `do`, unless a fault is due for `method`. Subclasses say in `rate_limited` and `revoked` how their
        vendor words those two."""
        match self.fault_for(method):
            case "rate_limited":
                return self.rate_limited()
            case "revoked":
                return self.revoked()
            case "server_error":
                return web.Response(status=500, text="internal error")
            case "hang":
                await asyncio.sleep(3600)
            case "drop":
                self._cut(request)
            case "accept_and_drop":
                await do()
                self._cut(request)
        return await do()

    def rate_limited(self) -> web.Response:
        raise NotImplementedError

    def revoked(self) -> web.Response:
        raise NotImplementedError

    @staticmethod
    def _cut(request: web.Request) -> None:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("cut on purpose")
