"""`/mcp` on the service's own port: who may come in, and the way to the server behind it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import web

from bot.callers import Callers
from bot.mcp.bridge import hand_over
from bot.mcp.tools import TOOLS
from core.access.credentials import Caller
from core.clients.feed import Feed
from core.clients.operations import Operations
from core.model import Audience, Scope
from core.refusals import refused

if TYPE_CHECKING:
    from bot.mcp.server import Assistants

log = structlog.get_logger(__name__)

PATH: Final = "/mcp"
MAX_BODY: Final = 4 * 1024 * 1024
METADATA: Final = "/.well-known/oauth-protected-resource"
MAX_SESSIONS: Final = 1000
SESSIONS_EACH: Final = 20
"""Open at once with one credential."""
_LACKS: Final = {Scope.READ: "read", Scope.WRITE: "read write", Scope.DECIDE: "read write decide"}


class McpIngress:
    def __init__(self, desk: Operations, callers: Callers, feed: Feed) -> None:
        self._desk = desk
        self._callers = callers
        self._feed = feed
        self._behind: _Behind | None = None
        self._turn = asyncio.Lock()
        self._sessions: dict[str, str] = {}
        """Session of the older revision -> whose it is."""

    def add_to(self, app: web.Application) -> None:
        for method in ("POST", "GET", "DELETE"):
            app.router.add_route(method, PATH, self.handle)
        app.router.add_route("OPTIONS", PATH, self._nothing)
        app.on_shutdown.append(self._stop)

    async def _nothing(self, _request: web.Request) -> web.Response:
        return web.Response(status=405, headers={"Allow": "POST, GET, DELETE"})

    async def _stop(self, _app: web.Application) -> None:
        if self._behind is not None:
            await self._behind.stop()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if not self._callers.known_host(request):
            refused("mcp", "another host")
            return web.Response(status=421, text="This server is not known by that name.")
        # A page on this machine may ask, whatever its port (an inspector does): it must bring a token all the same.
        if "Origin" in request.headers and not (
            self._callers.same_origin(request) or self._callers.from_this_machine(request)
        ):
            refused("mcp", "another site")
            return web.Response(status=403, text="Another site may not speak to this server.")
        caller = await self._callers.by_bearer(request, Audience.MCP)
        if caller is None:
            refused("mcp", "nobody")
            return self._unknown(bool(request.headers.get("Authorization", "").strip()))
        body = await _body(request)
        if body is None:
            return web.Response(status=413, text="At most 4 MiB.")
        lacking = _lacking(body, caller)
        if lacking is not None:
            refused("mcp", "scope")
            return self._too_little(lacking)
        named = request.headers.get("Mcp-Session-Id")
        if named is not None and self._sessions.get(named) != caller.grant_id:
            return web.Response(status=404, text="There is no such session.")
        behind = await self._open()

        def begins(response: web.StreamResponse) -> None:
            # Known before its client is: the next call may come while this answer is still being sent.
            session = response.headers.get("Mcp-Session-Id")
            if named is None and session is not None:
                self._sessions[session] = caller.grant_id

        told = {"loopos.caller": caller}
        over = self._callers.gone(caller)
        response = await hand_over(request, behind.application, body, over, begins, **told)
        if named is None:
            await self._end_oldest(behind, caller)
        elif request.method == "DELETE" or response.status == 404:
            self._sessions.pop(named, None)
            behind.forget(named)
        return response

    async def _end_oldest(self, behind: _Behind, caller: Caller) -> None:
        """One program holds so many sessions and no more: its oldest ends, so that none keeps the others out."""
        own = [one for one, grant_id in self._sessions.items() if grant_id == caller.grant_id]
        for one in own[:-SESSIONS_EACH] + list(self._sessions)[: -MAX_SESSIONS + 1]:
            if self._sessions.pop(one, None) is not None:
                await behind.end(one)

    def _unknown(self, sent_one: bool) -> web.Response:
        wrong = ', error="invalid_token"' if sent_one else ""
        asked = (
            f'Bearer resource_metadata="{self._desk.services.url}{METADATA}{PATH}", scope="read write"{wrong}'
        )
        return web.json_response({"error": "invalid_token"}, status=401, headers={"WWW-Authenticate": asked})

    def _too_little(self, needed: Scope) -> web.Response:
        metadata = f'resource_metadata="{self._desk.services.url}{METADATA}{PATH}"'
        asked = f'Bearer error="insufficient_scope", scope="{_LACKS[needed]}", {metadata}'
        return web.json_response(
            {"error": "insufficient_scope"}, status=403, headers={"WWW-Authenticate": asked}
        )

    async def _open(self) -> _Behind:
        async with self._turn:
            if self._behind is None:
                behind = _Behind(self._desk, self._feed)
                await behind.start()
                self._behind = behind
        return self._behind


class _Behind:
    """The SDK's server and what keeps it running."""

    def __init__(self, desk: Operations, feed: Feed) -> None:
        self._desk = desk
        self._feed = feed
        self._over = asyncio.Event()
        self._ready = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._assistants: Assistants | None = None
        self.application: Any = None

    async def start(self) -> None:
        await asyncio.to_thread(__import__, "bot.mcp.server")
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
        from mcp.server.transport_security import TransportSecuritySettings

        from bot.mcp.server import Assistants

        assistants = self._assistants = Assistants(self._desk)
        manager = StreamableHTTPSessionManager(
            app=assistants.server,
            # Host and origin were looked at already, by the names that this house knows of itself.
            security_settings=TransportSecuritySettings(enable_dns_rebinding_protection=False),
            max_request_body_size=MAX_BODY,
            max_sessions=MAX_SESSIONS,
        )
        self.application = manager.handle_request

        async def run() -> None:
            async with manager.run():
                self._ready.set()
                await self._over.wait()
                assistants.listen.close()

        self._tasks = [
            asyncio.create_task(run(), name="mcp"),
            asyncio.create_task(self._tell(assistants), name="mcp_news"),
        ]
        await self._ready.wait()

    def forget(self, session_id: str) -> None:
        if self._assistants is not None:
            self._assistants.forget(session_id)

    async def end(self, session_id: str) -> None:
        """Close a session as its own program would."""
        self.forget(session_id)
        headers = [(b"mcp-session-id", session_id.encode()), (b"host", b"localhost")]
        scope = {"type": "http", "method": "DELETE", "path": PATH, "query_string": b"", "headers": headers}

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(_message: Any) -> None:
            """Nobody waits for the answer."""

        await self.application(scope, receive, send)

    async def _tell(self, assistants: Assistants) -> None:
        watcher = await self._feed.watch()
        try:
            while True:
                await watcher.more.wait()
                watcher.overrun = False
                await assistants.changed({change.ticket_id for change in watcher.take()})
        finally:
            self._feed.leave(watcher)

    async def stop(self) -> None:
        self._over.set()
        running, telling = self._tasks
        telling.cancel()
        done, _ = await asyncio.wait({running}, timeout=2)
        if not done:
            running.cancel()
        await asyncio.gather(running, telling, return_exceptions=True)


async def _body(request: web.Request) -> bytes | None:
    """None: it is too large."""
    if (request.content_length or 0) > MAX_BODY:
        return None
    parts, size = [], 0
    async for chunk in request.content.iter_chunked(65536):
        size += len(chunk)
        if size > MAX_BODY:
            return None
        parts.append(chunk)
    return b"".join(parts)


def _lacking(body: bytes, caller: Caller) -> Scope | None:
    """The scope that the called tool needs and the token lacks. What cannot be read is refused further in."""
    try:
        message = json.loads(body) if body else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.get("method") != "tools/call":
        return None
    params = message.get("params")
    name = params.get("name") if isinstance(params, dict) else None
    tool = TOOLS.get(name) if isinstance(name, str) else None
    return tool.scope if tool is not None and not caller.may(tool.scope) else None
