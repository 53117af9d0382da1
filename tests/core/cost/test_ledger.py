"""Money is set aside before a call and settled after it; the month's budget holds whatever happens between."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from core.cost.ledger import attribute, model_spent, reassign
from core.metering import OverBudget, Planned, Usage
from core.store.tables import InboxRow, Ticket, UsageRow
from core.store.url import file_of
from tests.core.cost.books import FAST, STRONG, call, ledger_of, planned, refused, row, rows
from tests.world import STORY, World, open_world


async def test_a_call_is_a_row_with_what_it_used_and_cost(world: World) -> None:
    ledger = ledger_of(world)
    await call(ledger, planned(property_id="bali_villa", ticket_id="T-9"), Usage(900, 80, 40, 20))
    one = await row(world)
    assert (one.model, one.provider, one.tier, one.purpose) == (STRONG, "anthropic", "strong", "draft")
    assert (one.property_id, one.ticket_id) == ("bali_villa", "T-9")
    assert (one.input_tokens, one.output_tokens, one.cache_read_tokens, one.cache_write_tokens) == (
        900,
        80,
        40,
        20,
    )
    assert one.usd == Decimal("0.0135") + Decimal("0.006") + Decimal("0.00006") + Decimal("0.0006")
    assert (one.ok, one.ms, one.error, one.estimated) == (True, 12, None, False)
    assert one.at == world.clock.at and one.settled_at == world.clock.at


async def test_what_is_set_aside_is_the_most_the_call_can_cost(world: World) -> None:
    ledger = ledger_of(world)
    await ledger.reserve(planned(tokens=1000))
    one = await row(world)
    assert one.settled_at is None and not one.ok
    assert one.usd == Decimal("0.105")  # all of it written into the cache, all of the answer


async def test_a_failed_call_is_a_row_too(world: World) -> None:
    await call(ledger_of(world), planned(), Usage(), ok=False)
    one = await row(world)
    assert (one.ok, one.error, one.usd) == (False, "timeout", Decimal(0))


async def test_a_call_that_timed_out_keeps_what_was_set_aside(world: World) -> None:
    await call(ledger_of(world), planned(tokens=1000), None, ok=False)
    one = await row(world)
    assert (one.usd, one.estimated, one.ok) == (Decimal("0.105"), True, False)
    assert one.input_tokens == 1000


async def test_an_unknown_model_is_marked_estimated(world: World) -> None:
    await call(ledger_of(world), planned(model="brand-new"), Usage(10, 10))
    assert (await row(world)).estimated


async def test_a_row_is_settled_once(world: World) -> None:
    ledger = ledger_of(world)
    row_id = await call(ledger, planned(), Usage(10, 10))
    with capture_logs() as logs:
        await ledger.settle(row_id, Usage(1000, 1000), ok=False, ms=1)
        await ledger.settle("no such row", Usage(), ok=True, ms=1)
    assert [entry["event"] for entry in logs] == ["usage_settled_twice", "usage_unknown"]
    assert (await row(world)).output_tokens == 10


# --- the budget


async def test_past_the_budget_the_strong_model_steps_down_to_the_fast_one_then_to_none(world: World) -> None:
    ledger = ledger_of(world, budget="0.12")
    await call(ledger, planned(tokens=1000), Usage(1000, 1000))  # 0.09
    assert await refused(ledger, planned(tokens=1000)) == "fast"
    await call(ledger, planned("fast", FAST, 10_000), Usage(10_000, 10_000))  # 0.02
    assert await refused(ledger, planned("fast", FAST, 10_000)) == "offline"
    assert await refused(ledger, planned(tokens=10_000)) == "offline"  # the fast call would not fit either
    assert (
        await refused(ledger, Planned("speech", "openai", "whisper-1", planned().about, seconds=600))
        == "offline"
    )


async def test_what_is_under_way_counts(world: World) -> None:
    ledger = ledger_of(world, budget="0.2")
    first = await ledger.reserve(planned(tokens=1000))
    assert await refused(ledger, planned(tokens=1000)) == "fast"
    await ledger.settle(first, Usage(10, 10), ok=True, ms=1)
    assert await refused(ledger, planned(tokens=1000)) == ""


async def test_a_free_call_is_never_refused(world: World) -> None:
    ledger = ledger_of(world, budget="0")
    own = Planned("speech", "local", "small", planned().about, seconds=600)
    assert await refused(ledger, own) == ""
    assert await refused(ledger, planned("fast", FAST, 1)) == "offline"


async def test_a_new_month_begins_in_the_founders_time_zone(world: World) -> None:
    ledger = ledger_of(world, budget="0.12")
    zone = world.app.services.company.founder.zone
    world.clock.at = datetime(2026, 11, 30, 23, 59, tzinfo=zone).astimezone(UTC)
    await call(ledger, planned(tokens=1000), Usage(1000, 1000))
    assert await refused(ledger, planned(tokens=1000)) == "fast"
    world.clock.at += timedelta(minutes=1)
    assert await refused(ledger, planned(tokens=1000)) == ""


async def test_a_call_of_last_month_that_ends_in_this_one_belongs_to_last_month(world: World) -> None:
    ledger = ledger_of(world, budget="0.12")
    zone = world.app.services.company.founder.zone
    world.clock.at = datetime(2026, 11, 30, 23, 59, tzinfo=zone).astimezone(UTC)
    row_id = await ledger.reserve(planned(tokens=1000))
    world.clock.at += timedelta(minutes=2)
    await ledger.settle(row_id, Usage(1000, 1000), ok=True, ms=1)
    assert await refused(ledger, planned(tokens=1000)) == ""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), budget=st.integers(0, 60), callers=st.integers(1, 12))
async def test_settled_and_set_aside_never_pass_the_budget_however_calls_mix(
    tmp_path_factory: pytest.TempPathFactory, seed: int, budget: int, callers: int
) -> None:
    dice = random.Random(seed)
    limit = Decimal(budget) / 100
    async with open_world(tmp_path_factory.mktemp("home")) as world:
        ledger = ledger_of(world, str(limit))

        async def caller() -> None:
            for _ in range(4):
                tokens = dice.randint(1, 2000)
                tier, model = dice.choice([("strong", STRONG), ("fast", FAST), ("strong", "brand-new")])
                try:
                    row_id = await ledger.reserve(planned(tier, model, tokens))  # type: ignore[arg-type]
                except OverBudget:
                    continue
                assert sum((one.usd for one in await rows(world)), Decimal(0)) <= limit
                if dice.random() < 0.8:
                    part = Usage(dice.randint(0, tokens), dice.randint(0, tokens))
                    usage = None if dice.random() < 0.3 else part
                    await ledger.settle(row_id, usage, ok=usage is not None, ms=1)

        await asyncio.gather(*(caller() for _ in range(callers)))
        assert sum((one.usd for one in await rows(world)), Decimal(0)) <= limit


# --- whose it is


async def test_what_was_spent_on_a_message_goes_to_the_ticket_it_became(world: World) -> None:
    await world.says("shirley", STORY)
    ledger = ledger_of(world)
    ticket = await world.ticket()

    def unfiled(tx):  # type: ignore[no-untyped-def]
        tx.add(
            InboxRow(
                id="m1",
                channel="web",
                event_id="m1",
                conversation_id="shirley",
                payload={},
                received_at=tx.now,
                status="accepted",
            )
        )

    await world.do(unfiled)
    await call(ledger, planned("fast", FAST, inbox_id="m1"), Usage(1000, 1000))
    still = await ledger.reserve(planned("fast", FAST, inbox_id="m1"))
    assert (await row_of(world, still)).ticket_id is None
    await world.do(lambda tx: attribute(tx, "m1", ticket["ticket_id"], "warm_taipei_2br"))
    assert {(one.ticket_id, one.property_id) for one in await rows(world)} == {
        (ticket["ticket_id"], "warm_taipei_2br")
    }
    assert await cost_of(world) == Decimal("0.002")
    await ledger.settle(still, Usage(0, 1000), ok=True, ms=1)
    assert await cost_of(world) == Decimal("0.0035")


async def test_a_later_call_for_the_same_message_finds_its_ticket_by_itself(world: World) -> None:
    await world.says("shirley", STORY)
    inbox_id = await world.store.read(
        lambda s: s.query(InboxRow.id).filter(InboxRow.ticket_id.is_not(None)).scalar()
    )
    await call(ledger_of(world), planned("fast", FAST, inbox_id=inbox_id), Usage(1000, 0))
    one = await row(world)
    assert (one.ticket_id, one.property_id) == ((await world.ticket())["ticket_id"], "warm_taipei_2br")
    assert await cost_of(world) == Decimal("0.0005")


async def test_what_was_spent_moves_with_the_message_and_with_the_property(world: World) -> None:
    await world.says("shirley", STORY)
    await world.says("celine", "vila Bali: AC bocor di kamar")
    first, second = [one["ticket_id"] for one in await world.tickets()]
    inbox_id = await world.store.read(
        lambda s: s.query(InboxRow.id).filter(InboxRow.ticket_id == first).scalar()
    )
    await call(ledger_of(world), planned("fast", FAST, inbox_id=inbox_id), Usage(1000, 0))
    await world.do(lambda tx: attribute(tx, inbox_id, second, "bali_villa"))
    assert [Decimal(one["cost_usd"]) for one in await world.tickets()] == [0, Decimal("0.0005")]
    await world.do(lambda tx: reassign(tx, second, "ito_stream_house"))
    assert (await row(world)).property_id == "ito_stream_house"


async def test_a_property_is_told_what_its_models_cost_in_its_own_month(world: World) -> None:
    ledger = ledger_of(world)
    world.clock.at = datetime(2026, 11, 30, 15, 30, tzinfo=UTC)  # 23:30 in Taipei, November everywhere
    await call(ledger, planned(property_id="warm_taipei_2br"), Usage(1000, 0))
    world.clock.at += timedelta(hours=1)  # December in Taipei alone
    await call(ledger, planned(property_id="warm_taipei_2br"), Usage(0, 1000))
    await call(ledger, planned(property_id="bali_villa"), Usage(0, 1000))
    assert await world.do(lambda tx: model_spent(tx, "warm_taipei_2br", "2026-11")) == Decimal("0.015")
    assert await world.do(lambda tx: model_spent(tx, "warm_taipei_2br", "2026-12")) == Decimal("0.075")


# --- what goes wrong


async def test_a_call_whose_process_died_keeps_its_money_and_is_closed_at_the_next_start(
    tmp_path: Path,
) -> None:
    async with open_world(tmp_path) as world:
        await ledger_of(world).reserve(planned(tokens=1000))
        await call(ledger_of(world), planned("fast", FAST), Usage(1, 1))
    async with open_world(tmp_path) as world:
        assert await ledger_of(world).start() == 0  # the house's own did it before anything ran
        (one,) = [one for one in await rows(world) if one.error]
        assert (one.error, one.ok, one.estimated, one.usd) == ("interrupted", False, True, Decimal("0.105"))


async def test_a_caller_who_gave_up_while_money_was_set_aside_gets_it_back(world: World) -> None:
    ledger = ledger_of(world)
    asking = asyncio.create_task(ledger.reserve(planned(tokens=1000)))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    while not (found := await rows(world)) or found[0].settled_at is None:
        await asyncio.sleep(0.001)
    assert (found[0].usd, found[0].error) == (Decimal(0), "cancelled")


async def test_the_ledger_survives_a_locked_database_after_the_call(world: World) -> None:
    import sqlite3

    ledger = ledger_of(world)
    row_id = await ledger.reserve(planned())
    other = sqlite3.connect(file_of(world.app.settings.database), isolation_level=None)
    other.execute("begin immediate")
    settling = asyncio.create_task(ledger.settle(row_id, Usage(1, 1), ok=True, ms=1))
    await asyncio.sleep(0.2)
    other.execute("rollback")
    other.close()
    await settling
    assert (await row(world)).ok


async def test_a_quiet_night_costs_nothing(tmp_path: Path) -> None:
    """Models are there and nobody writes for twelve hours: not one call, not one token (W18)."""
    paid: dict[str, Any] = {
        "ANTHROPIC_API_KEY": "k",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
        "OPENAI_API_KEY": "k",
    }
    async with open_world(tmp_path, **paid) as world:
        assert world.app.services.models is not None
        await world.wait(hours=12)
        assert await rows(world) == []
    assert not (tmp_path / "usage.jsonl").exists()


async def test_the_offline_house_spends_nothing_on_a_whole_ticket(world: World) -> None:
    await world.says("shirley", STORY)
    await world.wait(hours=1)
    assert await rows(world) == []
    assert Decimal((await world.ticket())["cost_usd"]) == 0


async def row_of(world: World, row_id: str) -> UsageRow:
    return next(one for one in await rows(world) if one.id == row_id)


async def cost_of(world: World) -> Decimal:
    return await world.store.read(lambda s: s.query(Ticket.cost_usd).scalar())
