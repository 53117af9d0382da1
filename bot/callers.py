"""Who calls over HTTP: a bearer token or a session's cookie, held against the database at each call."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web
from itsdangerous import BadSignature, URLSafeSerializer

from core.access import credentials
from core.access.credentials import Caller
from core.context import Services, Store
from core.errors import TryLater
from core.model import Audience, GrantKind

CSRF_HEADER: Final = "X-CSRF-Token"
LOOK_AGAIN: Final = 5.0
"""Seconds after which an open stream's credential is looked at again."""


def place_of(request: web.Request, *, behind_proxy: bool) -> str:
    """The address of who asks. What stands in front of us on this machine says it; whoever else says one is not believed."""
    remote = request.remote or ""
    if behind_proxy and _is_loopback(remote):
        said = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        return said[:60] or remote
    return remote


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


class Callers:
    def __init__(self, store: Store, services: Services) -> None:
        self._store = store
        self._services = services
        self._csrf = URLSafeSerializer(services.secret, salt="csrf")
        self._noting: set[asyncio.Task[None]] = set()

    @property
    def is_secure(self) -> bool:
        return self._services.url.startswith("https://")

    @property
    def cookie(self) -> str:
        """`__Host-`: no other name on the same site can set it. Browsers take that over https alone."""
        return "__Host-loopos" if self.is_secure else "loopos"

    def place(self, request: web.Request) -> str:
        return place_of(request, behind_proxy=self._services.base_url is not None)

    async def by_bearer(self, request: web.Request, audience: Audience) -> Caller | None:
        """Whoever shows a token for this door; None without one, and for one that is no good here."""
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        if kind.casefold() != "bearer" or not secret.strip():
            return None
        caller = await self._find(request, secret.strip())
        if caller is None or caller.audience is not audience or caller.kind is GrantKind.SESSION:
            return None
        return caller

    async def by_cookie(self, request: web.Request) -> Caller | None:
        secret = request.cookies.get(self.cookie)
        caller = await self._find(request, secret) if secret else None
        return caller if caller is not None and caller.kind is GrantKind.SESSION else None

    async def gone(self, caller: Caller) -> None:
        """Returns once the credential is good no more: revoked (from wherever), expired, or its person left. For answers that
        go on for hours."""
        revoked = asyncio.Event()
        leave = self._store.subscribe(f"grant:{caller.grant_id}", revoked.set)
        try:
            while True:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(revoked.wait(), LOOK_AGAIN)
                revoked.clear()
                if not await self._store.read(
                    lambda session: credentials.is_still(
                        session, self._services.company, caller, self._services.clock.now()
                    )
                ):
                    return
        except TryLater:
            return
        finally:
            leave()

    async def _find(self, request: web.Request, secret: str) -> Caller | None:
        services, now = self._services, self._services.clock.now()
        caller = await self._store.read(
            lambda session: credentials.caller(session, services.company, secret, now)
        )
        if caller is not None and _is_old(caller, now - credentials.USED_EVERY):
            place = self.place(request)
            note = asyncio.create_task(self._note(caller.grant_id, place))
            self._noting.add(note)
            note.add_done_callback(self._noting.discard)
        return caller

    async def _note(self, grant_id: str, place: str) -> None:
        await self._store.write(lambda tx: credentials.used(tx, grant_id, place))

    # --- against other sites

    def csrf(self, caller: Caller) -> str:
        """What a page of ours sends along with whatever changes something."""
        signed = self._csrf.dumps(caller.grant_id)
        return signed if isinstance(signed, str) else signed.decode()

    def is_ours(self, caller: Caller, token: str) -> bool:
        try:
            return bool(self._csrf.loads(token) == caller.grant_id)
        except (BadSignature, UnicodeError):
            return False

    def same_origin(self, request: web.Request) -> bool:
        """The page that asks is one of ours. Browsers say so with whatever changes something."""
        origin = request.headers.get("Origin")
        if origin is None:
            return request.headers.get("Sec-Fetch-Site", "same-origin") in {"same-origin", "none"}
        return origin == self._services.url or (
            self._is_own_host(request) and _host_in(origin) == request.host
        )

    def from_this_machine(self, request: web.Request) -> bool:
        """The page that asks was loaded from a loopback address."""
        try:
            host = (urlsplit(request.headers.get("Origin", "")).hostname or "").casefold()
        except ValueError:
            return False
        return host == "localhost" or _is_loopback(host)

    def _is_own_host(self, request: web.Request) -> bool:
        """The name that the browser used is one of this machine's, or the one we are known by."""
        host = (urlsplit(f"//{request.host}").hostname or "").casefold()
        return host == "localhost" or _is_loopback(host) or host == urlsplit(self._services.url).hostname

    def known_host(self, request: web.Request) -> bool:
        try:
            return self._is_own_host(request)
        except ValueError:
            return False


def _host_in(origin: str) -> str:
    return origin.partition("://")[2]


def _is_old(caller: Caller, before: datetime) -> bool:
    return caller.last_used_at is None or caller.last_used_at < before


class Attempts:
    """How often something failed from one place lately. It counts for minutes: a restart may forget it."""

    def __init__(self, most: int, within: timedelta) -> None:
        self._most = most
        self._within = within.total_seconds()
        self._failed: dict[str, list[float]] = {}

    def wait(self, place: str) -> int | None:
        """Seconds until one more is looked at; None where it is now."""
        now = asyncio.get_running_loop().time()
        lately = [at for at in self._failed.get(place, ()) if now - at < self._within]
        self._failed[place] = lately
        if len(lately) < self._most:
            if not lately:
                self._failed.pop(place, None)
            return None
        return max(1, int(lately[0] + self._within - now) + 1)

    def failed(self, place: str) -> None:
        if len(self._failed) > 10_000:
            self._failed.clear()
        self._failed.setdefault(place, []).append(asyncio.get_running_loop().time())
