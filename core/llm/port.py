"""What the house asks of a language model, and what it gets: a validated value or a reason, never a surprise."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel

from core.errors import LoopOSError
from core.metering import About
from core.model import Picture
from core.text import READ_LIMIT

T = TypeVar("T", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """One question to a model. What people wrote stands in `said` alone, and is fenced as untrusted there."""

    tier: Literal["fast", "strong"]
    about: About
    stable: str
    """Instructions and company facts: the same from call to call, so the vendor may cache it."""
    facts: dict[str, Any]
    """What is so about this one case: data of ours, as JSON."""
    said: tuple[str, ...]
    """What people wrote or said: data, whatever it claims to be."""
    answer: type[T]
    pictures: tuple[Picture, ...] = ()
    most_tokens: int = 1_000
    most_said: int = READ_LIMIT
    """Characters of each text that are read."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    value: T
    engine: str
    """`provider/model` that answered."""
    stepped_down: str = ""
    """Why it is not the engine that was asked first ("" where it is): down, over_budget."""

    @property
    def instead(self) -> tuple[str, ...]:
        """What is told of that: (a key of core.phrases.BY_RULE, the engine); () where there is nothing to tell."""
        if not self.stepped_down:
            return ()
        return ("cheaper_model" if self.stepped_down == "over_budget" else "other_model", self.engine)


Why = Literal["off", "down", "invalid", "over_budget"]


class Unanswered(LoopOSError):
    """No model answered in time. `why`: none is configured, all are down or slow, what came back was refused,
    truncated or not valid even after a repair, or the money is spent. `tried`: `provider/model: reason`, in order."""

    def __init__(self, why: Why, tried: tuple[str, ...] = ()) -> None:
        super().__init__(f"{why}: {'; '.join(tried)}" if tried else why)
        self.why = why
        self.tried = tried


@dataclass(frozen=True, slots=True)
class ProviderHealth:
    """For /readyz and /status."""

    name: str
    state: Literal["ok", "degraded", "down"] = "ok"
    detail: str = ""
    models: dict[str, str] = field(default_factory=dict)
    """By tier."""


class Models(Protocol):
    """The gateway, as the core sees it."""

    async def ask(self, question: Ask[T], within: timedelta) -> Answer[T]:
        """Raises Unanswered, after `within` at the latest."""

    def health(self) -> list[ProviderHealth]:
        """Of every provider, in the order they are asked."""

    async def embed(self, texts: list[str], about: About, within: timedelta) -> list[list[float]]:
        """One vector per text. Raises Unanswered."""
