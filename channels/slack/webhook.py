"""POST /slack/events: events, clicks, forms and commands, each verified over its raw bytes and kept before the 200."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from channels.ingress import come_again, read_body, read_fields, read_json, refuse
from channels.slack.reception import Reception
from core.clock import Clock, host_seconds, stamped
from core.errors import TryLater

PATH: Final = "/slack/events"
FRESH: Final = 300
"""Seconds that a request may be off our clock: https://docs.slack.dev/authentication/verifying-requests-from-slack"""


class Webhook:
    def __init__(self, reception: Reception, clock: Clock, signing_secret: str | None) -> None:
        self._reception = reception
        self._clock = clock
        self._secret = signing_secret

    async def handle(self, request: web.Request) -> web.Response:
        body = await read_body(request, ("application/json", "application/x-www-form-urlencoded"))
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if self._secret is None or not genuine(body, timestamp, signature, self._secret, self._clock.now()):
            raise refuse(web.HTTPUnauthorized, "signature")
        data = read_json(body) if request.content_type == "application/json" else read_form(body)
        if data.get("type") == "url_verification":
            return web.json_response({"challenge": str(data.get("challenge", ""))})
        if "ssl_check" in data:
            return web.Response()
        try:
            answer = await self._reception.receive(data, stamped(int(timestamp)))
        except TryLater as later:
            return come_again(later)
        except RecursionError:
            raise refuse(web.HTTPBadRequest, "nested too deep") from None
        return web.Response() if answer is None else web.json_response(answer)


def genuine(body: bytes, timestamp: str, signature: str, secret: str, now: datetime) -> bool:
    """Signed by Slack, lately. Any header is a possible header: none of them raises."""
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        return False
    if abs(int(host_seconds(now)) - int(timestamp)) > FRESH:
        return False
    return hmac.compare_digest(
        sign(body, timestamp, secret).encode(), signature.encode("utf-8", "surrogateescape")
    )


def sign(body: bytes, timestamp: str, secret: str) -> str:
    signed = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + body, hashlib.sha256)
    return f"v0={signed.hexdigest()}"


def read_form(body: bytes) -> dict[str, Any]:
    """A click or a form comes as JSON in `payload`, a command as plain fields. Raises 400."""
    fields = read_fields(body)
    if "payload" in fields:
        return read_json(fields["payload"])
    if "command" in fields:
        return {**fields, "type": "command"}
    if "ssl_check" in fields:
        return fields
    raise refuse(web.HTTPBadRequest, "neither a payload nor a command")
