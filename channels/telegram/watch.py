"""Asking Telegram whether it still reaches our webhook: a deaf channel must be noticed in minutes (W9)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import aiohttp

from channels.telegram.api import Answer
from channels.telegram.setup import webhook_findings
from core.clock import Clock
from core.health import Health

EVERY: Final = 120.0
"""Seconds."""


async def watch(
    health: Health,
    clock: Clock,
    asking: Callable[[aiohttp.ClientSession, str], Awaitable[Answer]],
    base_url: str,
    every: float,
) -> None:
    """Until cancelled. Only trouble that was found here is taken back here."""
    trouble: str | None = None
    while True:
        await asyncio.sleep(every)
        try:
            async with aiohttp.ClientSession(trust_env=True) as session:
                info = await asking(session, "getWebhookInfo")
        except (aiohttp.ClientError, TimeoutError):
            continue  # sending notices that by itself
        if not info.ok:
            continue
        found = webhook_findings(info.result, base_url, clock.now())
        if found:
            trouble = found[0]
            health.failing(trouble, at_once=True)
        elif trouble is not None and health.trouble == trouble:
            health.well()
