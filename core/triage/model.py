"""The linear model: what training left in data/understanding/model.npz, and reading with it.

One matrix, a row per feature and a column per label; reading a text is adding up a few hundred rows. The file
holds numbers and names only: nothing in it can be executed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from core.triage.features import Features

FILE: Final = Path(__file__).parents[2] / "data" / "understanding" / "model.npz"
DANGER_FILE: Final = FILE.with_name("danger.npz")
DANGER: Final = "danger"
"""The one question of that model."""
Vector = NDArray[np.float32]


@dataclass(frozen=True)
class Known:
    """The features of one text that the model knows, and how each of them speaks for each label."""

    names: list[str]
    votes: NDArray[np.float32]


@dataclass(frozen=True)
class Model:
    """`heads` names the labels of each question ("category", "intent", "severity", "tags", "language");
    their columns stand side by side in `weights`."""

    vocabulary: dict[str, int]
    weights: NDArray[np.float32]
    bias: Vector
    rarity: Vector
    """Per feature: the logarithm of how few texts of the corpus have it."""
    heads: dict[str, tuple[str, ...]]

    def columns(self, head: str) -> slice:
        at = 0
        for name, labels in self.heads.items():
            if name == head:
                return slice(at, at + len(labels))
            at += len(labels)
        raise KeyError(head)

    def known(self, features: Features) -> Known:
        """Those of `features` that the corpus has, ready to be added up."""
        vocabulary = self.vocabulary
        names = [name for name in features if name in vocabulary]
        rows = np.fromiter((vocabulary[name] for name in names), dtype=np.intp, count=len(names))
        values = np.fromiter((features[name] for name in names), dtype=np.float32, count=len(names))
        return Known(names, values[:, None] * self.weights[rows])

    def logits(self, known: Known) -> Vector:
        found: Vector = known.votes.sum(axis=0, dtype=np.float32) + self.bias
        return found

    def save(self, path: Path) -> None:
        """Write atomically: whoever reads sees the old file or the new one."""
        names = "\n".join(self.vocabulary).encode()
        beside = path.with_suffix(".new.npz")
        np.savez_compressed(
            beside,
            names=np.frombuffer(names, dtype=np.uint8),
            weights=self.weights.astype(np.float16),
            bias=self.bias,
            rarity=self.rarity.astype(np.float16),
            heads=np.frombuffer(json.dumps(self.heads).encode(), dtype=np.uint8),
        )
        beside.replace(path)


@cache
def load(path: Path = FILE) -> Model:
    with np.load(path, allow_pickle=False) as data:
        names = data["names"].tobytes().decode().split("\n")
        heads: dict[str, Any] = json.loads(data["heads"].tobytes())
        return Model(
            {name: row for row, name in enumerate(names)},
            data["weights"].astype(np.float32),
            data["bias"].astype(np.float32),
            data["rarity"].astype(np.float32),
            {name: tuple(labels) for name, labels in heads.items()},
        )


def softmax(logits: Vector) -> Vector:
    raised = np.exp(logits - logits.max())
    shares: Vector = (raised / raised.sum()).astype(np.float32)
    return shares


def sigmoid(logits: Vector) -> Vector:
    shares: Vector = (1 / (1 + np.exp(-np.clip(logits, -30, 30)))).astype(np.float32)
    return shares
