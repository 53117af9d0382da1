"""Socket Mode: the same requests over a connection that we open, for a machine that nobody can reach from outside.

The SDK's client holds the connection (it answers pings and follows Slack's request to reconnect); this watches it, since
a connection can be deaf and look alive (W9), and acknowledges an envelope only once it is on disk."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import structlog

from channels.pacing import Backoff
from channels.slack.api import SlackApi
from channels.slack.reception import Reception
from core.clock import Clock
from core.errors import ChannelDown, GiveUp, TryLater
from core.health import Health

if TYPE_CHECKING:
    from slack_sdk.socket_mode.aiohttp import SocketModeClient
    from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
    from slack_sdk.socket_mode.request import SocketModeRequest

log = structlog.get_logger(__name__)

PING_EVERY: Final = 5.0
"""Seconds; after four without an answer the SDK calls the connection dead."""
GOODBYE: Final = 1.0
"""Seconds that the other side has to close a connection too."""
KINDS: Final = {"events_api", "interactive", "slash_commands"}


class Socket:
    """`connected` runs before a session is opened and returns what is to be done once Slack says hello."""

    def __init__(
        self,
        reception: Reception,
        api: SlackApi,
        clock: Clock,
        health: Health,
        connected: Callable[[], Awaitable[Callable[[], Awaitable[None]]]],
        *,
        timeout: float,
        ping_every: float = PING_EVERY,
    ) -> None:
        self._reception = reception
        self._api = api
        self._clock = clock
        self._health = health
        self._connected = connected
        self._timeout = timeout
        self._ping_every = ping_every
        self._backoff = Backoff()
        self._after_hello: Callable[[], Awaitable[None]] | None = None
        self._catching_up: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """One session after another, until cancelled."""
        while True:
            try:
                await self._session()
                log.info("slack_socket_renewed")
            except ChannelDown as down:
                self._health.failing(str(down), at_once=True)
                await asyncio.sleep(down.after.total_seconds())
            except (TryLater, GiveUp) as error:
                self._health.failing(f"Slack's socket cannot be opened: {error}")
                wait = error.after if isinstance(error, TryLater) else self._backoff.next()
                await asyncio.sleep(wait.total_seconds())

    async def _session(self) -> None:
        """Returns when the session has died."""
        self._after_hello = await self._connected()
        opened = await self._api.call("apps.connections.open")
        client = self._client(str(opened["url"]))
        try:
            # The SDK would try one dead address for ever; a new session gets a new one.
            async with asyncio.timeout(self._timeout):
                await client.connect()  # type: ignore[no-untyped-call]
            self._health.pinged()
            await self._watch(client)
        except TimeoutError as late:
            raise TryLater("Slack's socket did not open", self._backoff.next()) from late
        finally:
            await _close(client)

    def _client(self, url: str) -> SocketModeClient:
        from slack_sdk.socket_mode.aiohttp import SocketModeClient

        # The addresses and messages that the SDK logs let their reader speak for us.
        silent = logging.getLogger("channels.slack.socket")
        silent.setLevel(logging.CRITICAL + 1)
        client = SocketModeClient(
            self._api.token,
            logger=silent,
            web_client=self._api.sdk,
            auto_reconnect_enabled=False,
            ping_interval=self._ping_every,
        )
        client.wss_uri = url
        client.message_listeners.append(self._heard)
        client.socket_mode_request_listeners.append(self._envelope)
        return client

    async def _watch(self, client: SocketModeClient) -> None:
        last = client.last_ping_pong_time
        missed = 0
        while missed < 2 and not self._health.deaf:
            await asyncio.sleep(self._ping_every)
            if client.last_ping_pong_time not in {last, None}:
                last = client.last_ping_pong_time
                self._health.pinged()
            # Once can be Slack's own change of connection, which the SDK follows at once.
            missed = 0 if await client.is_connected() else missed + 1

    async def _heard(
        self, _client: AsyncBaseSocketModeClient, message: dict[str, Any], _raw: str | None = None
    ) -> None:
        self._health.pinged()
        if message.get("type") != "hello":
            return
        self._backoff.reset()
        self._health.well()
        after, self._after_hello = self._after_hello, None
        task = asyncio.create_task(self._catch_up(after))
        self._catching_up.add(task)
        task.add_done_callback(self._catching_up.discard)

    async def _catch_up(self, after: Callable[[], Awaitable[None]] | None) -> None:
        """`after` knows what had been heard before the session; within a session the gap is a moment."""
        try:
            await (after or await self._connected())()
        except Exception:
            log.exception("slack_not_caught_up")

    async def _envelope(self, client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        from slack_sdk.socket_mode.response import SocketModeResponse

        data = request.payload
        if request.type == "slash_commands":
            data = {**data, "type": "command"}
        answer = None
        if request.type in KINDS:
            try:
                answer = await self._reception.receive(data, self._clock.now())
            except TryLater as later:
                log.warning("slack_envelope_not_kept", reason=str(later))
                return  # unanswered: Slack sends it again
            except Exception:
                log.exception("slack_envelope_failed")
                return
        with contextlib.suppress(
            Exception
        ):  # the connection may be gone: Slack sends it again, and we know it
            await client.send_socket_mode_response(SocketModeResponse(request.envelope_id, answer))

    async def stop(self) -> None:
        for task in self._catching_up:
            task.cancel()
        await asyncio.gather(*self._catching_up, return_exceptions=True)


async def _close(client: SocketModeClient) -> None:
    """The SDK's close() waits long for the other side's goodbye, which a dead one never says."""
    client.closed = True
    tasks = [client.message_processor, client.message_receiver, client.current_session_monitor]
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    if client.current_session is not None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(GOODBYE):
                await client.current_session.close()
    await client.aiohttp_client_session.close()
