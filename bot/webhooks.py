"""Tells addresses outside of every change, in order and signed; what they do not take is tried again for a day."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

import aiohttp
import structlog

from core.access import webhooks
from core.clients.feed import Change, Feed
from core.context import Services, Store
from core.errors import TryLater
from core.store.client_tables import Webhook
from core.store.unit import Fenced

log = structlog.get_logger(__name__)

LOOK_EVERY: Final = 2.0
"""Seconds until an address that was added beside the service is noticed."""
WITHIN: Final = 10.0
FIRST_REST: Final = 1.0
MAX_REST: Final = 600.0
"""Seconds between two tries, at most."""
PIECE: Final = 50


class Teller:
    """One task for each address, so that a slow one holds up no other. One per process."""

    def __init__(self, store: Store, services: Services, feed: Feed) -> None:
        self._store = store
        self._services = services
        self._feed = feed
        self._telling: dict[str, asyncio.Task[None]] = {}
        self._loop: asyncio.Task[None] | None = None
        self._http: aiohttp.ClientSession | None = None

    def start(self) -> None:
        self._loop = asyncio.create_task(self._run(), name="webhooks")

    async def stop(self) -> None:
        tasks = [*self._telling.values(), *([self._loop] if self._loop is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.close()

    async def _run(self) -> None:
        while True:
            try:
                there = {one.id: one for one in await self._store.read(webhooks.listed)}
                for name in self._telling.keys() - there.keys():
                    self._telling.pop(name).cancel()
                for name, hook in there.items():
                    if name not in self._telling or self._telling[name].done():
                        self._telling[name] = asyncio.create_task(self._tell(hook), name=f"webhook:{name}")
            except TryLater as later:
                log.warning("webhooks_wait", reason=str(later))
            except Fenced:
                return
            await asyncio.sleep(LOOK_EVERY)

    async def _tell(self, hook: Webhook) -> None:
        try:
            await self._tell_all(hook)
        except (TryLater, Fenced) as later:
            log.warning("webhook_waits", webhook=hook.id, reason=str(later))
        except Exception:  # a fault of ours: the others go on, and it is not run into every two seconds
            log.exception("webhook_stopped", webhook=hook.id)
            await asyncio.sleep(MAX_REST)

    async def _tell_all(self, hook: Webhook) -> None:
        at = hook.told_up_to
        watcher = await self._feed.watch()
        try:
            while True:
                watcher.take()
                watcher.overrun = False
                changes = await self._feed.after(at, PIECE)
                for change in changes:
                    await self._bring(hook, change)
                    at = change.cursor
                if changes:
                    await self._store.write(partial(webhooks.taken, webhook_id=hook.id, cursor=at))
                else:
                    await watcher.more.wait()
        finally:
            self._feed.leave(watcher)

    async def _bring(self, hook: Webhook, change: Change) -> None:
        """Returns once it was taken, or a day has passed."""
        body, rest = change.text.encode(), FIRST_REST
        while not await self._post(hook, body):
            await self._store.write(partial(webhooks.failed, webhook_id=hook.id, cursor=change.cursor))
            row = await self._store.read(lambda session: session.get(Webhook, hook.id))
            if row is None or row.told_up_to >= change.cursor:
                return
            await asyncio.sleep(rest)
            rest = min(rest * 2, MAX_REST)

    async def _post(self, hook: Webhook, body: bytes) -> bool:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WITHIN))
        headers = {
            "Content-Type": "application/json",
            "X-LoopOS-Signature": webhooks.signature(hook.secret, body, self._services.clock.now()),
        }
        try:
            async with self._http.post(hook.url, data=body, headers=headers, allow_redirects=False) as answer:
                return 200 <= answer.status < 300
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            log.info("webhook_not_taken", error=type(error).__name__)
            return False
