"""How well the engine reads texts it was not trained on: `python -m tools.folds` (make folds).

The corpus is cut into five; each fifth is read by a model trained on the other four."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from core.company.loader import load_company
from core.model import Triage
from core.triage import score, training
from core.triage.offline import OfflineEngine
from core.triage.port import Speaker

FOLDS: Final = 5


def read_all() -> Iterator[tuple[dict[str, Any], Triage]]:
    company = load_company(Path(__file__).parents[1] / "data" / "company")
    examples = training.read_corpus()
    random.Random(5).shuffle(examples)  # noqa: S311
    for fold in range(FOLDS):
        known = [one for at, one in enumerate(examples) if at % FOLDS != fold]
        engine = OfflineEngine(company, training.train(known, company))
        for one in examples[fold::FOLDS]:
            gold = {**asdict(one), "lang": one.language}
            yield gold, engine.judge(one.text, Speaker((), ()))


if __name__ == "__main__":
    print("\n".join(score.lines(score.table(read_all()))))
