"""No call without money set aside for it, and none that is not written down afterwards, however it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

import structlog

from core.llm.calls import CallFailed, Pulse, TooSlow
from core.metering import Meter, Planned, Usage

log = structlog.get_logger(__name__)


class CallOutcome(Protocol):
    @property
    def usage(self) -> Usage | None: ...

    @property
    def error(self) -> str: ...


R = TypeVar("R", bound=CallOutcome)


STALL: Final = 2.0
"""Seconds that an answer which has begun may stand still."""


class MeteredCalls:
    def __init__(self, meter: Meter, stall: float = STALL) -> None:
        self._meter = meter
        self._stall = stall
        self._running: set[asyncio.Task[Any]] = set()

    async def call(
        self, planned: Planned, send: Callable[[Pulse], Awaitable[R]], until: float, deadline: float
    ) -> R:
        """Raises OverBudget before, CallFailed after the call; TooSlow at `until` (the event loop's time), or while the
        answer grows at `deadline`: the row is settled behind the caller's back, who has waited long enough."""
        began, pulse = asyncio.get_running_loop().time(), Pulse()
        task = asyncio.create_task(self._paid(planned, send, pulse))
        self._running.add(task)
        task.add_done_callback(self._ended)
        try:
            await self._wait(task, pulse, until, deadline)
        finally:
            if not task.done():
                task.cancel()
        if not task.done():
            raise TooSlow(f"no answer in {asyncio.get_running_loop().time() - began:.1f} s")
        return task.result()

    async def close(self) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _wait(self, task: asyncio.Task[R], pulse: Pulse, until: float, deadline: float) -> None:
        while not task.done():
            now = asyncio.get_running_loop().time()
            if now >= until:
                until = min(pulse.last + self._stall, deadline) if pulse.last is not None else until
                if now >= until:
                    return
            await asyncio.wait({task}, timeout=until - now)

    async def _paid(self, planned: Planned, send: Callable[[Pulse], Awaitable[R]], pulse: Pulse) -> R:
        row = await self._reserve(planned)
        began = time.monotonic()
        try:
            outcome = await send(pulse)
        except CallFailed as failure:
            # Whatever an error looks like: what was announced before it was spent.
            await self._settle(row, pulse.announced or failure.usage, began, failure.reason)
            raise
        except asyncio.CancelledError:
            await self._settle(row, pulse.announced, began, "too slow")
            raise
        except Exception as bug:
            await self._settle(row, pulse.announced, began, type(bug).__name__)
            raise
        await self._settle(row, outcome.usage, began, outcome.error)
        return outcome

    async def _reserve(self, planned: Planned) -> str:
        """A caller who leaves while the row is being written leaves no row behind that holds money."""
        reserving = asyncio.ensure_future(self._meter.reserve(planned))
        try:
            return await asyncio.shield(reserving)
        except asyncio.CancelledError:
            (row,) = await asyncio.gather(reserving, return_exceptions=True)
            if isinstance(row, str):
                await self._settle(row, Usage(), time.monotonic(), "not sent")
            raise

    async def _settle(self, row: str, usage: Usage | None, began: float, error: str) -> None:
        ms = round((time.monotonic() - began) * 1000)
        try:
            await self._meter.settle(row, usage, ok=not error, ms=ms, error=error)
        except Exception as failed:  # an answer that is here and paid for is not lost over its bookkeeping
            log.error("usage was not written", row=row, exc_info=failed)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # seen: whoever asked may have gone
