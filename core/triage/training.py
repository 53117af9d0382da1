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

from core import concepts
from core.company.company import Company
from core.concepts import Concepts, fold
from core.model import LANGUAGES, Category, Intent, RiskTag
from core.triage import features
from core.triage.features import Features
from core.triage.injected_instructions import Orders
from core.triage.model import DANGER, Model
from core.triage.places import Places

CORPUS: Final = Path(__file__).parents[2] / "data" / "understanding" / "corpus"
DANGER_CORPUS: Final = CORPUS.with_name("danger")
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

    from sklearn.linear_model import LogisticRegression

    seen = _Seen([(one.text, one.language) for one in examples], company)
    whole = seen.matrix({**grams, **hits} for grams, hits in seen.both)
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
    fit(seen.matrix(grams for grams, _ in seen.both), [one.language for one in examples], heads["language"])
    return seen.model(np.hstack(blocks), np.concatenate(biases), heads)


def train_danger(
    examples: Sequence[Example], more: Sequence[tuple[str, str, bool]], company: Company
) -> Model:
    """A model of one question, whether somebody's life is in danger, from the corpus and from `more`: (text, language,
    danger). Apart from the other, which has to tell kinds of problems from each other."""
    from sklearn.linear_model import LogisticRegression

    told = [(one.text, one.language, one.severity == 5) for one in examples] + list(more)
    seen = _Seen([(text, language) for text, language, _ in told], company)
    found = LogisticRegression(C=STRENGTH, max_iter=400)
    found.fit(seen.matrix({**grams, **hits} for grams, hits in seen.both), [danger for *_, danger in told])
    return seen.model(found.coef_.T, found.intercept_, {DANGER: (DANGER,)})


def read_danger(folder: Path = DANGER_CORPUS) -> list[tuple[str, str, bool]]:
    """(text, language, danger) of each labelled line."""
    return [
        (row["text"], language, bool(row["danger"]))
        for language in LANGUAGES
        for row in map(json.loads, (folder / f"{language}.jsonl").read_text(encoding="utf-8").splitlines())
    ]


class _Seen:
    """The features of texts (text, language), and what of them is worth learning from: what two texts have."""

    def __init__(self, texts: Sequence[tuple[str, str]], company: Company) -> None:
        lexicon = concepts.load()
        places, orders = Places(company), Orders(lexicon)
        self.both = [features_of(text, language, places, orders, lexicon) for text, language in texts]
        self._counted = Counter(name for pair in self.both for part in pair for name in part)
        often = sorted(name for name, times in self._counted.items() if times >= 2)
        self._vocabulary = {name: row for row, name in enumerate(often)}

    def matrix(self, rows: Iterable[Features]) -> Any:
        from scipy.sparse import csr_matrix

        vocabulary = self._vocabulary
        starts, columns, values = [0], [], []
        for row in rows:
            known = [(vocabulary[name], value) for name, value in row.items() if name in vocabulary]
            columns += [column for column, _ in known]
            values += [value for _, value in known]
            starts.append(len(columns))
        return csr_matrix((values, columns, starts), shape=(len(starts) - 1, len(vocabulary)))

    def model(self, weights: Any, bias: Any, heads: dict[str, tuple[str, ...]]) -> Model:
        counts = np.array([self._counted[name] for name in self._vocabulary])
        rarity = np.log(len(self.both) / counts).astype(np.float32)
        return Model(self._vocabulary, weights.astype(np.float32), bias.astype(np.float32), rarity, heads)
