"""Reading a page that the operator allowed: its address alone decides, wherever it leads on to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp

from core.errors import Refused

WITHIN: Final = 20.0
MAX_BYTES: Final = 512 * 1024
"""Bytes."""
LEAPS: Final = 3
"""Redirections, each to an allowed address."""
_SCRIPTS: Final = re.compile(r"<(script|style|template)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
_TAGS: Final = re.compile(r"<[^>]*>")


def may_fetch(address: str, fetch: Sequence[str]) -> bool:
    """Of scheme, host and port the same as one of `fetch`, and a path below. Pure."""
    if any(one in address for one in "{}[]@\\ "):
        return False
    wanted = urlsplit(address)
    for one in fetch:
        known = urlsplit(one)
        same = (wanted.scheme, wanted.netloc.lower()) == (known.scheme, known.netloc.lower())
        path, below = wanted.path or "/", known.path or "/"
        if same and ".." not in path and (path == below or path.startswith(below.rstrip("/") + "/")):
            return True
    return False


async def fetch(address: str, allowed: Sequence[str]) -> str:
    """The text of a page. Raises Refused("not_fetched")."""
    for _ in range(LEAPS + 1):
        if not address.startswith(("https://", "http://")) or not may_fetch(address, allowed):
            raise Refused("not_fetched", why=f"{address[:200]} is not in fetch_allow")
        try:
            limit = aiohttp.ClientTimeout(total=WITHIN)
            async with (
                aiohttp.ClientSession(timeout=limit) as session,
                session.get(address, allow_redirects=False) as answer,
            ):
                if answer.status in {301, 302, 303, 307, 308}:
                    address = urljoin(address, answer.headers.get("Location", ""))
                    continue
                if answer.status != 200:
                    raise Refused("not_fetched", why=f"its server answers {answer.status}")
                data = b""
                while len(data) < MAX_BYTES and (more := await answer.content.read(MAX_BYTES - len(data))):
                    data += more
                kind = answer.content_type
                text = data.decode(answer.charset or "utf-8", "replace")
        except (aiohttp.ClientError, OSError, ValueError, LookupError) as error:
            raise Refused(
                "not_fetched", why=f"its server cannot be reached ({type(error).__name__})"
            ) from None
        return plain(text) if kind.endswith("html") else text
    raise Refused("not_fetched", why="it leads on and on")


def plain(html: str) -> str:
    """What a person would read of it, about."""
    import html as entities

    text = entities.unescape(_TAGS.sub(" ", _SCRIPTS.sub(" ", html)))
    return "\n".join(line for one in text.splitlines() if (line := " ".join(one.split())))
