"""The limits below which we stay."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.platforms import platforms_of
from bot.settings import Settings
from channels.line.channel import CALLS_PER_SECOND, Line
from channels.pacing import Limits, rate_limiter
from core.clock import SystemClock


@pytest.mark.parametrize("most", [0.01, 0.5, 0.999, 1.0, 30.0])
async def test_a_pace_below_the_documented_one_still_lets_calls_through(most: float) -> None:
    """A gateway with limits of its own may allow less than one call in the platform's second."""
    bucket = rate_limiter(most, 0.01)
    async with asyncio.timeout(30):
        await bucket.acquire()
        await bucket.acquire()
    assert bucket.max_rate / bucket.time_period == pytest.approx(most / 0.01)


async def test_each_conversation_has_its_own_pace() -> None:
    limits = Limits(0.5, 0.01)
    async with asyncio.timeout(30):
        for conversation in ("a", "b", "a", "b"):
            await limits.acquire(conversation)
    assert len(limits) == 2


def test_every_platform_sends_faster_where_a_gateway_lets_it(tmp_path: Path) -> None:
    """LOOPOS_PACE counts on each of them."""
    store, services = cast(Any, None), cast(Any, SimpleNamespace(clock=SystemClock()))

    def rate_of_line(pace: float) -> float:
        settings = Settings.model_validate(
            {
                "LOOPOS_HOME": tmp_path,
                "LOOPOS_PACE": pace,
                "LINE_CHANNEL_SECRET": "s",
                "LINE_CHANNEL_ACCESS_TOKEN": "t",
            }
        )
        (line,) = platforms_of(settings, store, services)
        return cast(Line, line)._pace._limiter.max_rate

    assert rate_of_line(1) == CALLS_PER_SECOND
    assert rate_of_line(0.5) == CALLS_PER_SECOND / 2
    assert rate_of_line(10) == CALLS_PER_SECOND * 10
