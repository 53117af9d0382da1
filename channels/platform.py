"""What the composition root asks of a platform's adapter, beyond what the core asks of a channel."""

from __future__ import annotations

from typing import Protocol

from aiohttp import web

from core.health import Health
from core.ports import Channel


class Platform(Channel, Protocol):
    health: Health

    def add_to(self, http: web.Application) -> None:
        """Mount the webhook, if the platform has one here."""

    async def start(self) -> None:
        """Begin to listen and watch. Returns at once: a platform that is down must not hold up the others."""

    async def stop(self) -> None:
        """Stop listening; what was taken in is on disk."""
