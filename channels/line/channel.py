"""LINE behind the Platform port."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta, timezone
from importlib import import_module
from typing import Any, Final

import aiohttp
import structlog
from aiohttp import web

from channels.ingress import Ingress
from channels.line import draw, setup
from channels.line.api import Api, Declined, LineError, NotSent, Unclear
from channels.line.parse import EXTERNAL, NAME, conversation_of, parse
from channels.line.replies import VALID, Replies
from channels.line.webhook import PATH, Webhook
from channels.pacing import Backoff, rate_limiter
from core.clock import Clock
from core.errors import ChannelDown, GiveUp, LoopOSError, OutcomeUnknown, QuotaSpent, ShapeRefused, TryLater
from core.inbound import Inbound, RemoteFile
from core.media import MAX_BYTES
from core.ports import Attempt, Capabilities, Delivery, Sent

log = structlog.get_logger(__name__)

OnQuota = Callable[[int, int], Awaitable[None]]
"""Told (this month's messages, used) when they run low; it may be told again and again."""

_MONTHS_END: Final = timezone(timedelta(hours=9))
"""LINE counts by Japan's days."""
_SIGN_WITHIN: Final = 3.0
_LOADING: Final = 20
"""Seconds of "typing"; it ends at our first message."""
_CHUNK: Final = 64 * 1024
CALLS_PER_SECOND: Final = 500
"""LINE allows 2,000; we stay well below."""


class Line:
    """Answers with a reply token while one is fresh (free), pushes otherwise (counted).

    A push repeats safely under its retry key for 24 h. A reply has no such key, but its token works once: tried
    again, LINE's "invalid reply token" within its minute says that the first one arrived. Tokens are in memory: a
    process that dies between LINE's taking of a reply and our record of it pushes that answer once more."""

    name = NAME
    capabilities = Capabilities(
        edits=False, forms=False, together=draw.MAX_MESSAGES, settles=True, uploads=False
    )

    def __init__(
        self,
        *,
        ingress: Ingress,
        clock: Clock,
        channel_secret: str,
        access_token: str,
        api_url: str = setup.API_URL,
        data_url: str = setup.DATA_URL,
        base_url: str | None = None,
        menu: setup.Menu | None = None,
        on_quota: OnQuota | None = None,
        timeout: float = 10.0,
        calls_per_second: float = CALLS_PER_SECOND,
        watch_quota_every: timedelta = timedelta(hours=1),
    ) -> None:
        self.health = ingress.health
        self.quota_limit: int | None = None
        self.quota_used = 0
        self.user_id: str | None = None
        """The bot's own, once LINE has told."""
        self._clock = clock
        self._base_url = base_url
        self._menu = menu
        self._on_quota = on_quota
        self._watch_every = watch_quota_every
        self._api = Api(access_token, api_url, data_url, timeout)
        self._replies = Replies()
        self._backoff = Backoff()
        self._pace = Pace(calls_per_second)
        self._webhook = Webhook(ingress, channel_secret, lambda: self.user_id, self._heard)
        self._tasks: list[asyncio.Task[None]] = []

    # --- living

    def add_to(self, http: web.Application) -> None:
        http.router.add_post(PATH, self._webhook.take)

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(self._introduce()), asyncio.create_task(self._watch_quota())]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._api.close()

    async def _introduce(self) -> None:
        """Learn who we are, and tell LINE where we are. Tries until it is done."""
        patience, failed = Backoff(), False
        await asyncio.to_thread(import_module, "linebot.v3.messaging")  # seconds: nobody shall wait for them
        while True:
            try:
                self.user_id = (await self._api.call("get_bot_info")).user_id
                if self._base_url is not None:
                    await setup.register_webhook(self._api, self._base_url)
                    await setup.register_rich_menu(self._api, self._menu)
                if failed:
                    self.health.well()
                return
            except LineError as error:
                failed = True
                self._note(error)
                log.warning("line_not_registered", reason=str(error))
            await asyncio.sleep(patience.next().total_seconds())

    async def _watch_quota(self) -> None:
        while True:
            with suppress(LineError):
                await self.read_quota()
            await asyncio.sleep(self._watch_every.total_seconds())

    async def read_quota(self) -> None:
        """Ask LINE how many messages are left this month. Raises LineError."""
        self.quota_limit, self.quota_used = await setup.read_quota(self._api)
        if self._quota_is_low():
            await self._tell_quota()

    def quota(self) -> tuple[int | None, int]:
        """(this month's messages, how many are used); None: unlimited, or not known yet."""
        return self.quota_limit, self.quota_used

    def _quota_is_low(self) -> bool:
        return self.quota_limit is not None and self.quota_used >= setup.NEAR * self.quota_limit

    async def _tell_quota(self) -> None:
        if self._on_quota is not None and self.quota_limit is not None:
            try:
                await self._on_quota(self.quota_limit, self.quota_used)
            except Exception:
                log.exception("line_quota_not_told")

    # --- in

    async def route(self, payload: dict[str, Any]) -> Inbound | None:
        return self.parse(payload)

    def parse(self, payload: dict[str, Any]) -> Inbound | None:
        return parse(payload)

    def _heard(self, event: dict[str, Any]) -> None:
        self._replies.remember(event, self._clock.now())

    async def sign_of_life(self, payload: dict[str, Any]) -> None:
        """LINE's three dots; only for a message in a direct chat, and there is nothing else that LINE could show."""
        self._heard(payload)
        source = payload.get("source")
        if payload.get("type") != "message" or not isinstance(source, dict) or source.get("type") != "user":
            return
        from linebot.v3.messaging import ShowLoadingAnimationRequest  # type: ignore[import-untyped]

        dots = ShowLoadingAnimationRequest(chatId=conversation_of(payload), loadingSeconds=_LOADING)
        try:
            await self._api.call(
                "show_loading_animation", dots, _request_timeout=min(_SIGN_WITHIN, self._api.timeout)
            )
        except LineError as error:
            log.debug("line_no_sign_of_life", reason=str(error))

    async def display_name(self, sender: str, conversation_id: str) -> str:
        kinds = {"C": "get_group_member_profile", "R": "get_room_member_profile"}
        member = kinds.get(conversation_id[:1])
        asked = [member, conversation_id, sender] if member else ["get_profile", sender]
        try:
            profile = await self._api.call(*asked, _request_timeout=min(_SIGN_WITHIN, self._api.timeout))
        except LineError:
            return ""
        return str(profile.display_name)

    # --- files

    async def fetch(self, file: RemoteFile) -> AsyncIterator[bytes]:
        if file.ref == EXTERNAL or re.fullmatch(r"[0-9A-Za-z_-]+", file.ref) is None:
            raise GiveUp("foreign_host")
        size = 0
        try:
            async with self._api.download(f"/v2/bot/message/{file.ref}/content") as answer:
                await self._check_file(answer, file.ref)
                async for chunk in answer.content.iter_chunked(_CHUNK):
                    size += len(chunk)
                    if size > MAX_BYTES:
                        raise GiveUp("too_large")
                    yield chunk
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise TryLater(f"the file did not come ({type(error).__name__})", self._backoff.next()) from None
        self._backoff.reset()

    async def _check_file(self, answer: aiohttp.ClientResponse, message_id: str) -> None:
        """Raises GiveUp, TryLater or ChannelDown unless the file comes now."""
        status = answer.status
        if status == 200:
            if (answer.content_length or 0) > MAX_BYTES:
                raise GiveUp("too_large")
            return
        if status == 202:
            # A film or a voice message that LINE is still preparing, or could not prepare.
            with suppress(LineError):
                state = await self._api.call_blob("get_message_content_transcoding_by_message_id", message_id)
                if state.status == "failed":
                    raise GiveUp("gone")
            raise TryLater("LINE is still preparing the file", timedelta(seconds=1))
        if 300 <= status < 400:
            raise GiveUp("foreign_host")
        if status in {401, 403}:
            self.health.failing(setup.CURE, at_once=True)
            raise ChannelDown(setup.CURE, timedelta(seconds=60))
        if status == 429 or status >= 500:
            raise TryLater(f"LINE answers {status}", self._backoff.next())
        raise GiveUp("gone")

    # --- out

    async def pace(self, conversation_id: str) -> None:
        """LINE limits the whole channel, not a conversation."""
        await self._pace.wait()

    async def send(self, deliveries: Sequence[Delivery], attempt: Attempt) -> list[Sent]:
        if any(one.message_ref is not None for one in deliveries):
            raise GiveUp("LINE cannot change a message")
        where = deliveries[0].conversation_id
        messages, firsts = draw.messages(deliveries)
        names = await self._reply(where, messages, attempt)
        if names is None:
            names = await self._push(where, messages, attempt)
        self._backoff.reset()
        self.health.delivered()
        # A name of our own where LINE gave none: nothing refers to it.
        return [Sent(names[n] if n < len(names) else f"{attempt.key}:{n}") for n in firsts]

    async def _reply(self, where: str, messages: list[dict[str, Any]], attempt: Attempt) -> list[str] | None:
        """The names of the messages, for nothing; None where it cannot be done this way."""
        now, key = self._clock.now(), attempt.key
        begun = self._replies.begin(key, where, now, first=attempt.since is None)
        if begun is None:
            return None
        token, again = begun
        try:
            names = await self._api.reply(token.text, messages)
        except Declined as error:
            if error.reply_token_invalid:
                self._replies.done(key)
                # Nobody else has it: within its minute it can only have been used by our first try.
                return [] if again and now - token.at <= VALID else None
            if error.status < 500 and not again:
                if error.status == 429:
                    self._replies.unused(key, where)
                else:
                    self._replies.done(key)
            raise self._failed(error, unsure=again) from None
        except NotSent as error:
            if not again:
                self._replies.unused(key, where)
            raise self._failed(error, unsure=again) from None
        except LineError as error:
            raise self._failed(error, unsure=True) from None
        self._replies.done(key)
        return names

    async def _push(self, where: str, messages: list[dict[str, Any]], attempt: Attempt) -> list[str]:
        try:
            names = await self._api.push(where, messages, attempt.key)
        except Declined as error:
            if error.status == 409:
                return error.sent or [error.accepted or attempt.key]
            raise self._failed(error, unsure=attempt.since is not None) from None
        except LineError as error:
            raise self._failed(error, unsure=attempt.since is not None) from None
        low = self._quota_is_low()
        self.quota_used += 1
        if self._quota_is_low() and not low:
            await self._tell_quota()
        return names

    def _failed(self, error: LineError, *, unsure: bool) -> LoopOSError:
        """What the core is to do. `unsure`: an earlier try may have arrived, whatever happened to this one."""
        self._note(error)
        if isinstance(error, Declined):
            if error.token_refused:
                return ChannelDown(setup.CURE, timedelta(seconds=60))
            if error.quota_spent:
                month = self._clock.now().astimezone(_MONTHS_END)
                return QuotaSpent("LINE's messages of this month are used up", f"line_quota:{month:%Y-%m}")
            if error.status == 429:
                wait = error.after or self._backoff.next()
                self._pace.pause(wait)
                return (OutcomeUnknown if unsure else TryLater)("LINE asks to slow down", wait)
            if error.status < 500:
                misshapen = error.status == 400 and (
                    "body has" in error.message or "messages[" in error.message
                )
                return (ShapeRefused if misshapen else GiveUp)(f"LINE refuses it: {error.message}")
        unknown = unsure or isinstance(error, Unclear | Declined)
        return (OutcomeUnknown if unknown else TryLater)(f"LINE: {error}", self._backoff.next())

    def _note(self, error: LineError) -> None:
        """Keep in health what is the platform's trouble, not that of one message."""
        if not isinstance(error, Declined) or error.status >= 500 or error.status == 429:
            self.health.failing(f"LINE: {error}")
        elif error.token_refused:
            self.health.failing(setup.CURE, at_once=True)


class Pace:
    """At most so many calls in any second, and none while LINE has asked to slow down."""

    def __init__(self, per_second: float) -> None:
        self._limiter = rate_limiter(per_second, 1.0)
        self._not_before = 0.0

    def pause(self, wait: timedelta) -> None:
        self._not_before = max(self._not_before, time.monotonic() + wait.total_seconds())

    async def wait(self) -> None:
        await asyncio.sleep(max(0.0, self._not_before - time.monotonic()))
        await self._limiter.acquire()
