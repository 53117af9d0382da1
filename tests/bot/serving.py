"""The service behind its port, in this process, as the set-up commands meet it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from bot.app import App, build
from bot.serve import http_app
from bot.settings import Settings
from tests.platforms import RunningClock


@contextlib.asynccontextmanager
async def serving(settings: Settings, clock: RunningClock) -> AsyncIterator[App]:
    """Without the alarm and the watch: time passes when a test says so."""
    app = await build(settings, clock)
    runner = web.AppRunner(http_app(app), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", settings.port).start()
    await app.models_and_speech.start()
    await app.learning_sync.start()
    await app.jobs.start()
    for platform in app.platforms:
        await platform.start()
    try:
        yield app
    finally:
        await runner.cleanup()
        await app.stop()


async def settled(app: App) -> None:
    """Until nothing is owed at this moment."""
    for _ in range(3):
        await app.jobs.idle()
        await asyncio.sleep(0.01)
