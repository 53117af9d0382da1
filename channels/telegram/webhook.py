"""Our own handler: the SDK's would answer 200 before anything is kept."""

from __future__ import annotations

import hmac
from typing import Final

from aiohttp import web

from channels.ingress import Ingress, come_again, read_body, read_json, refuse
from channels.telegram.api import PATH
from channels.telegram.parse import event_of
from core.clock import Clock
from core.errors import TryLater

SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105  (its name)


def add_to(http: web.Application, ingress: Ingress, clock: Clock, secret: str) -> None:
    """Mount the webhook: 403 for a wrong secret, 503 with Retry-After (which Telegram honours) if not kept."""

    async def take(request: web.Request) -> web.Response:
        shown = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), secret.encode()):
            raise refuse(web.HTTPForbidden, "wrong secret")
        update = read_json(await read_body(request, ["application/json"]))
        try:
            event = event_of(update, clock.now())
        except ValueError as wrong:
            raise refuse(web.HTTPBadRequest, str(wrong)) from wrong
        try:
            await ingress.take([event])
        except TryLater as later:
            return come_again(later)
        return web.Response()

    http.router.add_post(PATH, take)
