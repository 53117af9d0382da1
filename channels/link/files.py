"""`/f/TOKEN`: a file of ours for whoever holds its signed link. LINE shows pictures only from there, and a recording
on a card of any platform is played from there."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from channels.file_response import hand_out
from channels.ingress import refuse
from core.clock import Clock
from core.outbox.file_links import file_in


class FileRoutes:
    def __init__(self, clock: Clock, secret: bytes, media: Path) -> None:
        self._clock = clock
        self._secret = secret
        self._media = media

    def add_to(self, http: web.Application) -> None:
        http.router.add_get("/f/{token}", self.file)

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Raises 404 for a link that is not ours, is too old, or whose file was erased."""
        file = file_in(self._secret, request.match_info["token"], self._clock.now())
        if file is None:
            raise refuse(web.HTTPNotFound, "link")
        headers = {"Cache-Control": "private, max-age=3600", "X-Robots-Tag": "noindex"}
        return await hand_out(self._media / file.sha256, file.media_type, file.name, headers)
