"""How well the engine reads a labelled file: the table of `loopos triage --score`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from core.model import LANGUAGES, Triage

SEVERE: Final = 4
COLUMNS: Final = ("category", "severity", "within 1", "under", "tags F1", "property", "language", "intent")


@dataclass
class Tally:
    """Counts over some messages. `under`: of those with severity 4 or 5, how many were read as less."""

    messages: int = 0
    right: dict[str, int] = field(default_factory=dict)
    severe: int = 0
    under: int = 0
    tags_both: int = 0
    tags_either: int = 0
    """Tags said plus tags that should have been: the F1 is twice `tags_both` by this."""

    def add(self, gold: Mapping[str, Any], read: Triage) -> None:
        said = {tag.value for tag in read.risk_tags}
        wanted = set(gold["risk_tags"])
        self.messages += 1
        self.severe += gold["severity"] >= SEVERE
        self.under += gold["severity"] >= SEVERE > read.severity
        self.tags_both += len(said & wanted)
        self.tags_either += len(said) + len(wanted)
        for name, good in (
            ("category", read.category == gold["category"]),
            ("severity", read.severity == gold["severity"]),
            ("within 1", abs(read.severity - gold["severity"]) <= 1),
            ("property", read.property_id == gold["property_id"]),
            ("language", read.language == gold["lang"]),
            ("intent", read.intent == gold["intent"]),
        ):
            self.right[name] = self.right.get(name, 0) + good

    def rates(self) -> dict[str, float | None]:
        """Shares in 0..1; None where nothing could be counted."""
        return {
            **{name: count / self.messages for name, count in self.right.items()},
            "under": self.under / self.severe if self.severe else None,
            "tags F1": 2 * self.tags_both / self.tags_either if self.tags_either else None,
        }


def table(pairs: Iterable[tuple[Mapping[str, Any], Triage]]) -> dict[str, Tally]:
    """A tally per language and one for all."""
    found = {name: Tally() for name in (*LANGUAGES, "all")}
    for gold, read in pairs:
        found["all"].add(gold, read)
        found.setdefault(gold["lang"], Tally()).add(gold, read)
    return {name: tally for name, tally in found.items() if tally.messages}


def lines(found: Mapping[str, Tally]) -> list[str]:
    head = f"{'':8}{'n':>5} " + "".join(f"{name:>10}" for name in COLUMNS)
    rows = []
    for name, tally in found.items():
        rates = tally.rates()
        cells = "".join(f"{rates[one]:>10.3f}" if rates[one] is not None else f"{'–':>10}" for one in COLUMNS)
        rows.append(f"{name:8}{tally.messages:>5} {cells}")
    return [head, *rows]
