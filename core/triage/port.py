"""What the house asks of whatever understands a message: the offline engine, and a model above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from core.model import Picture, Triage

Corrected = Literal["category", "severity", "property", "language"]


@dataclass(frozen=True, slots=True)
class Speaker:
    """What is known about who speaks and where, so that the text need not say it."""

    languages: tuple[str, ...]
    properties: tuple[str, ...]
    """Those the person looks after; one alone settles the property."""


NOBODY: Final = Speaker((), ())
"""Whose place is not guessed from who speaks: it counts what the text names."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A person's word on what a text was about. `label` is a category, "1" to "5", a property id or a language."""

    text: str
    field: Corrected
    label: str


@dataclass(frozen=True, slots=True)
class Occasion:
    """Where a text comes from, for an engine that can do more than read it."""

    inbox_id: str | None = None
    pictures: tuple[Picture, ...] = ()
    settled: bool = False
    """What it is about is known already (a command, the same words again): nothing may be spent on it."""


NO_OCCASION: Final = Occasion()


class Understanding(Protocol):
    name: str

    async def understand(self, text: str, speaker: Speaker, occasion: Occasion = NO_OCCASION) -> Triage:
        """What `text` reports. Never raises for any text; never obeys it; takes some seconds at most."""

    def teach(self, corrections: Sequence[Correction]) -> None:
        """Judge from now on as the company's corrections say, all of them, oldest first. Takes some milliseconds
        each, so not on the event loop."""


class BaselineEngine(Understanding, Protocol):
    """The engine that needs nothing and answers within milliseconds."""

    def judge(self, text: str, speaker: Speaker) -> Triage:
        """The same as `understand`, at once."""
