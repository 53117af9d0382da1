"""Showing at once that something was seen, and keeping a tap open for what is said to its sender alone."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

import structlog
from telegram import Bot
from telegram.constants import ChatAction
from telegram.error import BadRequest, TelegramError

from core.inbound import Inbound, Message, Tap

log = structlog.get_logger(__name__)

SIGN_WITHIN: Final = 3.0
_REMEMBERED: Final = 1000

K = TypeVar("K")
V = TypeVar("V")
Who = tuple[str, str]
"""(conversation, person)"""


class Signs:
    """In a group a tap's answer is the one thing that only its sender sees, and it can be given once: so it waits
    `hold_taps` seconds for words before it is given empty."""

    def __init__(self, spawn: Callable[[Coroutine[Any, Any, None]], None], hold_taps: float) -> None:
        self._spawn = spawn
        self._hold_taps = hold_taps
        self._held: dict[Who, str] = {}
        self._heard: OrderedDict[Who, int] = OrderedDict()

    def take_tap(self, conversation_id: str, person: str) -> str | None:
        """The tap of `person` that still waits for its answer; whoever takes it has to answer."""
        return self._held.pop((conversation_id, person), None)

    def last_words(self, conversation_id: str, person: str) -> int | None:
        """The newest message of `person` there: what a remark to that person answers."""
        return self._heard.get((conversation_id, person))

    async def show(self, bot: Bot, inbound: Inbound | None, payload: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(SIGN_WITHIN):
                match inbound:
                    case Message(addressed=True):
                        await self._react(bot, inbound)
                    case Tap():
                        await self._answer(bot, inbound, str(payload["callback_query"]["id"]))
        except Exception as error:
            log.debug("telegram_no_sign", error=type(error).__name__)

    async def _react(self, bot: Bot, message: Message) -> None:
        chat, _, thread = message.conversation_id.partition(":")
        remember(self._heard, (message.conversation_id, message.sender), int(message.message_id))
        try:
            await bot.set_message_reaction(int(chat), int(message.message_id), "👀")
        except BadRequest:  # the group allows no reactions, or not this one
            topic = int(thread) if thread else None
            await bot.send_chat_action(int(chat), ChatAction.TYPING, message_thread_id=topic)

    async def _answer(self, bot: Bot, tap: Tap, query: str) -> None:
        if not tap.conversation_id.startswith("-"):
            await bot.answer_callback_query(query)
            return
        who = (tap.conversation_id, tap.sender)
        before, self._held[who] = self._held.get(who), query
        self._spawn(self._release(bot, who, query))
        if before is not None:
            await bot.answer_callback_query(before)

    async def _release(self, bot: Bot, who: Who, query: str) -> None:
        """Answer a tap that nothing was said to, so that its button stops spinning."""
        await asyncio.sleep(self._hold_taps)
        if self._held.get(who) != query:
            return
        del self._held[who]
        try:
            await bot.answer_callback_query(query)
        except TelegramError as error:
            log.debug("telegram_no_sign", error=type(error).__name__)


def remember(known: OrderedDict[K, V], key: K, value: V) -> None:
    """Keep the newest few: what is forgotten costs a nicety, never a message."""
    known[key] = value
    known.move_to_end(key)
    if len(known) > _REMEMBERED:
        known.popitem(last=False)
