"""What thinks and listens for the house, and what that costs: models, ears, ledger, as the settings have them."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from bot.models import embeddings_of, gateway_of
from bot.settings import DATA, Settings
from bot.transcribers import transcribers_of
from core.brain.embeddings import Embeddings
from core.brain.keeping import IndexKeeper
from core.clock import Clock
from core.context import Services, Store
from core.cost.journal import Journal
from core.cost.ledger import Ledger
from core.cost.prices import load
from core.knowledge.questions import shelf_of
from core.llm.gateway import Gateway
from core.speech.transcribers import Transcribers
from core.triage.by_model import ModelUnderstanding

log = structlog.get_logger(__name__)

STEPS_DOWN_TO: Final = "claude-haiku-4-5"
"""Whose price tells whether a fast call would still fit, where no model is named."""


@dataclass
class ModelsAndSpeech:
    ledger: Ledger
    journal: Journal
    models: Gateway | None
    transcriber: Transcribers | None
    embeddings: Embeddings | None = None
    _keeper: IndexKeeper | None = field(default=None)
    _warming: asyncio.Task[None] | None = field(default=None)

    def join(self, services: Services) -> None:
        """The house works with them from now on."""
        services.transcriber = self.transcriber
        if self.embeddings is not None:
            services.vectors = self.embeddings
            self._keeper = IndexKeeper(self.embeddings, lambda: shelf_of(services.company).texts)
        if self.models is not None:
            services.models = self.models
            services.understanding = ModelUnderstanding(
                services.baseline, self.models, lambda: services.company
            )

    def state(self) -> dict[str, Any]:
        """For /readyz: who thinks and who listens, and whether they are well. A vendor that is down degrades the
        service, and never makes it unready."""
        models = self.models.health() if self.models is not None else []
        return {
            "models": {
                one.name: {"state": one.state, "detail": one.detail, "models": one.models} for one in models
            },
            "ears": list(self.transcriber.names) if self.transcriber is not None else [],
        }

    async def start(self) -> None:
        await self.ledger.start()
        self.journal.start()
        if self._keeper is not None:
            self._keeper.start()
        if self.models is not None:
            self._warming = asyncio.create_task(self.models.warm(), name="warm-models")

    async def stop(self) -> None:
        """After the jobs, before the store."""
        if self._warming is not None:
            self._warming.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._warming
        if self._keeper is not None:
            await self._keeper.stop()
        if self.models is not None:
            await self.models.close()
        if self.transcriber is not None:
            await self.transcriber.close()
        await self.journal.stop()


def ledger_of(settings: Settings, store: Store) -> Ledger:
    return Ledger(
        store, load(DATA / "pricing.json"), settings.budget_usd, settings.fast_model or STEPS_DOWN_TO
    )


def models_and_speech_of(settings: Settings, store: Store, clock: Clock) -> ModelsAndSpeech:
    ledger = ledger_of(settings, store)
    return ModelsAndSpeech(
        ledger=ledger,
        journal=Journal(store, settings.home / "usage.jsonl"),
        models=gateway_of(settings, ledger, clock),
        transcriber=transcribers_of(settings, ledger, clock),
        embeddings=embeddings_of(settings, store, ledger, clock),
    )
