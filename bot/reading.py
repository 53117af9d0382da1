"""The reading commands: they look, change nothing, and need no running service."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from itertools import islice, takewhile
from typing import IO, TYPE_CHECKING, Any, Final

from bot.looking import company_of
from bot.models import chosen
from bot.settings import Settings, read_settings
from bot.shell import WRONG_USE
from core.errors import StartupError
from core.model import Triage
from core.triage.port import NOBODY

if TYPE_CHECKING:
    from core.triage.offline import OfflineEngine

AT_ONCE: Final = 8
"""Messages that are with a model at the same time."""


def engine_of(settings: Settings) -> OfflineEngine:
    """The engine as the service would have it: this home's model if it has one, and what it was taught."""
    from bot.understanding import corrections_of, model_of
    from core.triage.offline import OfflineEngine

    engine = OfflineEngine(company_of(settings), model_of(settings))
    engine.teach(corrections_of(settings))
    return engine


def triage(path: str | None) -> int:
    """JSON lines in with id and text; JSON lines out. A broken line ends it, named."""
    settings = read_settings()
    if chosen(settings):
        return asyncio.run(_triage_by_model(settings, path))
    engine = engine_of(settings)
    for number, row in rows_of(path):
        if row is None:
            return _broken(number, "id and text")
        _print_triaged(row, engine.judge(row["text"], NOBODY))
    return 0


async def _triage_by_model(settings: Settings, path: str | None) -> int:
    """With the configured models, metered as the service's own calls are."""
    from bot.app import fill_demo_company
    from bot.models_and_speech import models_and_speech_of
    from bot.setup.side_process import side_process
    from core.triage.by_model import ModelUnderstanding

    settings.home.mkdir(parents=True, exist_ok=True)
    fill_demo_company(settings)
    async with side_process(settings) as house:
        models_and_speech = models_and_speech_of(settings, house.store, house.services.clock)
        assert models_and_speech.models is not None
        engine = ModelUnderstanding(
            engine_of(settings), models_and_speech.models, lambda: house.services.company
        )
        rows = rows_of(path)
        try:
            while some := list(islice(rows, AT_ONCE)):
                good = [row for _, row in takewhile(lambda one: one[1] is not None, some) if row is not None]
                judged = await asyncio.gather(*(engine.understand(row["text"], NOBODY) for row in good))
                for row, one in zip(good, judged, strict=True):
                    _print_triaged(row, one)
                if len(good) < len(some):
                    return _broken(some[len(good)][0], "id and text")
        finally:
            await models_and_speech.models.close()
    return 0


def _print_triaged(row: dict[str, Any], judged: Triage) -> None:
    out = {
        "id": row["id"],
        "language": judged.language,
        "property_id": judged.property_id,
        "category": judged.category.value,
        "severity": judged.severity,
        "risk_tags": [tag.value for tag in judged.risk_tags],
        "intent": judged.intent.value,
    }
    print(json.dumps(out, ensure_ascii=False))


def explain(text: str) -> int:
    """What was read from one text, how sure, and from which words."""
    judged = engine_of(read_settings()).judge(text, NOBODY)
    said = {
        "intent": judged.intent.value,
        "category": judged.category.value,
        "severity": str(judged.severity),
        "property": judged.property_id or "unknown",
    }
    print(f"{'language':<12}{judged.language}")
    for field, value in said.items():
        sure = f"{judged.confidence[field]:.2f}"
        print(f"{field:<12}{value:<22}{sure:<7}{', '.join(judged.evidence.get(field, ()))}".rstrip())
    for tag in judged.risk_tags:
        print(f"{'risk':<12}{tag.value:<29}{', '.join(judged.evidence.get(tag.value, ()))}".rstrip())
    if judged.steering:
        print(f"{'orders':<12}{', '.join(judged.steering)} (noted, never followed)")
    return 0


def score(path: str) -> int:
    """The table of how well a labelled file is read."""
    from core.triage import score as scoring

    engine = engine_of(read_settings())
    pairs = []
    for number, row in rows_of(path):
        if row is None or not {"lang", "property_id", "category", "severity", "risk_tags", "intent"} <= set(
            row
        ):
            return _broken(number, "id, text and all labels")
        pairs.append((row, engine.judge(row["text"], NOBODY)))
    print("\n".join(scoring.lines(scoring.table(pairs))))
    return 0


def _broken(number: int, wanted: str) -> int:
    print(f"loopos: line {number} is not a JSON object with {wanted}", file=sys.stderr)
    return WRONG_USE


def rows_of(path: str | None) -> Iterator[tuple[int, dict[str, Any] | None]]:
    try:
        source: IO[bytes] = open(path, "rb") if path else sys.stdin.buffer  # noqa: SIM115, PTH123
    except OSError as error:
        raise StartupError(
            f"{path} cannot be read: {error.strerror}.", "Name a file of JSON lines."
        ) from error
    with source:
        for number, line in enumerate(source, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
                json.dumps(row, ensure_ascii=False).encode()  # half a character has no bytes
            except (ValueError, RecursionError):
                row = None
            good = isinstance(row, dict) and "id" in row and isinstance(row.get("text"), str)
            yield number, row if good else None
