"""Downloading what people attached, from Telegram's file server and nowhere else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import aiohttp
from telegram import Bot
from telegram.error import BadRequest, TelegramError

from channels.telegram.api import CURE, DOWN_FOR, next_step
from core.errors import ChannelDown, GiveUp, TryLater
from core.inbound import RemoteFile
from core.media import MAX_BYTES

_PATH: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
_CHUNK: Final = 64 * 1024
_AGAIN: Final = timedelta(seconds=2)


async def fetch(bot: Bot, file: RemoteFile, files_url: str, patience: float) -> AsyncIterator[bytes]:
    """The bytes in chunks. `files_url` holds the token: it is never part of an error. `patience`: seconds without a byte.

    Raises GiveUp("too_large" | "gone" | "foreign_host"), TryLater, ChannelDown."""
    if file.bytes is not None and file.bytes > MAX_BYTES:
        raise GiveUp("too_large")
    path = await _path_of(bot, file.ref, files_url)
    limits = aiohttp.ClientTimeout(total=None, sock_connect=patience, sock_read=patience)
    try:
        async with (
            aiohttp.ClientSession(trust_env=True, timeout=limits) as session,
            session.get(f"{files_url}/{path}", allow_redirects=False) as response,
        ):
            _check(response)
            size = 0
            async for chunk in response.content.iter_chunked(_CHUNK):
                size += len(chunk)
                if size > MAX_BYTES:
                    raise GiveUp("too_large")
                yield chunk
    except (aiohttp.ClientError, TimeoutError) as error:
        raise TryLater(f"the file did not come ({type(error).__name__})", _AGAIN) from None


async def _path_of(bot: Bot, ref: str, files_url: str) -> str:
    """Where the file lies below `files_url`; it cannot lead out of there."""
    try:
        found = await bot.get_file(ref)
    except BadRequest as error:
        said = error.message.lower()
        if "too big" in said:
            raise GiveUp("too_large") from None
        if "file_id" not in said and "unavailable" in said:
            raise TryLater("the file is not available now", _AGAIN) from None
        raise GiveUp("gone") from None
    except TelegramError as error:
        raise next_step(error, repeatable=True, after=_AGAIN) from None
    if found.file_size is not None and found.file_size > MAX_BYTES:
        raise GiveUp("too_large")
    if not found.file_path:
        raise GiveUp("gone")
    # The SDK puts the server's address in front of a path.
    path = found.file_path.removeprefix(f"{files_url}/")
    if not _PATH.fullmatch(path):
        raise GiveUp("foreign_host")
    return path


def _check(response: aiohttp.ClientResponse) -> None:
    match response.status:
        case 200:
            if (response.content_length or 0) > MAX_BYTES:
                raise GiveUp("too_large")
        case 404 | 410:
            raise GiveUp("gone")
        case 401:
            raise ChannelDown(CURE, DOWN_FOR)
        case status if 300 <= status < 400:
            raise GiveUp("foreign_host")  # the token would go along
        case status:
            raise TryLater(f"Telegram's file server answers {status}", _AGAIN)
