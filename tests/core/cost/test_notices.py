"""The founder hears of the month's money at 50, 80 and 100 per cent: once each, and what changes then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from core.cost.budget import THRESHOLDS, fits, forecast, reached, step_down
from core.cost.months import month_at
from core.metering import Usage
from tests.core.cost.books import FAST, call, ledger_of, planned, refused
from tests.world import World, open_world

CENTS = st.integers(0, 100_000).map(lambda cents: Decimal(cents) / 100)


async def about_money(world: World) -> list[str]:
    await world.settle()
    return [text.splitlines()[0] for text in await world.texts("ben") if "budget for models" in text]


async def spend(world: World, dollars: str, budget: str = "10") -> None:
    """One call that costs this much."""
    tokens = int(Decimal(dollars) / Decimal("0.000015"))
    ledger = ledger_of(world, "1000000")
    row_id = await ledger.reserve(planned(tokens=tokens))
    await ledger_of(world, budget).settle(row_id, Usage(input_tokens=tokens), ok=True, ms=1)


async def test_each_threshold_is_told_once(world: World) -> None:
    for _ in range(12):
        await spend(world, "0.9")
    assert await about_money(world) == [
        "50 % of this month's budget for models is used: 5.40 USD of 10.00 USD.",
        "80 % of this month's budget for models is used: 8.10 USD of 10.00 USD.",
        "100 % of this month's budget for models is used: 10.80 USD of 10.00 USD.",
    ]


async def test_one_call_that_passes_two_thresholds_is_one_message(world: World) -> None:
    await spend(world, "9")
    assert [text[:4] for text in await about_money(world)] == ["80 %"]
    await spend(world, "0.3")
    assert len(await about_money(world)) == 1


async def test_thresholds_are_told_once_over_restarts(tmp_path: Path) -> None:
    for _ in range(3):
        async with open_world(tmp_path) as world:
            await ledger_of(world).start()
            await spend(world, "2")
            told = await about_money(world)
    assert [text[:4] for text in told] == ["50 %"]


async def test_a_new_month_begins_anew(world: World) -> None:
    await spend(world, "6")
    world.clock.at += timedelta(days=30)
    await spend(world, "4")
    assert len(await about_money(world)) == 1
    await spend(world, "2")
    assert len(await about_money(world)) == 2


async def test_the_first_refusal_says_what_is_stepped_down(world: World) -> None:
    ledger = ledger_of(world, budget="0.12")
    await call(ledger, planned(tokens=1000), Usage(1000, 100))  # 0.0225, under every threshold
    await ledger.reserve(planned(tokens=800))
    for _ in range(3):
        assert await refused(ledger, planned(tokens=1000)) == "fast"
    for _ in range(3):
        assert await refused(ledger, planned("fast", FAST, 100_000)) == "offline"
    await world.settle()
    first, second = [one.splitlines() for one in await world.texts("ben") if "budget for models" in one]
    assert first[0].startswith("89 % ")
    assert first[1] == "The strong model does not fit into what is left: the fast one does its work."
    assert second[1].startswith("No model fits into what is left: my own engine does the work until Dec 1")
    assert "LOOPOS_BUDGET_USD" in second[2]
    await spend(world, "1", budget="0.12")
    assert len(await about_money(world)) == 2  # that nothing fits any more was said


async def test_the_last_call_that_does_not_fit_is_the_notice_of_100_per_cent(world: World) -> None:
    await spend(world, "9.99")
    assert await refused(ledger_of(world, "10"), planned(tokens=100_000)) == "offline"
    assert [text[:5] for text in await about_money(world)] == ["80 % ", "100 %"]


async def test_one_call_that_is_too_dear_takes_no_later_threshold_away(world: World) -> None:
    assert await refused(ledger_of(world, "10"), planned(tokens=100_000)) == "fast"
    for _ in range(9):
        await spend(world, "1")
    assert [text[:4] for text in await about_money(world)] == ["0 % ", "50 %", "80 %"]


async def test_a_budget_of_nothing_is_told_once(world: World) -> None:
    for _ in range(2):
        assert await refused(ledger_of(world, "0"), planned("fast", FAST)) == "offline"
    assert [text[:5] for text in await about_money(world)] == ["100 %"]


async def test_nobody_but_the_founder_is_told(world: World) -> None:
    await spend(world, "9")
    await world.settle()
    for person in ("shirley", "haru", "celine", "miguel"):
        assert await world.texts(person) == []


@given(spent=CENTS, budget=CENTS)
def test_a_threshold_is_reached_exactly_at_its_share(spent: Decimal, budget: Decimal) -> None:
    assert reached(spent, budget) == [
        one for one in THRESHOLDS if budget and spent / budget >= Decimal(one) / 100
    ]


@given(used=CENTS, most=CENTS, budget=CENTS)
def test_a_call_that_fits_never_passes_the_budget(used: Decimal, most: Decimal, budget: Decimal) -> None:
    if fits(used, most, budget):
        assert used + most <= budget or most == 0
    else:
        assert step_down("fast", used, None, budget) == "offline"
        assert step_down("strong", used, most, budget) == "offline"


@given(spent=CENTS, hours=st.integers(0, 30 * 24 - 1))
def test_a_forecast_is_never_below_what_is_spent(spent: Decimal, hours: int) -> None:
    month = month_at(datetime(2026, 11, 20, tzinfo=UTC), UTC)
    now = month.start + timedelta(hours=hours)
    assert spent <= forecast(spent, now, month) <= spent * 30


def test_half_a_month_at_this_pace_makes_a_whole_one() -> None:
    month = month_at(datetime(2026, 11, 16, tzinfo=UTC), UTC)
    assert forecast(Decimal("12.5"), datetime(2026, 11, 16, tzinfo=UTC), month) == 25
