"""Client ID Metadata Documents: a client's name is the address of its document, which we fetch."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from bot.oauth.addresses import may_register
from core.access.oauth import Client
from core.text import escape, shorten

log = structlog.get_logger(__name__)

WITHIN: Final = 5.0
MAX_BYTES: Final = 64 * 1024
MAX_AGE: Final = 86_400.0
MAX_KNOWN: Final = 500
_AGE: Final = re.compile(r"max-age=(\d{1,9})")


def is_document(client_id: str) -> bool:
    """An https address with a path, in its plainest form."""
    if not client_id.startswith("https://") or len(client_id) > 500:
        return False
    if any(ord(char) < 33 or ord(char) > 126 or char in '\\"<>' for char in client_id):
        return False
    try:
        parts = urlsplit(client_id)
        _ = parts.port
    except ValueError:
        return False
    plain = not parts.fragment and "#" not in client_id and parts.username is None
    dots = any(part in {".", ".."} for part in parts.path.split("/"))
    return plain and bool(parts.hostname) and len(parts.path) > 1 and not dots


class _Outside(AbstractResolver):
    """Names that lead into our own network lead nowhere. The connection goes to the very address that was looked at."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        if not found or not all(_is_outside(one["host"]) for one in found):
            raise OSError("not an address of the outside world")
        return found

    async def close(self) -> None:
        await self._resolver.close()


def _is_outside(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_global and not found.is_multicast


@dataclass(frozen=True, slots=True)
class _Known:
    client: Client
    until: float


class Documents:
    """One per process; what was fetched is kept as long as its headers say, a day at most."""

    def __init__(self, gateway: str | None) -> None:
        """`gateway`: asked instead, at `{gateway}HOST/PATH`."""
        self._gateway = gateway
        self._known: dict[str, _Known] = {}

    async def client(self, client_id: str) -> Client | None:
        """None where its document cannot be had, or does not say what it must."""
        now = asyncio.get_running_loop().time()
        known = self._known.get(client_id)
        if known is not None and known.until > now:
            return known.client
        try:
            async with asyncio.timeout(WITHIN):
                document, age = await self._fetch(client_id)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, RecursionError) as error:
            log.info("client_document_unreadable", client=client_id[:80], error=type(error).__name__)
            return None
        client = client_in(document, client_id)
        if client is not None and age > 0:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            self._known[client_id] = _Known(client, now + age)
        return client

    async def _fetch(self, client_id: str) -> tuple[Any, float]:
        parts = urlsplit(client_id)
        if self._gateway is not None:
            url, resolver = f"{self._gateway}{client_id.removeprefix('https://')}", None
        else:
            if _is_number(parts.hostname or ""):
                raise OSError("not a name of the outside world")
            url, resolver = client_id, _Outside()
        connector = aiohttp.TCPConnector(resolver=resolver) if resolver is not None else None
        limit = aiohttp.ClientTimeout(total=WITHIN)
        async with (
            aiohttp.ClientSession(connector=connector, timeout=limit, trust_env=False) as http,
            http.get(url, allow_redirects=False, headers={"Accept": "application/json"}) as response,
        ):
            if response.status != 200 or "json" not in response.content_type:
                raise ValueError("no document")
            body = b""
            async for chunk in response.content.iter_chunked(8192):
                body += chunk
                if len(body) > MAX_BYTES:
                    raise ValueError("too long")
            return json.loads(body), _age(response.headers.get("Cache-Control", ""))


def _is_number(host: str) -> bool:
    """An address instead of a name: aiohttp would not ask the resolver about it."""
    try:
        return bool(ip_address(host))
    except ValueError:
        return False


def _age(said: str) -> float:
    text = said.casefold()
    if "no-store" in text or "no-cache" in text:
        return 0.0
    found = _AGE.search(text)
    return min(float(found[1]), MAX_AGE) if found else 300.0


def client_in(document: Any, client_id: str) -> Client | None:
    """The client that a document describes; public ones only."""
    if not isinstance(document, dict) or document.get("client_id") != client_id:
        return None
    uris, name = document.get("redirect_uris"), document.get("client_name")
    if not isinstance(uris, list) or not uris or not all(isinstance(one, str) for one in uris):
        return None
    if document.get("token_endpoint_auth_method", "none") != "none" or "client_secret" in document:
        return None
    good = tuple(one for one in uris if may_register(one))
    shown = shorten(escape(name).strip(), 120) if isinstance(name, str) else ""
    return Client(client_id, shown or urlsplit(client_id).netloc, good, proven=True) if good else None
