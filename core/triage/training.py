"""From the corpus to the model. Needs scikit-learn (the extra `train`), the service does not.

The corpus is data/understanding/corpus/*.jsonl, a file per language, a labelled message per line. Two runs over
the same corpus make the same file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from core.company.company import Company
from core.model import LANGUAGES, Category, Intent, RiskTag
from core.triage import concepts, features
from core.triage.concepts import Concepts, fold
from core.triage.features import Features
from core.triage.injected_instructions import Orders
from core.triage.model import Model
from core.triage.places import Places

CORPUS: Final = Path(__file__).parents[2] / "data" / "understanding" / "corpus"
STRENGTH: Final = 15.0
"""Inverse of the regularisation; found by folds over the corpus."""


@dataclass(frozen=True, slots=True)
class Example:
    text: str
    language: str
    property_id: str | None
    category: str
    severity: int
    risk_tags: tuple[str, ...]
    intent: str


def read_corpus(folder: Path = CORPUS) -> list[Example]:
    """Raises ValueError naming file and line of an example that is not one."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                found.append(_example(line, path.stem, f"{path.name}:{number}"))
    return found


def _example(line: str, language: str, where: str) -> Example:
    try:
        row = json.loads(line)
        if row["severity"] not in {1, 2, 3, 4, 5}:
            raise ValueError("severity must be 1 to 5")
        return Example(
            text=str(row["text"]),
            language=language,
            property_id=row["property_id"],
            category=Category(row["category"]).value,
            severity=row["severity"],
            risk_tags=tuple(RiskTag(tag).value for tag in row["risk_tags"]),
            intent=Intent(row["intent"]).value,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error


def features_of(
    text: str, language: str, places: Places, orders: Orders, lexicon: Concepts
) -> tuple[Features, Features]:
    """The two kinds of features of one text: those that know no language, and the concepts."""
    plain, _ = orders.taken_out(places.masked(fold(text)))
    return features.grams(plain), features.of_concepts(lexicon.find(plain, language))


def _check_complete(examples: Sequence[Example], heads: dict[str, tuple[str, ...]]) -> None:
    seen = {
        "category": {one.category for one in examples},
        "intent": {one.intent for one in examples},
        "severity": {str(one.severity) for one in examples},
        "tags": {tag for one in examples for tag in one.risk_tags},
        "language": {one.language for one in examples},
    }
    missing = [label for head, labels in heads.items() for label in labels if label not in seen[head]]
    if missing:
        raise ValueError(f"no example of {', '.join(missing)}")


def train(examples: Sequence[Example], company: Company) -> Model:
    """Raises ValueError for a label that has no example."""
    heads: dict[str, tuple[str, ...]] = {
        "category": tuple(one.value for one in Category),
        "intent": tuple(one.value for one in Intent),
        "severity": ("1", "2", "3", "4", "5"),
        "tags": tuple(one.value for one in RiskTag),
        "language": LANGUAGES,
    }
    _check_complete(examples, heads)

    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    lexicon = concepts.load()
    places, orders = Places(company), Orders(lexicon)
    both = [features_of(one.text, one.language, places, orders, lexicon) for one in examples]
    counted = Counter(name for pair in both for part in pair for name in part)
    vocabulary = {name: row for row, name in enumerate(sorted(n for n, c in counted.items() if c >= 2))}

    def matrix(rows: Iterable[Features]) -> Any:
        starts, columns, values = [0], [], []
        for row in rows:
            known = [(vocabulary[name], value) for name, value in row.items() if name in vocabulary]
            columns += [column for column, _ in known]
            values += [value for _, value in known]
            starts.append(len(columns))
        return csr_matrix((values, columns, starts), shape=(len(starts) - 1, len(vocabulary)))

    whole = matrix({**grams, **hits} for grams, hits in both)
    blocks: list[np.ndarray[Any, Any]] = []
    biases: list[np.ndarray[Any, Any]] = []

    def fit(data: Any, labels: list[str], order: Sequence[str]) -> None:
        found = LogisticRegression(C=STRENGTH, max_iter=400)
        found.fit(data, labels)
        at = {label: row for row, label in enumerate(found.classes_)}
        rows = [at[label] for label in order]
        blocks.append(found.coef_[rows].T)
        biases.append(found.intercept_[rows])

    fit(whole, [one.category for one in examples], heads["category"])
    fit(whole, [one.intent for one in examples], heads["intent"])
    fit(whole, [str(one.severity) for one in examples], heads["severity"])
    for tag in heads["tags"]:
        found = LogisticRegression(C=2 * STRENGTH, max_iter=400)
        found.fit(whole, [tag in one.risk_tags for one in examples])
        blocks.append(found.coef_.T)
        biases.append(found.intercept_)
    fit(matrix(grams for grams, _ in both), [one.language for one in examples], heads["language"])
    return Model(
        vocabulary,
        np.hstack(blocks).astype(np.float32),
        np.concatenate(biases).astype(np.float32),
        np.log(len(examples) / np.array([counted[name] for name in vocabulary])).astype(np.float32),
        heads,
    )
