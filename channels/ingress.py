"""The way in that every platform shares: a request's bytes, bounded; verified events, kept before the 200."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl

import structlog
from aiohttp import web
from sqlalchemy import func, select

from core.cards.card import Button, Card
from core.context import Store
from core.errors import TryLater
from core.health import Health
from core.inbox import Arrival, ArrivalBatcher
from core.refusals import refused
from core.store.tables import ButtonRow, CardCopy, InboxRow

log = structlog.get_logger(__name__)

MAX_BODY: Final = 1024 * 1024
COMMIT_WITHIN: Final = 1.5
"""Seconds until a platform is told to come again (P1)."""


@dataclass(frozen=True, slots=True)
class VerifiedEvent:
    """One verified event. `id` is what a redelivery repeats."""

    id: str
    conversation_id: str
    payload: dict[str, Any]
    album: str | None = None
    """Photos sent together carry the same name."""


class Ingress:
    """What an adapter may ask of the house. One per channel."""

    def __init__(self, store: Store, channel: str, health: Health) -> None:
        self._store = store
        self._arrivals = ArrivalBatcher(store)
        self._channel = channel
        self.health = health

    async def take(self, events: Sequence[VerifiedEvent]) -> None:
        """Keep `events`; returns once they are on disk. One that was here before changes nothing.

        Raises TryLater where that took too long or cannot be done now: the platform must send them again."""

        self.health.heard()
        if not events:
            return
        try:
            async with asyncio.timeout(COMMIT_WITHIN):
                await self._arrivals.take(
                    [
                        Arrival(self._channel, event.id, event.conversation_id, event.payload, event.album)
                        for event in events
                    ]
                )
        except TimeoutError as late:
            raise TryLater("the database is too slow") from late

    async def seen(self, since: datetime) -> dict[str, datetime]:
        """The conversations that something came from after `since`, each with when the newest did: what to look
        through after the platform could not reach us."""
        newest = (
            select(InboxRow.conversation_id, func.max(InboxRow.received_at))
            .where(InboxRow.channel == self._channel, InboxRow.received_at > since)
            .group_by(InboxRow.conversation_id)
        )
        return await self._store.read(lambda s: {row[0]: row[1] for row in s.execute(newest)})

    async def button(self, button_id: str) -> tuple[Button, Card] | None:
        """The button with this id as it was last drawn, and its card; None if there is none such."""

        def find(session: Any) -> tuple[Button, Card] | None:
            row = session.get(ButtonRow, button_id)
            copy = session.get(CardCopy, row.copy_id) if row else None
            if copy is None or "kind" not in copy.content:
                return None
            card = Card.model_validate(copy.content)
            every = [*card.buttons, *(one for question in card.questions for one in question.buttons)]
            found = next((one for one in every if one.id == button_id), None)
            return (found, card) if found else None

        return await self._store.read(find)


async def read_body(request: web.Request, media_types: Sequence[str], most: int = MAX_BODY) -> bytes:
    """The raw bytes of a request, at most `most` and never unpacked.

    Raises 415 for another content type or a packed body, 413 for a long one; the length that is claimed is
    believed only when it is too much."""
    if request.content_type not in media_types:
        raise refuse(web.HTTPUnsupportedMediaType, "content type")
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise too_large(most)
    if (request.content_length or 0) > most:
        raise too_large(most)
    body = bytearray()
    async for chunk in request.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > most:
            raise too_large(most)
    return bytes(body)


def read_fields(body: bytes) -> dict[str, str]:
    """The fields of a form (application/x-www-form-urlencoded). Raises 400."""
    try:
        return dict(
            parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=100, errors="strict")
        )
    except ValueError as wrong:
        raise refuse(web.HTTPBadRequest, "not a form") from wrong


def too_large(most: int = MAX_BODY) -> web.HTTPException:
    refused("webhook", "too large")
    return web.HTTPRequestEntityTooLarge(max_size=most, actual_size=most + 1, text="too large")


def refuse(kind: type[web.HTTPException], why: str) -> web.HTTPException:
    """One log line, no trace, nothing stored."""
    log.info("webhook_refused", why=why, status=kind.status_code)
    refused("webhook", why)
    return kind(text=why)


def read_json(body: bytes | str) -> dict[str, Any]:
    """A JSON object, nested less deep than the interpreter's stack. Raises 400."""
    try:
        data = json.loads(body.decode("utf-8") if isinstance(body, bytes) else body)
    except (ValueError, RecursionError) as wrong:
        raise refuse(web.HTTPBadRequest, "not JSON") from wrong
    if not isinstance(data, dict):
        raise refuse(web.HTTPBadRequest, "not a JSON object")
    return data


def come_again(error: TryLater) -> web.Response:
    """Not kept: the platform shall send it again."""
    log.warning("webhook_not_kept", reason=str(error))
    return web.Response(status=503, headers={"Retry-After": str(max(1, int(error.after.total_seconds())))})
