"""What was spent since the beginning is the same whether months were added up or are read row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from sqlalchemy import func, select, update

from core.context import Tx
from core.cost import report, spent, totals
from core.cost.ledger import reassign
from core.metering import Usage
from core.store.session_rows import SessionRows
from core.store.tables import Dispatch, Ticket, Total, UsageRow
from tests.core.cost.books import call, ledger_of, planned
from tests.world import STORY, World


@pytest.mark.parametrize(
    ("now", "open_from"),
    [
        ("2026-11-20", "2026-10-01"),
        ("2026-11-01", "2026-10-01"),
        ("2026-10-31", "2026-09-01"),
        ("2026-01-05", "2025-12-01"),
    ],
)
def test_the_last_month_and_this_one_stay_open(now: str, open_from: str) -> None:
    moment = datetime.fromisoformat(f"{now}T12:00+00:00")
    assert totals.first_open(moment) == datetime.fromisoformat(f"{open_from}T00:00+00:00")


def test_months_have_no_gap_and_no_overlap() -> None:
    spans = list(spent.months(datetime(2025, 11, 17, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)))
    assert [f"{span.start:%Y-%m}" for span in spans] == ["2025-11", "2025-12", "2026-01"]
    assert all(one.end == other.start for one, other in pairwise(spans))


@pytest.fixture
async def years(world: World) -> World:
    """A repair and some calls in each of seven months, long ago and today."""
    ledger = ledger_of(world, budget="100000")
    for number in range(7):
        await world.says("shirley", f"{STORY} {number}")
        ticket = (await world.tickets())[-1]
        if ticket["status"] == "AWAITING_HUMAN":
            await (await world.card("ben", "approval")).tap("approve")
        await world.says("shirley", f"/resolve {ticket['ticket_id']} {100 + number}.25")
        await call(
            ledger,
            planned(property_id="warm_taipei_2br", ticket_id=ticket["ticket_id"]),
            Usage(1000 + number, 7),
        )
        await call(ledger, planned("fast", "claude-haiku-4-5", property_id="bali_villa"), Usage(3, number))
        world.clock.at += timedelta(days=35)
    return world


async def everything(world: World, only: list[str] | None = None) -> tuple[object, ...]:
    company, now = world.app.services.company, world.clock.now()
    found = await world.store.read(lambda s: report.find(SessionRows(s), company, "all", now, only))
    spent = report.spending(found, company, "all", now, Decimal(500), only)
    return spent.total, spent.by_property, spent.by_tier, spent.by_model, spent.vendor, spent.tickets


async def add_up(world: World) -> int:
    done = 0
    while await world.do(totals.add_up_next):
        done += 1
    return done


async def counted(world: World) -> int:
    wanted = select(func.count()).where(Total.kind == spent.ADDED_UP)
    return await world.store.read(lambda s: s.scalar(wanted) or 0)


@pytest.mark.parametrize("only", [None, ["bali_villa"], ["warm_taipei_2br"], ["mtn_city_reno"]])
async def test_nothing_changes_when_months_are_added_up(years: World, only: list[str] | None) -> None:
    before = await everything(years, only)
    assert only == ["mtn_city_reno"] or before[0] != 0
    assert await add_up(years) == 7
    assert await everything(years, only) == before
    assert await add_up(years) == 0


async def test_what_changes_in_a_closed_month_counts_at_once(years: World) -> None:
    await add_up(years)

    def bill(tx: Tx) -> None:
        dispatch = tx.session.scalars(select(Dispatch).order_by(Dispatch.created_at)).first()
        assert dispatch is not None
        dispatch.actual_cost_usd = Decimal("999.99")
        ticket = tx.get(Ticket, dispatch.ticket_id)
        assert ticket is not None
        reassign(tx, ticket.ticket_id, "bali_villa")

    await years.do(bill)
    assert await counted(years) == 6
    after = await everything(years)
    assert await add_up(years) == 1
    assert await everything(years) == after
    fresh = await everything(years, ["bali_villa"])
    assert fresh[0] != 0
    months_gone = await years.store.read(lambda s: s.scalar(select(func.count()).select_from(UsageRow)))
    assert months_gone == 14


async def test_closed_months_are_not_read_again(years: World) -> None:
    """Row by row they would show what was slipped in behind the house's back."""
    before = await everything(years)
    await add_up(years)
    old = datetime(2026, 12, 1, tzinfo=UTC)
    await years.do(lambda tx: tx.change(update(UsageRow).where(UsageRow.at < old).values(usd=Decimal(5))))
    assert await everything(years) == before
