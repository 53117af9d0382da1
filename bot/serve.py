"""`loopos serve`: the HTTP front door, and a stop that loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session
from yarl import URL

from bot.api.routes import ApiRoutes
from bot.app import App, build
from bot.callers import Callers
from bot.mcp.ingress import McpIngress
from bot.oauth.documents import Documents
from bot.oauth.routes import OAuthRoutes
from bot.pages.routes import Pages
from bot.pages.signing_in import SigningIn
from bot.settings import Settings
from bot.webhooks import Teller
from channels.connections import HEAD_WITHIN, Connections, allow_files
from channels.link.files import FileRoutes
from channels.web.access import KEY
from core import media
from core.clients.feed import Feed
from core.clients.operations import Operations
from core.errors import StartupError, TryLater
from core.model import InboxStatus, OutboxStatus
from core.processes import keep_private
from core.refusals import REFUSED
from core.store.ownership import beat
from core.store.tables import Deadline, InboxRow, JobRow, OutboxRow

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

log = structlog.get_logger(__name__)

MAX_BODY = 1024 * 1024
PROBED_FOR: Final = timedelta(seconds=5)
"""So long it is believed what writing to the disk came to: whoever asks every moment costs it nothing."""


class DiskProbe:
    """Whether the home takes what must be kept: a row of the database, a file among the photos."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._turn = asyncio.Lock()
        self._at: timedelta | None = None
        self._trouble: str | None = None

    async def trouble(self) -> str | None:
        """Why not; None where it does."""
        async with self._turn:
            now = self._app.clock.passed()
            if self._at is None or now - self._at >= PROBED_FOR:
                self._trouble = await self._try()
                self._at = now
            return self._trouble

    async def _try(self) -> str | None:
        try:
            await self._app.store.write(beat)
            await asyncio.to_thread(media.probe, self._app.services.media)
        except TryLater as error:
            return str(error)
        except OSError as error:
            return f"media/ cannot be written ({error.strerror})"
        return None


async def serve(settings: Settings) -> int:
    """Run until a signal; returns the exit code. Raises StartupError."""
    allow_files()
    os.umask(0o077)  # what people send is for this user's eyes
    asked = _asked_to_stop()  # also while it starts: then it stops in good order as soon as it has
    app = await build(settings)
    connections = Connections()
    http = http_app(app)
    connections.add_to(http)
    runner = web.AppRunner(
        http, access_log=None, handle_signals=False, shutdown_timeout=2.0, keepalive_timeout=HEAD_WITHIN
    )
    listening = None
    try:
        await runner.setup()
        assert runner.server is not None
        listening = await _listen(connections, runner.server, settings)
        await app.start()
        port = listening.sockets[0].getsockname()[1]
        print(f"LoopOS is ready: {_address(settings.host, port, app.web.key)}", flush=True)
        log.info("ready", port=port, demo=settings.demo, home=str(settings.home))
        return await _until_stopped(app, asked)
    finally:
        if listening is not None:
            listening.close()
        await runner.cleanup()
        await app.stop()
        log.info("stopped")


def _address(host: str, port: int, key: str | None) -> str:
    """Where to open the page; with `key`, so that it lets in whoever has the address."""
    return str(URL.build(scheme="http", host=host, port=port, path="/", query={KEY: key} if key else {}))


