"""The ledger of a test house, and calls as a gateway makes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sqlalchemy import select

from bot.settings import DATA
from core.cost.ledger import Ledger
from core.cost.prices import Prices, load
from core.metering import About, OverBudget, Planned, Tier, Usage
from core.store.tables import UsageRow
from tests.world import World

FAST, STRONG = "claude-haiku-4-5", "claude-opus-4-7"


def prices() -> Prices:
    return load(DATA / "pricing.json")


def ledger_of(world: World, budget: str = "500", fast_model: str | None = FAST) -> Ledger:
    return Ledger(world.store, prices(), Decimal(budget), fast_model)


def planned(
    tier: Tier = "strong", model: str = STRONG, tokens: int = 1000, provider: str = "anthropic", **about: Any
) -> Planned:
    return Planned(tier, provider, model, About(about.pop("purpose", "draft"), **about), tokens, tokens)


async def call(ledger: Ledger, plan: Planned, usage: Usage | None, *, ok: bool = True) -> str:
    """A call as the gateway makes it: money set aside, made, settled."""
    row_id = await ledger.reserve(plan)
    await ledger.settle(row_id, usage, ok=ok, ms=12, error="" if ok else "timeout")
    return row_id


async def refused(ledger: Ledger, plan: Planned) -> str:
    """The step the ledger allows instead; "" where it lets the call be made."""
    try:
        await ledger.reserve(plan)
    except OverBudget as over:
        return over.step
    return ""


async def rows(world: World) -> list[UsageRow]:
    return await world.store.read(
        lambda s: list(s.scalars(select(UsageRow).order_by(UsageRow.at, UsageRow.id)))
    )


async def row(world: World) -> UsageRow:
    (one,) = await rows(world)
    return one
