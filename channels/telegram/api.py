"""Talking to the Bot API: the SDK's client for sending, plain HTTP where the raw answer is needed.

The token is part of every URL here: no URL and no error of an HTTP library may reach a log or a message."""

from __future__ import annotations

import hashlib
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import aiohttp
import httpx
from telegram import Bot
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, RetryAfter, TelegramError
from telegram.request import HTTPXRequest

from core.errors import ChannelDown, GiveUp, LoopOSError, OutcomeUnknown, ShapeRefused, TryLater

API_URL: Final = "https://api.telegram.org"
PATH: Final = "/telegram/webhook"
ALLOWED_UPDATES: Final = ("message", "edited_message", "callback_query", "my_chat_member")
CURE: Final = (
    "TELEGRAM_BOT_TOKEN is refused by Telegram. Copy the token from @BotFather (/mybots, API Token)."
)
DOWN_FOR: Final = timedelta(seconds=60)
_NEVER_LEFT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

# Without it the SDK warns whenever it meets a 429, and gives the wait as a bare number.
os.environ.setdefault("PTB_TIMEDELTA", "1")


def secret_for(token: str) -> str:
    """The webhook's secret where none is configured: made from the token, so that it is stable and unguessable."""
    return hashlib.sha256(f"loopos webhook{token}".encode()).hexdigest()


def new_bot(token: str, api_url: str, timeout: float) -> tuple[Bot, HTTPXRequest]:
    """The SDK's client and the connections to close at the end. No request is made."""
    # At INFO httpx logs whole URLs; the SDK logs a proxy's HTML error page with a trace, and secrets at DEBUG.
    for name in ("httpx", "httpcore", "telegram"):
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("telegram.request.BaseRequest").setLevel(logging.CRITICAL)
    request = HTTPXRequest(
        connection_pool_size=64,
        connect_timeout=timeout,
        read_timeout=timeout,
        write_timeout=timeout,
        pool_timeout=timeout,
    )
    bot = Bot(
        token,
        base_url=f"{api_url}/bot",
        base_file_url=f"{api_url}/file/bot",
        request=request,
        get_updates_request=request,
    )
    return bot, request


@dataclass(frozen=True, slots=True)
class Answer:
    """What a method answered, undecoded by the SDK."""

    status: int
    result: Any = None
    description: str = ""
    retry_after: timedelta | None = None
    date: datetime | None = None
    """The vendor's clock."""

    @property
    def ok(self) -> bool:
        return self.status == 200 and self.result is not None


async def ask(
    session: aiohttp.ClientSession, method: str, *, token: str, api_url: str, seconds: float, **args: Any
) -> Answer:
    """Call `method` and wait at most `seconds`. Raises aiohttp.ClientError, TimeoutError."""
    limit = aiohttp.ClientTimeout(total=seconds)
    async with session.post(
        f"{api_url}/bot{token}/{method}", json=args, timeout=limit, allow_redirects=False
    ) as response:
        try:
            body = await response.json(content_type=None)
        except ValueError:
            body = None
        return read_answer(response.status, body, response.headers)


def read_answer(status: int, body: Any, headers: Mapping[str, str]) -> Answer:
    body = body if isinstance(body, dict) else {}
    parameters = body.get("parameters")
    wait = parameters.get("retry_after") if isinstance(parameters, dict) else None
    try:
        date = parsedate_to_datetime(headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError):
        date = None
    return Answer(
        status,
        body.get("result"),
        str(body.get("description", "")),
        timedelta(seconds=wait) if isinstance(wait, int) else None,
        date,
    )


def wait_of(error: RetryAfter) -> timedelta:
    wait = error.retry_after
    return wait if isinstance(wait, timedelta) else timedelta(seconds=wait)


_MISSHAPEN: Final = (
    "can't parse",
    "entit",
    "button",
    "too long",
    "reply markup",
    "keyboard",
    "text is empty",
    "url is invalid",
    "wrong http url",
)
"""What Telegram says of a message that it refuses for what it looks like, not for where it goes."""


def is_unchanged(error: TelegramError) -> bool:
    """An edit to what stands there already: done."""
    return isinstance(error, BadRequest) and "message is not modified" in error.message.lower()


def next_step(error: TelegramError, *, repeatable: bool, after: timedelta) -> LoopOSError:
    """What to do about `error`, said in the house's words. `repeatable`: doing the call twice does no harm.

    BadRequest is a NetworkError in the SDK: it is looked at first, because no repeat can help it."""
    match error:
        case RetryAfter():
            return TryLater("Telegram asks us to slow down", wait_of(error))
        case InvalidToken():
            return ChannelDown(CURE, DOWN_FOR)
        case BadRequest() if any(one in error.message.casefold() for one in _MISSHAPEN):
            return ShapeRefused(f"Telegram: {error.message}")
        case Forbidden() | BadRequest():
            return GiveUp(f"Telegram: {error.message}")
        case Conflict():
            return TryLater("Telegram reports a conflict", after)
        case _ if "entity too large" in error.message.casefold() or "(413)" in error.message:
            return GiveUp("Telegram: the file is too large")
    if isinstance(error.__cause__, _NEVER_LEFT):
        return TryLater("Telegram cannot be reached", after)
    if repeatable:
        return TryLater("Telegram did not answer properly", after)
    return OutcomeUnknown("Telegram did not say whether the message was sent", after)