async def _listen(connections: Connections, server: web.Server, settings: Settings) -> asyncio.Server:
    try:
        return await connections.listen(server, settings.host, settings.port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartupError(
                f"Port {settings.port} is taken by another program.", "Stop it, or set PORT to a free one."
            ) from error
        raise StartupError(
            f"Cannot listen on {settings.host}:{settings.port} ({error.strerror}).", "Check HOST and PORT."
        ) from error


def _asked_to_stop() -> asyncio.Event:
    """Set by a signal."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    return asked


async def _until_stopped(app: App, asked: asyncio.Event) -> int:
    waits = [asyncio.create_task(asked.wait()), asyncio.create_task(app.fenced.wait())]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for one in waits:
        one.cancel()
    if app.fenced.is_set():
        log.error("fenced", why="another process has taken over this home")
        return 1
    return 0


def http_app(app: App) -> web.Application:
    http = web.Application(client_max_size=MAX_BODY, middlewares=[_errors])
    app.web.add_to(http)
    app.link.add_to(http)
    desk, callers = Operations(app.store, app.services), Callers(app.store, app.services)
    feed = Feed(app.store, lambda: app.services.url)
    edits = app.company_edits
    ApiRoutes(desk, callers, feed, edits).add_to(http)
    McpIngress(desk, callers, feed).add_to(http)
    signing_in = SigningIn(app.store, app.services, callers)
    signing_in.add_to(http)
    OAuthRoutes(
        app.store,
        app.services,
        callers,
        signing_in,
        Documents(app.settings.cimd_url),
        timedelta(seconds=app.settings.token_ttl),
    ).add_to(http)
    Pages(desk, callers, signing_in, app.web.play).add_to(http)
    FileRoutes(app.clock, app.services.secret, app.services.media).add_to(http)
    for platform in app.platforms:
        platform.add_to(http)

    teller = Teller(app.store, app.services, feed)

    async def start_teller(_http: web.Application) -> None:
        teller.start()

    async def stop_feed(_http: web.Application) -> None:
        await teller.stop()
        await feed.stop()

    http.on_startup.append(start_teller)

    http.on_cleanup.append(stop_feed)
    disk = DiskProbe(app)

    async def healthz(_request: web.Request) -> web.Response:
        return web.json_response({"ok": True})

    async def readyz(_request: web.Request) -> web.Response:
        health, state = app.services.health, dict[str, int]()
        try:
            async with asyncio.timeout(1.5):
                await app.store.write(lambda tx: None)
                state = await app.store.read(lambda session: _backlog(session, app.clock.now()))
                trouble = await disk.trouble()
        except (TimeoutError, TryLater) as error:
            trouble = str(error) or "the database is too slow"
        why = health["database"].ailment or trouble
        if why is not None:
            return web.json_response({"ready": False, "why": why, **state}, status=503)
        channels = {
            name: health[name].to_json() if name in health else {"state": "up"}
            for name in app.services.channels
            if name not in app.services.proved
        }
        return web.json_response(
            {
                "ready": True,
                "engine": app.services.understanding.name,
                **app.models_and_speech.state(),
                "channels": channels,
                **state,
            }
        )

    async def metrics(_request: web.Request) -> web.Response:
        import prometheus_client as prometheus

        state = await app.store.read(lambda session: _backlog(session, app.clock.now()))
        registry = prometheus.CollectorRegistry()
        for name, value in state.items():
            prometheus.Gauge(f"loopos_{name}", name.replace("_", " "), registry=registry).set(value)
        _channel_metrics(app, registry)
        _model_metrics(app, registry)
        _refusals(registry)
        prometheus.ProcessCollector(registry=registry)
        return web.Response(
            body=prometheus.generate_latest(registry), headers={"Content-Type": "text/plain; version=0.0.4"}
        )

    http.router.add_get("/healthz", healthz)
    http.router.add_get("/readyz", readyz)
    http.router.add_get("/metrics", metrics)
    return http


def _channel_metrics(app: App, registry: CollectorRegistry) -> None:
    """Per channel: whether it is well, and when it last heard, was pinged and delivered (seconds since 1970)."""
    from prometheus_client import Gauge

    well = Gauge("loopos_channel_up", "1 while the channel is well", ["channel"], registry=registry)
    last = Gauge(
        "loopos_channel_last_seconds", "when it last happened", ["channel", "what"], registry=registry
    )
    for name, health in app.services.health.items():
        well.labels(name).set(0 if health.ailment else 1)
        moments = {
            "inbound": health.last_inbound,
            "ping": health.last_ping,
            "delivered": health.last_delivered,
        }
        for what, moment in moments.items():
            if moment is not None:
                last.labels(name, what).set(moment.timestamp())


def _model_metrics(app: App, registry: CollectorRegistry) -> None:
    from prometheus_client import Gauge

    well = Gauge("loopos_model_up", "1 while a provider of models is asked", ["provider"], registry=registry)
    for name, one in app.models_and_speech.state()["models"].items():
        well.labels(name).set(1 if one["state"] == "ok" else 0)


def _refusals(registry: CollectorRegistry) -> None:
    from prometheus_client.core import CounterMetricFamily
    from prometheus_client.registry import Collector

    class Refusals(Collector):
        """Read when asked for: the tally belongs to whoever refuses."""

        def collect(self) -> Iterator[CounterMetricFamily]:
            family = CounterMetricFamily("loopos_refused", "what was refused", labels=["where", "why"])
            for (where, why), times in REFUSED.items():
                family.add_metric([where, why], times)
            yield family

    registry.register(Refusals())


def _backlog(session: Session, now: datetime) -> dict[str, int]:
    """What is waiting, for whoever watches."""

    def count(*where: ColumnElement[bool]) -> int:
        return session.scalar(select(func.count()).where(*where)) or 0

    return {
        "jobs_waiting": count(JobRow.id > 0),
        "inbox_waiting": count(InboxRow.status == InboxStatus.ACCEPTED),
        "inbox_quarantined": count(InboxRow.status == InboxStatus.QUARANTINED),
        "outbox_waiting": count(OutboxRow.status == OutboxStatus.PENDING),
        "outbox_dead": count(OutboxRow.status == OutboxStatus.DEAD),
        "timers_overdue": count(
            Deadline.fired_at.is_(None), Deadline.cancelled_at.is_(None), Deadline.due_at < now
        ),
    }


@web.middleware
async def _errors(request: web.Request, handler: object) -> web.StreamResponse:
    """No stack trace ever leaves the house: one log line, one plain sentence."""
    try:
        return await handler(request)  # type: ignore[operator,no-any-return]
    except web.HTTPException:
        raise
    except asyncio.CancelledError:
        raise
    except ConnectionResetError:
        if request.transport is not None:
            raise
        return web.Response(
            status=400
        )  # whoever sent it went away in the middle: nobody's error, and nobody reads this
    except web.RequestPayloadError as broken:
        raise web.HTTPBadRequest(text="The body breaks off.") from broken
    except Exception as error:
        log.error("request_failed", path=request.path, error=type(error).__name__, exc_info=error)
        return web.json_response({"error": "Something went wrong here. It is logged."}, status=500)


def run(settings: Settings) -> int:
    keep_private()
    with contextlib.suppress(KeyboardInterrupt):
        return asyncio.run(serve(settings))
    return 0
