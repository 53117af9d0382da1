"""The limits below which we stay."""

from __future__ import annotations

import asyncio

import pytest

from channels.pacing import Limits, rate_limiter


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
