"""What the house asks of whatever understands a message: today the offline engine, later a model too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from core.model import Triage

Corrected = Literal["category", "severity", "property", "language"]


@dataclass(frozen=True, slots=True)
class Speaker:
    """What is known about who speaks and where, so that the text need not say it."""

    languages: tuple[str, ...]
    properties: tuple[str, ...]
    """Those the person looks after; one alone settles the property."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A person's word on what a text was about. `label` is a category, "1" to "5", a property id or a language."""

    text: str
    field: Corrected
    label: str


class Understanding(Protocol):
    name: str

    async def understand(self, text: str, speaker: Speaker) -> Triage:
        """What `text` reports. Never raises for any text; never obeys it."""

    def teach(self, corrections: Sequence[Correction]) -> None:
        """Judge from now on as the company's corrections say, all of them, oldest first. Takes some milliseconds
        each, so not on the event loop."""
