"""What the page uses. Every answer to a message or tap is given after the commit, never before."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.orm import Session

from channels.connections import AGAIN, STREAMS_SHARE, Handler, most_open
from channels.file_response import hand_out
from channels.web import texts
from channels.web.access import Access
from channels.web.channel import take
from core.clock import Clock
from core.company.company import Company
from core.context import Store
from core.errors import TryLater
from core.media import MediaRefused, Pictures
from core.media import store as store_media
from core.model import LANGUAGES
from core.store.tables import WebMessage
from core.text import escape

PAGE: Final = resources.files("channels.web") / "page"
MAX_TEXT: Final = 200_000
FIRST_LOAD: Final = 200
COMMIT_WITHIN: Final = 1.5
"""Seconds until a page is told to try again (P1)."""
_ID: Final = re.compile(r"[0-9a-zA-Z-]{8,36}")
_SHA: Final = re.compile(r"[0-9a-f]{64}")
_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
MAX_FIELD: Final = 3000
"""Characters of one field of a form: what is longer is refused, never cut."""


class WebRoutes:
    def __init__(
        self,
        db: Store,
        clock: Clock,
        company: Callable[[], Company],
        media: Path,
        pictures: Pictures,
        *,
        demo: bool,
        exposed: bool,
    ) -> None:
        """`exposed`: others than this machine can reach us."""
        self._store = db
        self._clock = clock
        self._company = company
        self._media = media
        self._pictures = pictures
        self._demo = demo
        self.key = secrets.token_urlsafe(16) if demo and exposed else None
        """What lets others than this machine in."""
        self._access = Access(self.key)
        self._streams = 0
        self._most_streams = most_open() // STREAMS_SHARE
        self._stopping = asyncio.Event()
        # Read once: no request waits for the disk.
        self._assets = {
            file.name: file.read_bytes() for file in PAGE.iterdir() if Path(file.name).suffix in _TYPES
        }

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/chat", self._let_in(self.page))
        app.router.add_get("/page/{name}", self._let_in(self.asset))
        app.router.add_get("/api/start", self._let_in(self.start))
        app.router.add_post("/api/messages", self._let_in(self.message))
        app.router.add_post("/api/taps", self._let_in(self.tap))
        app.router.add_post("/api/media", self._let_in(self.upload))
        app.router.add_get("/api/media/{sha}", self._let_in(self.download))
        app.router.add_get("/api/stream", self._let_in(self.stream))
        app.on_shutdown.append(self._stop)

    async def _stop(self, _app: web.Application) -> None:
        self._stopping.set()

    def _let_in(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if self._demo:
                self._access.require(request)
            return await handler(request)

        return guarded

    # --- the page itself

    @property
    def play(self) -> Handler | None:
        """The page on which anybody may be anybody; None where this is no demo."""
        return self._let_in(self.page) if self._demo else None

    async def page(self, _request: web.Request) -> web.Response:
        return self._asset("index.html")

    async def asset(self, request: web.Request) -> web.Response:
        return self._asset(request.match_info["name"])

    def _asset(self, name: str) -> web.Response:
        if name not in self._assets:
            raise web.HTTPNotFound(text="Not found")
        return web.Response(
            body=self._assets[name],
            content_type=_TYPES[Path(name).suffix],
            charset="utf-8",
            headers={
                "Content-Security-Policy": CSP,
                "Cache-Control": "no-cache",
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
            },
        )

    async def start(self, request: web.Request) -> web.Response:
        """Who can be played, who is playing, and the page's own words in their language."""
        company = self._company()
        person = company.person(request.query.get("as", ""))
        wanted = request.query.get("lang", "")
        language = person.languages[0] if person else wanted if wanted in LANGUAGES else "en"
        people = [
            {
                "id": p.id,
                "name": p.name,
                "role": p.role.value,
                "languages": list(p.languages),
                "places": [place.name for place_id in p.properties if (place := company.place(place_id))],
            }
            for p in company.team
        ]
        return web.json_response(
            {
                "demo": self._demo,
                "company": company.about.name,
                "people": people if self._demo else [],
                "me": person.id if person and self._demo else None,
                "timezone": person.timezone if person else "UTC",
                "language": language,
                "texts": texts.page_texts(language),
            }
        )

    # --- in

    def _sender(self, request: web.Request) -> str:
        """Who speaks. In demo mode a window says whom it plays; nothing else lets anybody in."""
        if not self._demo:
            raise _refuse(web.HTTPForbidden, "The web chat is only open in demo mode.")
        origin = request.headers.get("Origin")
        if origin is not None and origin.split("://", 1)[-1] != request.host:
            raise _refuse(web.HTTPForbidden, "This page may not speak for another site.")
        sender = request.query.get("as", "")
        if not re.fullmatch(r"[a-z0-9_.\-]{1,60}", sender):
            raise _refuse(web.HTTPBadRequest, "Say who you are.")
        return sender

    async def message(self, request: web.Request) -> web.Response:
        sender = self._sender(request)
        data = await _json(request)
        text, files, reply = data.get("text", ""), data.get("files", []), data.get("reply_to")
        if (
            not isinstance(text, str)
            or len(text) > MAX_TEXT
            or not isinstance(files, list)
            or len(files) > 10
        ):
            raise _refuse(web.HTTPBadRequest, "The message is too long, or not a message.")
        payload = {
            "type": "message",
            "id": _checked_id(data),
            "sender": sender,
            "text": escape(text).strip(),
            "at": self._clock.now().isoformat(),
            "files": [self._file(file) for file in files],
            "reply_to": reply if isinstance(reply, str) and _ID.fullmatch(reply) else None,
        }
        return await self._take(payload)

    def _file(self, file: Any) -> dict[str, Any]:
        """An upload that the page refers to; only what is really in our store counts."""
        sha = file.get("sha256", "") if isinstance(file, dict) else ""
        path = self._media / sha if isinstance(sha, str) and _SHA.fullmatch(sha) else None
        if path is None or not path.is_file() or file.get("kind") not in {"voice", "photo"}:
            raise _refuse(web.HTTPBadRequest, "That attachment is not here. Please send it again.")
        return {
            "kind": file["kind"],
            "media_type": str(file.get("media_type", ""))[:80],
            "bytes": path.stat().st_size,
            "sha256": sha,
            "path": f"media/{sha}",
        }

    async def tap(self, request: web.Request) -> web.Response:
        sender = self._sender(request)
        data = await _json(request)
        button, values = data.get("button"), data.get("values", {})
        if (
            not isinstance(button, str)
            or len(button) > 64
            or not isinstance(values, dict)
            or len(values) > 10
        ):
            raise _refuse(web.HTTPBadRequest, "That is not a button.")
        if any(len(str(value)) > MAX_FIELD for value in values.values()):
            raise _refuse(web.HTTPBadRequest, f"A field takes at most {MAX_FIELD} characters.")
        payload = {
            "type": "tap",
            "id": _checked_id(data),
            "sender": sender,
            "button": escape(button),
            "values": {str(k)[:40]: escape(str(v)) for k, v in values.items()},
            "at": self._clock.now().isoformat(),
        }
        return await self._take(payload)

    async def _take(self, payload: dict[str, Any]) -> web.Response:
        try:
            async with asyncio.timeout(COMMIT_WITHIN):
                fresh = await self._store.write(lambda tx: take(tx, payload), awaited=True)
        except (TimeoutError, TryLater):
            # It may still commit: the page repeats it under the same id, and the repeat is a no-op.
            raise _refuse(
                web.HTTPServiceUnavailable, "Not kept yet. Trying again.", {"Retry-After": "2"}
            ) from None
        return web.json_response({"kept": True, "again": not fresh})

    # --- media

    async def upload(self, request: web.Request) -> web.Response:
        self._sender(request)
        try:
            stored = await store_media(
                self._media,
                request.content.iter_chunked(65536),
                request.headers.get("Content-Type", ""),
                self._pictures,
            )
        except MediaRefused as refused:
            return web.json_response(
                {"error": refused.code}, status=413 if refused.code == "too_large" else 415
            )
        except TryLater:
            raise _refuse(web.HTTPServiceUnavailable, "Not kept yet.", {"Retry-After": "2"}) from None
        return web.json_response(asdict(stored))

    async def download(self, request: web.Request) -> web.StreamResponse:
        self._sender(request)
        sha, media_type = request.match_info["sha"], request.query.get("type", "")
        if not _SHA.fullmatch(sha):
            raise web.HTTPNotFound(text="Not found")
        # It never changes under its name: the enlarged picture need not be fetched again.
        headers = {"Cache-Control": "private, max-age=3600"}
        return await hand_out(self._media / sha, media_type, request.query.get("name", "file"), headers)

    # --- out

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: every message of the conversation newer than the last one the page saw. An
        edit moves its message to the end, so a reconnect can neither lose nor repeat anything."""
        sender = self._sender(request)
        if self._streams >= self._most_streams:
            raise _refuse(web.HTTPServiceUnavailable, "Too many pages are open.", AGAIN)
        self._streams += 1
        try:
            return await self._stream(request, sender)
        finally:
            self._streams -= 1

    async def _stream(self, request: web.Request, sender: str) -> web.StreamResponse:
        said = request.headers.get("Last-Event-ID") or request.query.get("after", "0")
        after = int(said) if said.isdecimal() and len(said) < 16 else 0
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",
            }
        )
        await response.prepare(request)
        await response.write(b"retry: 1000\n\n")
        news = asyncio.Event()
        leave = self._store.subscribe(f"web:{sender}", news.set)
        stop = asyncio.create_task(self._stopping.wait())
        try:
            while not self._stopping.is_set():
                news.clear()
                rows = await self._store.read(partial(_newer, conversation=sender, after=after))
                for row in rows:
                    await response.write(
                        f"id: {row.seq}\ndata: {json.dumps(_event(row), ensure_ascii=False)}\n\n".encode()
                    )
                    after = row.seq
                if rows:
                    continue
                await response.write(b"event: caught_up\ndata: {}\n\n")
                waiting = asyncio.create_task(news.wait())
                await asyncio.wait({waiting, stop}, timeout=15, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
        except (ConnectionResetError, asyncio.CancelledError):
            pass
        finally:
            leave()
            stop.cancel()
        return response


def _newer(session: Session, conversation: str, after: int) -> list[WebMessage]:
    wanted = select(WebMessage).where(WebMessage.conversation_id == conversation, WebMessage.seq > after)
    if after == 0:
        newest = session.scalars(wanted.order_by(WebMessage.seq.desc()).limit(FIRST_LOAD)).all()
        return list(reversed(newest))
    return list(session.scalars(wanted.order_by(WebMessage.seq).limit(FIRST_LOAD)))


def _event(row: WebMessage) -> dict[str, Any]:
    return {
        "id": row.id,
        "position": row.position,
        "author": row.author,
        "at": row.at.isoformat(),
        **row.body,
    }


def _checked_id(data: dict[str, Any]) -> str:
    one = data.get("id")
    if not isinstance(one, str) or not _ID.fullmatch(one):
        raise _refuse(web.HTTPBadRequest, "The message needs an id.")
    return one


async def _json(request: web.Request) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise _refuse(web.HTTPUnsupportedMediaType, "Send JSON.")
    try:
        data = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise _refuse(web.HTTPBadRequest, "That is not JSON.") from None
    if not isinstance(data, dict):
        raise _refuse(web.HTTPBadRequest, "That is not a JSON object.")
    return data


def _refuse(
    kind: type[web.HTTPException], text: str, headers: dict[str, str] | None = None
) -> web.HTTPException:
    return kind(text=json.dumps({"error": text}), content_type="application/json", headers=headers)
