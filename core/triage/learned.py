"""What a company taught by correcting: small changes to the model's weights, worked out anew from the list of
corrections. So nothing is lost with a restart, one correction can be taken back, and no other company hears of it.

Each correction moves only the features of its own text, the rare ones most (passive-aggressive learning): texts
that share nothing but everyday words with it are judged as before."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from core.triage.features import Features
from core.triage.model import Model, Vector

ROUNDS: Final = 4
MARGIN: Final = {"category": 2.5, "severity": 4.0, "language": 1.5, "property": 2.0}
"""By how much the corrected label shall lead; severity is decided by cost, which a small lead does not move."""
KEPT: Final = frozenset({"w", "b", "c", "2", "3", "G", "P"})
UNKNOWN_RARITY: Final = 8.0
FIELDS: Final = ("category", "severity", "language", "property")


@dataclass(frozen=True, slots=True)
class Lesson:
    """One correction: for a text with these features, `field` should have been `label`."""

    field: str
    label: str
    seen: Features
    base: Vector
    """The untaught model's logits of the field's labels (zeros for properties)."""


class Learned:
    """Changes per field; `labels` are the possible values of each field, in the model's order."""

    def __init__(
        self, model: Model, labels: dict[str, Sequence[str]], lessons: Iterable[Lesson] = ()
    ) -> None:
        self._model = model
        self._labels = {field: list(values) for field, values in labels.items()}
        self._changes: dict[str, dict[str, Vector]] = {field: {} for field in FIELDS}
        taken = [one for one in lessons if one.label in self._labels.get(one.field, ())]
        for _ in range(ROUNDS):
            for one in taken:
                self._learn(one)
        self._used = {field: bool(changes) for field, changes in self._changes.items()}

    def taught(self, field: str) -> bool:
        return self._used[field]

    def change(self, field: str, seen: Features) -> Vector | None:
        """What to add to the logits of `field` for a text; None where nothing was taught about it."""
        if not self._used[field]:
            return None
        return self._sum(field, self._direction(seen))

    def _sum(self, field: str, direction: Features) -> Vector:
        changes = self._changes[field]
        total = np.zeros(len(self._labels[field]), dtype=np.float32)
        for name, value in direction.items():
            if name in changes:
                total += value * changes[name]
        return total

    def _learn(self, one: Lesson) -> None:
        direction = self._direction(one.seen)
        now = one.base + self._sum(one.field, direction)
        right = self._labels[one.field].index(one.label)
        others = now.copy()
        others[right] = -np.inf
        rival = int(others.argmax())
        loss = MARGIN[one.field] - float(now[right] - now[rival])
        if loss <= 0:
            return
        changes = self._changes[one.field]
        for name, value in direction.items():
            row = changes.setdefault(name, np.zeros(len(now), dtype=np.float32))
            row[right] += loss / 2 * value
            row[rival] -= loss / 2 * value

    def _direction(self, seen: Features) -> Features:
        """The telling part of a text's features, of length 1: what is rare in the corpus points the way."""
        weighed = {
            name: value * self._rarity(name) ** 2
            for name, value in seen.items()
            if name.partition(":")[0] in KEPT
        }
        length = math.sqrt(sum(value * value for value in weighed.values())) or 1.0
        return {name: value / length for name, value in weighed.items()}

    def _rarity(self, name: str) -> float:
        row = self._model.vocabulary.get(name)
        if row is None:
            return UNKNOWN_RARITY if name[0] != "P" else 0.0
        return float(self._model.rarity[row])
