"""LINE's way in: the raw body is verified, every event is on disk before the 200."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any, Final

import structlog
from aiohttp import web

from channels.ingress import Ingress, VerifiedEvent, come_again, read_body, read_json, refuse
from channels.line.parse import NOWHERE, album_of, conversation_of, well_formed
from core.errors import TryLater

log = structlog.get_logger(__name__)

PATH: Final = "/line/webhook"


def signature(secret: str, body: bytes) -> bytes:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())


def event_of(raw: object) -> VerifiedEvent:
    """What is kept of one entry of a batch. A malformed one is kept too, under its own hash, and asks nothing."""
    if isinstance(raw, dict) and well_formed(raw):
        return VerifiedEvent(raw["webhookEventId"], conversation_of(raw), raw, album_of(raw))
    text = json.dumps(raw, sort_keys=True)
    log.warning("line_event_malformed")
    name = hashlib.sha256(text.encode()).hexdigest()
    return VerifiedEvent(f"malformed:{name}", NOWHERE, {"malformed": True, "event": text})


class Webhook:
    def __init__(
        self,
        ingress: Ingress,
        secret: str,
        us: Callable[[], str | None],
        heard: Callable[[dict[str, Any]], None],
    ) -> None:
        """`us`: the bot's own user id, as far as it is known. `heard` gets every event that is on disk."""
        self._ingress = ingress
        self._secret = secret
        self._us = us
        self._heard = heard

    async def take(self, request: web.Request) -> web.Response:
        body = await read_body(request, ["application/json"])
        given = request.headers.get("X-Line-Signature", "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, signature(self._secret, body)):
            raise refuse(web.HTTPUnauthorized, "signature")
        batch = read_json(body)
        destination, raw = batch.get("destination"), batch.get("events")
        if not isinstance(destination, str) or not isinstance(raw, list):
            raise refuse(web.HTTPBadRequest, "not a batch of events")
        if self._us() not in {None, destination}:
            # 200: an error would count against us at LINE.
            log.warning("line_foreign_destination", destination=destination[:40])
            return web.Response()
        # On standby another module of the account answers.
        ours = [one for one in raw if not (isinstance(one, dict) and one.get("mode") == "standby")]
        try:
            await self._ingress.take([event_of(one) for one in ours])
        except TryLater as error:
            return come_again(error)
        for one in ours:
            if isinstance(one, dict):
                self._heard(one)
        return web.Response()
