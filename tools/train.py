"""Builds the shipped model from the shipped corpus: `python -m tools.train` (make model)."""

from __future__ import annotations

from pathlib import Path

from core.company.loader import load_company
from core.triage import model, training

if __name__ == "__main__":
    company = load_company(Path(__file__).parents[1] / "data" / "company")
    examples = training.read_corpus()
    trained = training.train(examples, company)
    trained.save(model.FILE)
    training.train_danger(examples, training.read_danger(), company).save(model.DANGER_FILE)
    print(
        f"{len(examples)} messages, {len(trained.vocabulary)} features, {model.FILE.stat().st_size:,} bytes"
    )
