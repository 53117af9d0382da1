"""Slack behind the Channel port."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final

import structlog
from aiohttp import web

from channels.ingress import Ingress
from channels.pacing import Backoff, Limits, rate_limiter
from channels.slack import backfill, draw, files, upload
from channels.slack.addresses import Place, place_of, ref, split_ref
from channels.slack.api import API_URL, LONGEST_WAIT, Limited, Reply, SlackApi, identify, messages
from channels.slack.parse import CHANNEL, parse
from channels.slack.reception import Reception
from channels.slack.routing import bolt_app, route
from channels.slack.socketmode import PING_EVERY, Socket
from channels.slack.webhook import PATH, Webhook
from core.clock import Clock, host_seconds
from core.errors import ChannelDown, GiveUp, TryLater
from core.inbound import Inbound, Message, RemoteFile
from core.ports import Attempt, Capabilities, Delivery, Outgoing, Sent

log = structlog.get_logger(__name__)

EVENT_TYPE: Final = "loopos_delivery"
LOOK_BACK: Final = 300.0
"""Seconds before an unknown attempt: Slack's clock and ours need not agree."""
SOON: Final = 3.0
"""Seconds that a sign of life or a name may take."""


class Slack:
    name = CHANNEL
    capabilities = Capabilities(edits=True, forms=True, together=1, settles=True)

    def __init__(
        self,
        *,
        ingress: Ingress,
        clock: Clock,
        bot_token: str,
        signing_secret: str | None,
        app_token: str | None = None,
        api_url: str = API_URL,
        timeout: float = 10.0,
        per_channel: tuple[float, float] = (1, 1.0),
        overall: tuple[float, float] = (300, 60.0),
        ping_every: float = PING_EVERY,
    ) -> None:
        """`per_channel` and `overall`: messages per seconds. Slack allows one a second in a channel and "several
        hundred a minute" in a workspace (https://docs.slack.dev/apis/web-api/rate-limits)."""
        self.health = ingress.health
        self._ingress = ingress
        self._clock = clock
        self._timeout = timeout
        self._api = SlackApi(bot_token, api_url=api_url, timeout=timeout, saw_date=self.health.saw_date)
        self._app_api = (
            SlackApi(app_token, variable="SLACK_APP_TOKEN", api_url=api_url, timeout=timeout)
            if app_token
            else None
        )
        self._ping_every = ping_every
        self._reception = Reception(ingress, self._api)
        self._webhook = Webhook(self._reception, clock, signing_secret)
        self.bolt = bolt_app()
        self._direct: dict[str, str] = {}
        """Person -> their direct channel with us."""
        self._limits = Limits(*per_channel)
        self._overall = rate_limiter(*overall)
        self._life: asyncio.Task[None] | None = None

    # --- life

    def add_to(self, http: web.Application) -> None:
        http.router.add_post(PATH, self._webhook.handle)

    async def start(self) -> None:
        self._life = asyncio.create_task(self._live(), name="slack")

    async def stop(self) -> None:
        if self._life is not None:
            self._life.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._life
        await self._reception.stop()
        for api in (self._api, self._app_api):
            if api is not None:
                await api.close()

    async def _live(self) -> None:
        while True:
            try:
                return await self._begin()
            except Exception:
                log.exception("slack_stumbled")
                await asyncio.sleep(LONGEST_WAIT)

    async def _begin(self) -> None:
        """Learn who we are, catch up, and with an app token hold the socket."""
        catch_up = await self._heard_so_far()
        await self._learn()
        if self._app_api is None:
            return await catch_up()
        socket = Socket(
            self._reception,
            self._app_api,
            self._clock,
            self.health,
            self._heard_so_far,
            timeout=self._timeout,
            ping_every=self._ping_every,
        )
        try:
            await socket.run()
        finally:
            await socket.stop()

    async def _learn(self) -> None:
        backoff = Backoff()
        while self._reception.me is None:
            try:
                self._reception.me = await identify(self._api)
                self.health.well()
            except (TryLater, GiveUp, KeyError) as error:
                self.health.failing(str(error), at_once=isinstance(error, ChannelDown))
                wait = error.after if isinstance(error, TryLater) else backoff.next()
                await asyncio.sleep(wait.total_seconds())

    async def _heard_so_far(self) -> Callable[[], Awaitable[None]]:
        """Note until when nothing is missing, before anything new comes in; returns what reads the rest."""
        seen = await self._ingress.seen(self._clock.now() - backfill.LOOKED_AFTER)

        async def catch_up() -> None:
            while self._reception.me is not None:
                try:
                    await backfill.catch_up(self._api, self._ingress, self._reception.me, seen)
                    return
                except TryLater as error:
                    log.warning("slack_not_caught_up", reason=str(error))
                    self.health.failing(str(error), at_once=isinstance(error, ChannelDown))
                    await asyncio.sleep(error.after.total_seconds())

        return catch_up

    # --- in

    async def route(self, payload: dict[str, Any]) -> Inbound | None:
        return await route(self.bolt, payload)

    def parse(self, payload: dict[str, Any]) -> Message | None:
        return parse(payload)

    async def sign_of_life(self, payload: dict[str, Any]) -> None:
        """Eyes on a message to us, not on what others talk about. A tap needs nothing: the 200 ended its spinner."""
        said = parse(payload)
        if said is None or payload.get("type") != "event_callback" or not said.addressed:
            return
        channel, ts = split_ref(said.message_id)
        try:
            async with asyncio.timeout(SOON):
                await self._api.call("reactions.add", {"channel": channel, "timestamp": ts, "name": "eyes"})
        except Exception as error:
            log.debug("slack_no_reaction", reason=str(error))

    def fetch(self, file: RemoteFile) -> AsyncIterator[bytes]:
        return files.fetch(self._api, file)

    async def display_name(self, sender: str, conversation_id: str) -> str:
        try:
            async with asyncio.timeout(SOON):
                user = (await self._api.call("users.info", {"user": sender}, get=True))["user"]
            profile = user.get("profile", {})
            return str(profile.get("display_name") or profile.get("real_name") or user.get("name") or "")
        except Exception as error:
            log.debug("slack_no_name", reason=str(error))
            return ""

    # --- out

    async def pace(self, conversation_id: str) -> None:
        """The limit is per channel: the threads of a room share it."""
        await self._limits.acquire(place_of(conversation_id).id)
        await self._overall.acquire()

    async def send(self, deliveries: Sequence[Delivery], attempt: Attempt) -> list[Sent]:
        try:
            sent = [Sent(await self._send(one, attempt)) for one in deliveries]
        except Limited:
            raise
        except ChannelDown as down:
            self.health.failing(str(down), at_once=True)
            raise
        except TryLater as later:
            self.health.failing(str(later))
            raise
        self.health.delivered()
        return sent

    async def _send(self, delivery: Delivery, attempt: Attempt) -> str:
        place = place_of(delivery.conversation_id)
        if delivery.file is not None:
            return await self._bring(place, delivery.file, attempt)
        if place.kind == "home":
            return await self._publish(place, delivery)
        body = _body(delivery)
        if delivery.message_ref is not None:
            channel, ts = split_ref(delivery.message_ref)
            await self._api.call("chat.update", {"channel": channel, "ts": ts, **body})
            return delivery.message_ref
        if delivery.quiet and delivery.only_for and place.kind == "room":
            return await self._whisper(place, delivery.only_for, body, attempt)
        return await self._post(place, body, attempt)

    async def _post(self, place: Place, body: Reply, attempt: Attempt) -> str:
        channel = await self._channel_of(place)
        thread = {"thread_ts": place.thread} if place.thread else {}

        def left(message: Reply) -> bool:
            metadata = message.get("metadata") or {}
            return bool(
                metadata.get("event_type") == EVENT_TYPE
                and metadata["event_payload"].get("key") == attempt.key
            )

        if found := await self._find(channel, place.thread, attempt, left):
            return ref(channel, found)
        message = {
            "channel": channel,
            "metadata": {"event_type": EVENT_TYPE, "event_payload": {"key": attempt.key}},
            "unfurl_links": False,
            "unfurl_media": False,
            **thread,
            **body,
        }
        posted = await self._api.call("chat.postMessage", message, repeatable=False)
        return ref(str(posted["channel"]), str(posted["ts"]))

    async def _bring(self, place: Place, file: Outgoing, attempt: Attempt) -> str:
        """A Home tab holds no files: they go to the person."""
        channel = await self._channel_of(place)
        if found := await self._find(
            channel, place.thread, attempt, lambda message: upload.left_by(message, file, attempt.key)
        ):
            return ref(channel, found)
        file_id = await upload.upload(self._api, file, attempt.key)
        await upload.show(self._api, file_id, file, channel=channel, thread=place.thread)
        return ref(channel, file_id)  # Slack does not say what the message is called: nothing refers to it

    async def _channel_of(self, place: Place) -> str:
        return place.id if place.kind == "room" else await self._direct_channel(place.id)

    async def _find(
        self, channel: str, thread: str | None, attempt: Attempt, left: Callable[[Reply], bool]
    ) -> str | None:
        """The message that an earlier attempt left, if there was one."""
        if attempt.since is None:
            return None
        oldest = host_seconds(attempt.since) - LOOK_BACK
        async for message in messages(self._api, channel, oldest, thread=thread, metadata=True):
            if left(message):
                return str(message["ts"])
        return None

    async def _whisper(self, place: Place, person: str, body: Reply, attempt: Attempt) -> str:
        if attempt.since is not None:
            # It is in no history, and Slack itself does not promise to show one: rather none than two.
            return ref(place.id, "")
        thread = {"thread_ts": place.thread} if place.thread else {}
        remark = {"channel": place.id, "user": person, **thread, **body}
        said = await self._api.call("chat.postEphemeral", remark, repeatable=False)
        return ref(place.id, str(said["message_ts"]))

    async def _publish(self, place: Place, delivery: Delivery) -> str:
        card, text = delivery.card, delivery.text or ""
        blocks = draw.card_blocks(card, draw.MAX_HOME_BLOCKS) if card else draw.text_blocks(text)
        published = await self._api.call("views.publish", {"user_id": place.id, "view": draw.home(blocks)})
        return ref(place.id, str(published["view"]["id"]))

    async def _direct_channel(self, person: str) -> str:
        if person not in self._direct:
            opened = await self._api.call("conversations.open", {"users": person})
            self._direct[person] = str(opened["channel"]["id"])
        return self._direct[person]


def _body(delivery: Delivery) -> Reply:
    """What is shown, and as `text` what a notification says of it."""
    if delivery.card is not None:
        return {"blocks": draw.card_blocks(delivery.card), "text": draw.fallback(delivery.card)}
    text = delivery.text or ""
    if delivery.bare:
        return {"text": draw.fit(text, draw.MAX_TEXT)}
    return {"blocks": draw.text_blocks(text), "text": draw.fit(text, draw.SECTION)}
