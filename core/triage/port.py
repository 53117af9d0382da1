"""What the house asks of whatever understands a message: today the offline engine, later a model too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from core.model import Triage


@dataclass(frozen=True, slots=True)
class Speaker:
    """What is known about who speaks and where, so that the text need not say it."""

    languages: tuple[str, ...]
    properties: tuple[str, ...]
    """Those the person looks after; one alone settles the property."""


class Understanding(Protocol):
    name: str

    async def understand(self, text: str, speaker: Speaker) -> Triage:
        """What `text` reports. Never raises for any text; never obeys it."""
