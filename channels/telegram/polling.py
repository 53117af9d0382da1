"""Fetching updates where Telegram cannot reach us.

Over plain HTTP, not `Bot.get_updates`: the SDK raises for the whole batch if it cannot read one update (so that
one would stop all others for ever), and what is stored here must look as it does in a webhook."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any, Final

import aiohttp
import structlog

from channels.ingress import Ingress
from channels.pacing import Backoff
from channels.telegram.api import ALLOWED_UPDATES, CURE, DOWN_FOR, Answer, ask
from channels.telegram.parse import event_of
from core.clock import Clock
from core.errors import ChannelDown, TryLater

log = structlog.get_logger(__name__)

RIVAL: Final = (
    "Another process polls this bot, so updates are lost to it. Stop the other process, or give this one a bot "
    "and a TELEGRAM_BOT_TOKEN of its own."
)
HOOKED: Final = (
    "Another process has set a webhook for this bot. Stop it, or give this one a bot and a TELEGRAM_BOT_TOKEN of "
    "its own."
)


class Poller:
    def __init__(
        self,
        *,
        ingress: Ingress,
        clock: Clock,
        token: str,
        api_url: str,
        seconds: int,
        timeout: float,
        conflict_pause: float,
        first_wait: float,
    ) -> None:
        self._ingress = ingress
        self._clock = clock
        self._token = token
        self._api_url = api_url
        self._seconds = seconds
        self._timeout = timeout
        self._conflict_pause = timedelta(seconds=conflict_pause)
        self._backoff = Backoff(first_wait)
        self._hooked = True
        """A webhook may be set: then nothing can be polled."""
        self._offset: int | None = None
        self._trouble: str | None = None

    async def run(self) -> None:
        """Until cancelled. After any failure with fresh connections: an old one may hang for ever."""
        while True:
            async with aiohttp.ClientSession(trust_env=True) as session:
                try:
                    await self._listen(session)
                except TryLater as error:
                    wait = error.after
                except Exception as error:  # whatever it is: a channel that stops listening is worse
                    wait = self._backoff.next()
                    self._failing("Telegram cannot be reached; messages are fetched as soon as it can.")
                    log.warning("telegram_poll_failed", exc_info=error)
            await asyncio.sleep(wait.total_seconds())

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        if self._hooked:
            await self._call(session, "deleteWebhook", drop_pending_updates=False)
            self._hooked = False
        while True:
            await self._poll(session)

    async def _poll(self, session: aiohttp.ClientSession) -> None:
        """One answer: kept, and only then confirmed, by the next call's offset."""
        wanted: dict[str, Any] = {"timeout": self._seconds, "allowed_updates": ALLOWED_UPDATES}
        if self._offset is not None:
            wanted["offset"] = self._offset
        updates = await self._call(session, "getUpdates", **wanted)
        self._ingress.health.pinged()
        self._well()
        events, ids = [], []
        for update in updates:
            try:
                events.append(event_of(update, self._clock.now()))
                ids.append(update["update_id"])
            except (ValueError, AttributeError):
                log.warning("telegram_update_unreadable")
        if events:
            await self._ingress.take(events)
        # Without news the next call names no offset: ids restart lower after an idle week.
        self._offset = max(ids) + 1 if ids else None

    async def _call(self, session: aiohttp.ClientSession, method: str, **args: Any) -> Any:
        patience = self._timeout + (self._seconds if method == "getUpdates" else 0)
        answer = await ask(
            session, method, token=self._token, api_url=self._api_url, seconds=patience, **args
        )
        if answer.ok:
            self._backoff.reset()
            return answer.result
        raise self._refused(answer)

    def _refused(self, answer: Answer) -> TryLater:
        if answer.status == 409:
            self._hooked = "webhook" in answer.description
            self._failing(HOOKED if self._hooked else RIVAL, at_once=True)
            return TryLater("somebody else takes this bot's updates", self._conflict_pause)
        if answer.status in {401, 404}:
            self._failing(CURE, at_once=True)
            return ChannelDown(CURE, DOWN_FOR)
        if answer.retry_after is not None:
            return TryLater("Telegram asks us to slow down", answer.retry_after)
        self._failing(f"Telegram answers {answer.status}; messages are fetched as soon as it is well.")
        return TryLater("Telegram did not answer properly", self._backoff.next())

    def _failing(self, trouble: str, *, at_once: bool = False) -> None:
        self._trouble = trouble
        self._ingress.health.failing(trouble, at_once=at_once)

    def _well(self) -> None:
        """Only our own trouble is over: sending may fail while fetching works."""
        if self._trouble is not None and self._ingress.health.trouble == self._trouble:
            self._ingress.health.well()
        self._trouble = None
