"""`python -m bench [NAME ...]`: five shuffled rounds per row, medians of the paired ratios, a noise probe.
`python -m bench history`, `year`, `week`, `jobs`, `asks` and `walk` are no rows: they measure against themselves.

These machines are shared: quote the ratios, not the times."""

from __future__ import annotations

import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from bench import (
    asks,
    clients,
    cold,
    history,
    intake,
    jobs,
    loop,
    models,
    paint,
    pipeline,
    platforms,
    retrieval,
    timers,
    understanding,
    voice,
    walk,
    week,
    year,
)

ROUNDS = 5
ROWS = {
    "intake": intake.rounds,
    "platforms": platforms.rounds,
    "pipeline": pipeline.rounds,
    "cold": cold.rounds,
    "timers": timers.rounds,
    "understanding": understanding.rounds,
    "voice": voice.rounds,
    "models": models.rounds,
    "clients": clients.rounds,
    "paint": paint.rounds,
    "retrieval": retrieval.rounds,
    "loop": loop.rounds,
}

ALONE: Final[dict[str, Callable[[Sequence[str]], None]]] = {
    "asks": lambda _: asks.main(),
    "jobs": lambda _: jobs.main(),
    "history": history.main,
    "year": year.main,
    "week": week.main,
    "walk": walk.main,
}


def noise() -> float:
    """The spread of a spin loop, (max - min) / median: above 0.3 the round is noisy, and says so."""
    spins = []
    for _ in range(7):
        begun = time.perf_counter()
        sum(range(300_000))
        spins.append(time.perf_counter() - begun)
    return (max(spins) - min(spins)) / statistics.median(spins)


def main() -> None:
    if sys.argv[1:] and sys.argv[1] in ALONE:
        ALONE[sys.argv[1]](sys.argv[2:])
        return
    for name in sys.argv[1:] or list(ROWS):
        before = noise()
        results: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            sides = list(ROWS[name]().items())
            random.shuffle(sides)
            for label, measure in sides:
                for figure, value in measure().items():
                    results.setdefault(f"{label} {figure}", []).append(value)
        after = noise()
        mark = "  NOISY" if max(before, after) > 0.3 else ""
        print(f"\n{name} (noise {before:.2f} before, {after:.2f} after){mark}")
        for figure, values in sorted(results.items()):
            print(
                f"  {figure:<46} median {statistics.median(values):10.3f}   min {min(values):10.3f}   max {max(values):10.3f}"
            )
        ours = {
            figure.split(" ", 1)[1]: values
            for figure, values in results.items()
            if figure.startswith("loopos ")
        }
        bare = {
            figure.split(" ", 1)[1]: values
            for figure, values in results.items()
            if figure.startswith("bare ")
        }
        for figure in sorted(ours.keys() & bare.keys()):
            ratios = [a / b for a, b in zip(ours[figure], bare[figure], strict=True) if b]
            if ratios:
                median = statistics.median(ratios)
                print(f"  ratio loopos/bare, {figure:<27} median {median:10.2f}")


if __name__ == "__main__":
    main()
