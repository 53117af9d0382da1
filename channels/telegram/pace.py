"""Keeping below the platform's limits, chat by chat."""

from __future__ import annotations

from typing import Final

from aiolimiter import AsyncLimiter

_MANY: Final = 1024
"""So many chats may be remembered before the idle ones are forgotten."""


class Limits:
    """A limiter of `most` calls in `period` seconds for each chat."""

    def __init__(self, most: int, period: float) -> None:
        self._most, self._period = most, period
        self._known: dict[str, AsyncLimiter] = {}

    def __len__(self) -> int:
        return len(self._known)

    async def acquire(self, chat: str) -> None:
        """Wait for this chat's turn."""
        limiter = self._known.get(chat)
        if limiter is None:
            if len(self._known) >= _MANY:
                # One that could let everything through is as good as new.
                busy = {key: one for key, one in self._known.items() if not one.has_capacity(self._most)}
                self._known = busy
            limiter = self._known[chat] = AsyncLimiter(self._most, self._period)
        await limiter.acquire()
