"""A gateway in front of both fakes, a ledger that only remembers, and one question to ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field

from bot.models import gateway_of
from bot.settings import Settings
from core.llm.gateway import Gateway
from core.llm.port import Ask, Unanswered
from core.metering import About, OverBudget, Planned, Usage
from tests.fakes.anthropic import FakeAnthropic
from tests.fakes.models_and_speech import FakeMind
from tests.fakes.openai import FakeOpenAI
from tests.world import MovableClock

CANARY = "sk-canary-5f0c9b7e21"
LONG = timedelta(seconds=5)
SHORT = timedelta(seconds=0.3)


class Step(BaseModel):
    what: str = Field(max_length=80)
    minutes: int = Field(default=10, ge=1, le=600)


class Draft(BaseModel):
    """Bounds, defaults, choices, lists, nesting: what schemas stumble over."""

    category: Literal["hvac_leak", "lockout", "other"]
    severity: int = Field(ge=1, le=5)
    note: str | None = None
    steps: list[Step] = []


QUESTION = Ask(
    tier="fast",
    about=About("triage", property_id="warm_taipei_2br", ticket_id="T-1042", inbox_id="in-7"),
    stable="The company looks after five houses. " * 40,
    facts={"property": "溫暖台北", "open": ["T-1041"]},
    said=("主臥冷氣在漏水,水滴到插座旁邊",),
    answer=Draft,
)
STRONG = replace(QUESTION, tier="strong", about=replace(QUESTION.about, purpose="draft"))


@dataclass
class Row:
    planned: Planned
    settled: bool = False
    usage: Usage | None = None
    ok: bool | None = None
    error: str = ""


@dataclass
class Notebook:
    """A meter that remembers, and that runs out of money where it is told to."""

    rows: list[Row] = field(default_factory=list)
    over: list[Literal["", "fast", "offline"]] = field(default_factory=list)
    """What the next reservations are answered; "" = granted. When it is used up, everything is."""
    broken: bool = False
    """Nothing can be settled."""

    async def reserve(self, planned: Planned) -> str:
        step = self.over.pop(0) if self.over else ""
        if step:
            raise OverBudget(step)
        self.rows.append(Row(planned))
        return str(len(self.rows) - 1)

    async def settle(self, row_id: str, usage: Usage | None, *, ok: bool, ms: int, error: str = "") -> None:
        if self.broken:
            raise OSError("disk full")
        row = self.rows[int(row_id)]
        assert not row.settled, "settled twice"
        assert ms >= 0
        row.settled, row.usage, row.ok, row.error = True, usage, ok, error

    def told(self) -> list[tuple[str, str, bool | None, str]]:
        return [(row.planned.provider, row.planned.model, row.ok, row.error) for row in self.rows]


@dataclass
class Stage:
    anthropic: FakeAnthropic
    openai: FakeOpenAI
    meter: Notebook
    clock: MovableClock
    home: Path
    gateways: list[Gateway] = field(default_factory=list)

    def settings(self, **changes: Any) -> Settings:
        """Both providers, unless `changes` (by the names of Settings) say otherwise."""
        given = {
            "home": self.home,
            "anthropic_key": CANARY,
            "anthropic_url": self.anthropic.url,
            "openai_key": CANARY,
            "openai_url": self.openai.base,
            **changes,
        }
        fields = Settings.model_fields
        return Settings.model_validate(
            {str(fields[name].validation_alias): value for name, value in given.items() if value is not None}
        )

    async def gateway(self, **changes: Any) -> Gateway:
        made = gateway_of(self.settings(**changes), self.meter, self.clock)
        assert made is not None
        self.gateways.append(made)
        await made.warm()
        return made

    @property
    def asked(self) -> list[str]:
        """What was played to whom, for every physical call that was in order."""
        return [f"anthropic {call.fault}".strip() for call in self.anthropic.calls] + [
            f"openai {call.fault}".strip() for call in self.openai.calls
        ]

    async def settled(self) -> None:
        """Wait until everything that was set aside is written down."""
        async with asyncio.timeout(5):
            while not all(row.settled for row in self.meter.rows):
                await asyncio.sleep(0.01)


@asynccontextmanager
async def open_stage(home: Path) -> AsyncIterator[Stage]:
    fakes: list[FakeMind] = [FakeAnthropic(key=CANARY), FakeOpenAI(key=CANARY)]
    for fake in fakes:
        await fake.start()
    stage = Stage(fakes[0], fakes[1], Notebook(), MovableClock(), home)  # type: ignore[arg-type]
    try:
        yield stage
    finally:
        for gateway in stage.gateways:
            await gateway.close()
        for fake in fakes:
            await fake.stop()


async def why(asking: Any) -> Unanswered:
    """How a question that gets no answer ends."""
    try:
        answer = await asking
    except Unanswered as unanswered:
        return unanswered
    raise AssertionError(f"answered: {answer}")
