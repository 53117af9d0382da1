"""What is refused whoever says yes, and what did not come about."""

from __future__ import annotations

import asyncio

from core.errors import LoopOSError
from core.loop.config import LoopConfig
from core.loop.shell_gate import Verdict, judge


class NotDone(LoopOSError):
    """The move failed; the beat commits nothing. `code`: refused, exit N, timeout, unknown; the text says more."""

    def __init__(self, code: str, error: str) -> None:
        super().__init__(f"{code}: {error}" if error else code)
        self.code = code
        self.error = error


async def judged(cmd: str, config: LoopConfig) -> Verdict:
    """Raises NotDone for what is refused whoever says yes."""
    verdict = await asyncio.to_thread(judge, cmd, config.shell_allow, config.fetch_allow)
    if verdict.kind == "refused":
        raise NotDone("refused", verdict.why)
    return verdict
