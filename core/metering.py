"""What whoever spends money on a vendor's machine tells the ledger, and what the ledger may answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from core.errors import LoopOSError

Tier = Literal["fast", "strong", "embed", "speech"]


@dataclass(frozen=True, slots=True)
class About:
    """What a call is made for: carried to the vendor and written into its row."""

    purpose: str
    """triage, draft, translate, embed, transcribe, ..."""
    property_id: str | None = None
    ticket_id: str | None = None
    inbox_id: str | None = None
    """The message it was made for: the ledger finds the ticket by it, once the message has one."""
    severity: int = 0
    """What the offline engine makes of it: the budget never stands in the way of what is urgent."""
    worker_id: str | None = None
    run_id: str | None = None
    """The beat, or which run of the worker."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A call that is about to be made, with the most it can use. Tokens, and seconds of sound."""

    tier: Tier
    provider: str
    model: str
    about: About
    input_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a call really used, as its vendor says. `input_tokens` counts neither kind of cached token."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    seconds: float = 0.0


class OverBudget(LoopOSError):
    """The month's money is spent as far as this tier goes. `step`: what may be tried instead."""

    def __init__(self, step: Literal["fast", "offline"]) -> None:
        super().__init__(f"over budget: {step}")
        self.step = step


class Meter(Protocol):
    async def reserve(self, planned: Planned) -> str:
        """Set the money aside before the call; the id of the ledger's row. Raises OverBudget."""

    async def settle(self, row_id: str, usage: Usage | None, *, ok: bool, ms: int, error: str = "") -> None:
        """Write down what it cost. `usage` None: the vendor did not say (a timeout), the row keeps what was reserved
        where it may have been spent; a call that surely was not made is settled with Usage()."""
