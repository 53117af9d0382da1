"""Fetching a feed. Its address is a secret of its own: whoever knows it reads the reservations; it stands in no log and no error."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import aiohttp

from core.stays.calendars import BadCalendar

WITHIN: Final = 15.0
MAX_BYTES: Final = 5 * 1024 * 1024


async def fetch(address: str, folder: Path) -> bytes:
    """`address`: https, http, or a file in the company's folder. Raises BadCalendar."""
    if not address.startswith(("https://", "http://", "webcal://")):
        return await asyncio.to_thread(_file, folder, address)
    url = f"https://{address.removeprefix('webcal://')}" if address.startswith("webcal://") else address
    try:
        limit = aiohttp.ClientTimeout(total=WITHIN)
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.get(url, headers={"Accept": "text/calendar"}, max_redirects=3) as answer,
        ):
            if answer.status != 200:
                raise BadCalendar(f"its server answers {answer.status}")
            data = await answer.content.read(MAX_BYTES + 1)
            while len(data) <= MAX_BYTES and (more := await answer.content.read(MAX_BYTES + 1 - len(data))):
                data += more
    except TimeoutError:
        raise BadCalendar(f"its server did not answer within {WITHIN:g} s") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise BadCalendar(f"its server cannot be reached ({type(error).__name__})") from None
    if len(data) > MAX_BYTES:
        raise BadCalendar("it is too large")
    return data


def _file(folder: Path, name: str) -> bytes:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise BadCalendar("it lies outside of the company's folder")
    try:
        if path.stat().st_size > MAX_BYTES:
            raise BadCalendar("it is too large")
        return path.read_bytes()
    except OSError as error:
        raise BadCalendar(error.strerror or "it cannot be read") from None
