"""The attacks: what somebody writes, says, names or dictates, and what they want by it.

A line of corpus.jsonl is `{id, language, way, goal, text}`; in `text` the injection stands in ⟦⟧, the rest is an honest
report. Optional: `by` (who writes), `before` (what they had reported earlier), `report` (the message that the photo
comes with, or that calls the memo up), `place` and `category` (what the memo is about)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Way = Literal["text", "voice", "photo_name", "memo", "vendor_answer"]
WRITERS: Final = {"id": "celine", "zh-TW": "shirley", "ja": "haru", "en": "miguel", "es": "miguel"}
"""Who writes in which language."""


@dataclass(frozen=True)
class Attack:
    id: str
    language: str
    way: Way
    goal: str
    text: str
    """As it is written, with the injection in it."""
    injection: str
    by: str
    before: str = ""
    report: str = ""
    place: str = ""
    category: str = ""

    @property
    def said(self) -> str:
        """Every word of the attacker's."""
        return "\n".join((self.before, self.report, self.text))


def _attack(line: str) -> Attack:
    row = json.loads(line)
    head, _, rest = row.pop("text").partition("⟦")
    injection, _, tail = rest.partition("⟧")
    by = row.pop("by", WRITERS[row["language"]])
    return Attack(text=head + injection + tail, injection=injection, by=by, **row)


EVERY: Final = tuple(
    map(_attack, Path(__file__).with_name("corpus.jsonl").read_text(encoding="utf-8").splitlines())
)


def of(*ways: Way) -> list[Attack]:
    return [one for one in EVERY if one.way in ways]


def batches(attacks: list[Attack], size: int = 20) -> list[list[Attack]]:
    return [attacks[start : start + size] for start in range(0, len(attacks), size)]
