"""Telegram behind the Channel port."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

import structlog
from aiohttp import web
from telegram import (
    Bot,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    ReplyParameters,
)
from telegram.constants import ParseMode
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from channels.ingress import Ingress
from channels.pacing import Backoff, Limits, rate_limiter
from channels.telegram import draw, files, uploads, webhook
from channels.telegram.acknowledgements import SIGN_WITHIN, Signs, remember
from channels.telegram.api import (
    API_URL,
    CURE,
    ask,
    is_unchanged,
    new_bot,
    next_step,
    secret_for,
    wait_of,
)
from channels.telegram.parse import NAME, me_of, moved_event, parse
from channels.telegram.polling import Poller
from channels.telegram.setup import Menu, hook_refused, set_menu, set_webhook
from channels.telegram.watch import EVERY, watch
from core.clock import Clock
from core.errors import ChannelDown, GiveUp, LoopOSError, TryLater
from core.inbound import Inbound, RemoteFile
from core.ports import Attempt, Capabilities, Delivery, Sent
from core.text import escape

log = structlog.get_logger(__name__)

MAX_ALERT: Final = 200
_NO_PREVIEW: Final = LinkPreviewOptions(is_disabled=True)


@dataclass(frozen=True, slots=True)
class _Place:
    """A conversation as the API wants it."""

    chat: int
    thread: int | None

    @property
    def is_group(self) -> bool:
        return self.chat < 0


class Telegram:
    name = NAME
    capabilities = Capabilities(edits=True, forms=False, together=1, settles=False)

    def __init__(
        self,
        *,
        ingress: Ingress,
        clock: Clock,
        token: str,
        api_url: str = API_URL,
        webhook_secret: str | None = None,
        base_url: str | None = None,
        menu: Menu | None = None,
        timeout: float = 10.0,
        poll_seconds: int = 25,
        conflict_pause: float = 60.0,
        hold_taps: float = 2.5,
        first_wait: float = 1.0,
        watch_every: float = EVERY,
        overall: tuple[float, float] = (30, 1.0),
        per_chat: tuple[float, float] = (1, 1.0),
        per_group: tuple[float, float] = (20, 60.0),
    ) -> None:
        """Without `base_url` updates are polled for. `hold_taps`: seconds for which a tap in a group waits for
        what is said to that person alone. `first_wait`: seconds after the first failure; `watch_every`: between
        two looks at the webhook. The limits are (calls, seconds)."""
        self.health = ingress.health
        self._ingress = ingress
        self._clock = clock
        self._token = token
        self._api_url = api_url.rstrip("/")
        self._secret = webhook_secret or secret_for(token)
        self._base_url = base_url
        self._menu = menu
        self._timeout = timeout
        self._poll_seconds = poll_seconds
        self._conflict_pause = conflict_pause
        self._me = me_of(token)
        self._client: tuple[Bot, HTTPXRequest] | None = None
        self._first_wait = first_wait
        self._watch_every = watch_every
        self._backoff = Backoff(first_wait)
        self._overall = rate_limiter(*overall)
        self._per_chat, self._per_group = Limits(*per_chat), Limits(*per_group)
        self._paused: dict[int, datetime] = {}
        self._moved: dict[int, int] = {}
        self._parts: OrderedDict[str, list[int]] = OrderedDict()
        """By attempt key: which messages of a text in several parts have gone already."""
        self._signs = Signs(self._spawn, hold_taps)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def _bot(self) -> Bot:
        if self._client is None:
            self._client = new_bot(self._token, self._api_url, self._timeout)
        return self._client[0]

    # --- in

    async def route(self, payload: dict[str, Any]) -> Inbound | None:
        return self.parse(payload)

    def parse(self, payload: dict[str, Any]) -> Inbound | None:
        return parse(payload, self._me)

    def add_to(self, http: web.Application) -> None:
        if self._base_url is not None:
            webhook.add_to(http, self._ingress, self._clock, self._secret)

    async def start(self) -> None:
        self._spawn(self._introduce())
        if self._base_url is not None:
            asking = partial(ask, token=self._token, api_url=self._api_url, seconds=self._timeout)
            self._spawn(watch(self.health, self._clock, asking, self._base_url, self._watch_every))
            return
        poller = Poller(
            ingress=self._ingress,
            clock=self._clock,
            token=self._token,
            api_url=self._api_url,
            seconds=self._poll_seconds,
            timeout=self._timeout,
            conflict_pause=self._conflict_pause,
            first_wait=self._first_wait,
        )
        self._spawn(poller.run())

    async def stop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            await self._client[1].shutdown()
            self._client = None

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _introduce(self) -> None:
        """Learn our name, say where we listen and what we understand; as often as it takes."""
        backoff = Backoff(self._first_wait)
        while True:
            try:
                me = await self._bot.get_me()
                self._me = replace(self._me, id=me.id, username=me.username)
                if self._base_url is not None:
                    await set_webhook(self._bot, self._base_url, self._secret)
                if self._menu is not None:
                    await set_menu(self._bot, self._menu)
            except InvalidToken:
                self.health.failing(CURE, at_once=True)
            except BadRequest as error:
                self.health.failing(hook_refused(error), at_once=True)
            except TelegramError as error:
                self.health.failing("Telegram cannot be reached; the start is tried again.")
                log.info("telegram_start_failed", error=type(error).__name__)
            else:
                if backoff.failures:
                    self.health.well()
                return
            await asyncio.sleep(backoff.next().total_seconds())

    # --- out

    async def pace(self, conversation_id: str) -> None:
        chat = conversation_id.partition(":")[0]
        await (self._per_group if chat.startswith("-") else self._per_chat).acquire(chat)
        await self._overall.acquire()

    async def send(self, deliveries: Sequence[Delivery], attempt: Attempt) -> list[Sent]:
        (delivery,) = deliveries
        place = self._place(delivery)
        try:
            sent = await self._bring(delivery, place, attempt.key)
        except TelegramError as error:
            failed = await self._failed(error, delivery, place)
            if isinstance(failed, GiveUp):
                self._parts.pop(attempt.key, None)
            raise failed from None  # the cause may hold a URL, and so the token
        self._backoff.reset()
        self.health.delivered()
        return [sent]

    def _place(self, delivery: Delivery) -> _Place:
        """Raises GiveUp for what is no chat of Telegram's, TryLater while the chat is to be left in peace."""
        chat_id, _, thread = delivery.conversation_id.partition(":")
        try:
            chat, topic = int(chat_id), int(thread) if thread else None
        except ValueError:
            raise GiveUp("Telegram: not a chat id") from None
        if chat in self._moved:
            if delivery.message_ref is not None:
                # Numbers begin anew in the supergroup: the old one may name another message there.
                raise GiveUp("Telegram: the group moved, its messages cannot be changed any more")
            chat = self._moved[chat]
        until = self._paused.get(chat)
        if until is not None:
            left = until - self._clock.now()
            if left > timedelta(0):
                raise TryLater("Telegram asks us to leave this chat in peace", left)
            del self._paused[chat]
        return _Place(chat, topic)

    async def _failed(self, error: TelegramError, delivery: Delivery, place: _Place) -> LoopOSError:
        if isinstance(error, ChatMigrated):
            now = self._clock.now()
            await self._ingress.take([moved_event(place.chat, error.new_chat_id, now)])
            self._moved[place.chat] = error.new_chat_id
            return TryLater("the group has a new id", timedelta(seconds=1))
        if isinstance(error, RetryAfter):
            self._paused[place.chat] = self._clock.now() + wait_of(error)
            return next_step(error, repeatable=False, after=timedelta(0))
        if isinstance(error, (BadRequest, Forbidden)):
            return next_step(error, repeatable=False, after=timedelta(0))  # Telegram is well
        if isinstance(error, InvalidToken):
            self.health.failing(CURE, at_once=True)
        step = next_step(error, repeatable=delivery.message_ref is not None, after=self._backoff.next())
        if isinstance(step, TryLater) and not isinstance(step, ChannelDown):
            self.health.failing("Telegram does not answer; messages wait until it does.")
        return step

    async def _bring(self, delivery: Delivery, place: _Place, key: str) -> Sent:
        if delivery.message_ref is not None:
            return await self._edit(delivery, place, delivery.message_ref)
        if delivery.card is not None:
            return await self._post_card(delivery, place)
        if delivery.file is not None:
            shown = await uploads.post(self._bot, delivery.file, place.chat, place.thread)
            return Sent(str(shown.message_id))
        return await self._alert(delivery) or await self._post_text(delivery, place, key)

    async def _edit(self, delivery: Delivery, place: _Place, ref: str) -> Sent:
        if not ref.isdecimal():
            raise GiveUp("Telegram: this message cannot be changed")
        drawing = draw.draw(delivery.card) if delivery.card is not None else draw.plain(delivery.text or "")
        try:
            await self._bot.edit_message_text(
                drawing.html,
                chat_id=place.chat,
                message_id=int(ref),
                parse_mode=ParseMode.HTML,
                link_preview_options=_NO_PREVIEW,
                reply_markup=_keyboard(drawing.rows),
            )
        except BadRequest as error:
            if not is_unchanged(error):
                raise
        return Sent(ref)

    async def _post_card(self, delivery: Delivery, place: _Place) -> Sent:
        assert delivery.card is not None
        drawing = draw.draw(delivery.card)
        answers = self._answers(delivery)
        markup: InlineKeyboardMarkup | ForceReply | None = _keyboard(drawing.rows)
        # In a group the field opens only for whom the message answers. What opened one can never be edited
        # (github.com/tdlib/td/issues/3196).
        if drawing.asks and (answers is not None or not place.is_group):
            markup = ForceReply(selective=place.is_group, input_field_placeholder=drawing.asks)
        message = await self._bot.send_message(
            place.chat,
            drawing.html,
            parse_mode=ParseMode.HTML,
            message_thread_id=place.thread,
            link_preview_options=_NO_PREVIEW,
            disable_notification=delivery.quiet,
            reply_parameters=answers,
            reply_markup=markup,
        )
        return Sent(str(message.message_id))

    async def _post_text(self, delivery: Delivery, place: _Place, key: str) -> Sent:
        """In as many messages as it takes; the first one names them all. A repeat goes on where it stopped."""
        parts = draw.split(delivery.text or "")
        gone = self._parts.get(key, [])
        for part in parts[len(gone) :]:
            if gone:
                remember(self._parts, key, gone)
                await self.pace(delivery.conversation_id)
            message = await self._bot.send_message(
                place.chat,
                part,
                message_thread_id=place.thread,
                link_preview_options=_NO_PREVIEW,
                disable_notification=delivery.quiet,
                reply_parameters=None if gone else self._answers(delivery),
            )
            gone.append(message.message_id)
        self._parts.pop(key, None)
        return Sent(str(gone[0]))

    def _answers(self, delivery: Delivery) -> ReplyParameters | None:
        """A remark to one person, where others read along, answers what they said last."""
        if delivery.only_for is None or not delivery.conversation_id.startswith("-"):
            return None
        heard = self._signs.last_words(delivery.conversation_id, delivery.only_for)
        return None if heard is None else ReplyParameters(heard, allow_sending_without_reply=True)

    async def _alert(self, delivery: Delivery) -> Sent | None:
        """In a group, the answer to a tap that only its sender sees; None where there is no tap to answer."""
        text = draw.safe(delivery.text or "").strip()
        if not delivery.quiet or delivery.only_for is None or not 0 < draw.units(text) <= MAX_ALERT:
            return None
        query = self._signs.take_tap(delivery.conversation_id, delivery.only_for)
        if query is None:
            return None
        try:
            await self._bot.answer_callback_query(query, text, show_alert=True)
        except BadRequest:
            return None  # too old by now: it is said in the chat
        return Sent(f"alert:{query}")

    async def sign_of_life(self, payload: dict[str, Any]) -> None:
        await self._signs.show(self._bot, self.parse(payload), payload)

    # --- files and names

    async def fetch(self, file: RemoteFile) -> AsyncIterator[bytes]:
        async for chunk in files.fetch(
            self._bot, file, f"{self._api_url}/file/bot{self._token}", self._timeout
        ):
            yield chunk

    async def display_name(self, sender: str, conversation_id: str) -> str:
        try:
            async with asyncio.timeout(SIGN_WITHIN):
                chat = int(conversation_id.partition(":")[0])
                if chat < 0:
                    member = await self._bot.get_chat_member(chat, int(sender))
                    return escape(member.user.full_name)
                found = await self._bot.get_chat(int(sender))
                return escape(found.full_name or "")
        except Exception as error:
            log.debug("telegram_no_name", error=type(error).__name__)
            return ""


def _keyboard(rows: draw.Rows) -> InlineKeyboardMarkup | None:
    if not rows:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(label, callback_data=button_id) for label, button_id in row] for row in rows]
    )
