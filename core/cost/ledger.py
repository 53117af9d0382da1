"""The ledger: money is set aside before a call and settled after it, one row each, failed calls too (W18).

The budget needs no exception for what is urgent: past it the offline engine answers, and no ticket waits for money."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

import structlog
from sqlalchemy import BigInteger, ColumnElement, func, literal_column, select
from sqlalchemy.orm import Session

from core.context import Store, Tx
from core.cost import budget_notices
from core.cost.budget import Step, fits, step_down
from core.cost.months import Span, month_at, month_named
from core.cost.prices import Prices
from core.errors import TryLater
from core.ids import new_id
from core.metering import OverBudget, Planned, Usage
from core.store.sums import GRAINS, in_dollars
from core.store.tables import InboxRow, Ticket, UsageRow

log = structlog.get_logger(__name__)

SETTLED: Final = "usage"
"""Topic: rows were settled or found their ticket."""
SETTLE_TRIES: Final = 5


def grains() -> ColumnElement[int]:
    """A row's dollars in grains, to be summed."""
    return literal_column(GRAINS, BigInteger)


def total(session: Session, *where: ColumnElement[bool]) -> Decimal:
    """The dollars of the ledger's rows that match, exactly. What is only set aside counts."""
    return in_dollars(session.scalar(select(func.sum(grains())).where(*where)))


def within(span: Span) -> ColumnElement[bool]:
    return (UsageRow.at >= span.start) & (UsageRow.at < span.end)


def model_spent(tx: Tx, property_id: str, month: str) -> Decimal:
    """What models, embeddings and speech cost a property in a local month of its own ("2026-11"): the part of its
    budget beside the vendors' (core.tickets.records.month_spent)."""
    company = tx.services.company
    place = company.place(property_id)
    span = month_named(month, place.zone if place is not None else company.founder.zone)
    return total(tx.session, UsageRow.property_id == property_id, within(span))


class Ledger:
    """The meter (core.metering.Meter) over the store. `budget`: dollars for the month of the founder's time zone.
    `fast_model`: what a strong call steps down to, for knowing whether that would fit."""

    def __init__(self, store: Store, prices: Prices, budget: Decimal, fast_model: str | None = None) -> None:
        self._store = store
        self._prices = prices
        self._budget = budget
        self._fast_model = fast_model
        self._letting_go: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Before the first call: close what a process that died left open. Returns how many rows that were."""
        return await self._store.write(self._close_interrupted)

    # --- before the call

    async def reserve(self, planned: Planned) -> str:
        """See core.metering.Meter. Raises OverBudget, TryLater where the database cannot write now."""
        row_id, most = new_id(), self._prices.most(planned)
        work = asyncio.ensure_future(self._store.write(lambda tx: self._set_aside(tx, row_id, planned, most)))
        try:
            step = await asyncio.shield(work)
        except asyncio.CancelledError:
            # The caller's time ran out, the write goes on: the call is not made, so its money is let go again.
            self._let_go(row_id, work)
            raise
        if step is not None:
            raise OverBudget(step)
        return row_id

    def _set_aside(self, tx: Tx, row_id: str, planned: Planned, most: Decimal) -> Step | None:
        """The row, or what may be tried instead: the budget is looked at in the same write."""
        used = total(tx.session, within(self._month(tx)))
        if not fits(used, most, self._budget):
            fast = replace(planned, tier="fast", model=self._fast_model) if self._fast_model else None
            fast_most = self._prices.most(fast) if fast is not None else None
            step = step_down(planned.tier, used, fast_most, self._budget)
            budget_notices.stepped_down(tx, used, self._budget, step, self._month(tx))
            return step
        about = planned.about
        ticket_id, property_id = _whose(tx, about.inbox_id, about.ticket_id, about.property_id)
        tx.add(
            UsageRow(
                id=row_id,
                at=tx.now,
                model=planned.model,
                provider=planned.provider,
                tier=planned.tier,
                property_id=property_id,
                ticket_id=ticket_id,
                inbox_id=about.inbox_id,
                purpose=about.purpose,
                input_tokens=planned.input_tokens,
                output_tokens=planned.output_tokens,
                cache_read_tokens=0,
                cache_write_tokens=0,
                seconds=planned.seconds,
                usd=most,
                estimated=not self._prices.known(planned.model, planned.provider),
                worker_id=about.worker_id,
                run_id=about.run_id,
            )
        )
        return None

    def _let_go(self, row_id: str, work: asyncio.Future[Step | None]) -> None:
        async def after() -> None:
            if await work is None:
                await self.settle(row_id, Usage(), ok=False, ms=0, error="cancelled")

        task = asyncio.create_task(after(), name="ledger-let-go")
        self._letting_go.add(task)
        task.add_done_callback(self._letting_go.discard)

    # --- after it

    async def settle(self, row_id: str, usage: Usage | None, *, ok: bool, ms: int, error: str = "") -> None:
        """See core.metering.Meter. An answer that was paid for is not lost because the ledger is busy: where nothing
        can be written the row stays as it is, and the next start closes it with what was set aside."""
        for attempt in range(1, SETTLE_TRIES + 1):
            try:
                await self._store.write(lambda tx: self._settle(tx, row_id, usage, ok, ms, error))
                return
            except TryLater as later:
                if attempt == SETTLE_TRIES:
                    log.error("usage_not_settled", row=row_id, why=str(later))
                    return
                await asyncio.sleep(later.after.total_seconds() * attempt / 10)

    def _settle(self, tx: Tx, row_id: str, usage: Usage | None, ok: bool, ms: int, error: str) -> None:
        row = tx.get(UsageRow, row_id)
        if row is None or row.settled_at is not None:
            log.error("usage_settled_twice" if row is not None else "usage_unknown", row=row_id)
            return
        if usage is None:
            row.estimated = True
        else:
            cost = self._prices.of(row.model, usage, row.provider)
            row.usd, row.estimated = cost.usd, cost.estimated
            row.input_tokens, row.output_tokens = usage.input_tokens, usage.output_tokens
            row.cache_read_tokens = usage.cache_read_tokens
            row.cache_write_tokens = usage.cache_write_tokens
            row.seconds = usage.seconds
        row.ok, row.ms, row.error = ok, ms, error[:300] or None
        self._close(tx, [row])

    def _close_interrupted(self, tx: Tx) -> int:
        """Whether the vendor did the work nobody knows any more: the row keeps what was set aside."""
        rows = list(tx.session.scalars(select(UsageRow).where(UsageRow.settled_at.is_(None))))
        for row in rows:
            row.estimated, row.ok, row.error = True, False, "interrupted"
        self._close(tx, rows)
        return len(rows)

    def _close(self, tx: Tx, rows: Sequence[UsageRow]) -> None:
        for row in rows:
            row.settled_at = tx.now
            row.ticket_id, row.property_id = _whose(tx, row.inbox_id, row.ticket_id, row.property_id)
        tx.session.flush()
        for ticket_id in {row.ticket_id for row in rows if row.ticket_id}:
            _add_up(tx, ticket_id)
        month = self._month(tx)
        if any(row.at in month for row in rows):
            spent = total(tx.session, within(month), UsageRow.settled_at.is_not(None))
            budget_notices.spent(tx, spent, self._budget, month)
        tx.publish(SETTLED)

    @staticmethod
    def _month(tx: Tx) -> Span:
        return month_at(tx.now, tx.services.company.founder.zone)


def attribute(tx: Tx, inbox_id: str, ticket_id: str, property_id: str | None) -> None:
    """A message got its ticket, or another one (it was split off): what was spent on reading it belongs there."""
    tx.session.flush()
    rows = list(tx.session.scalars(select(UsageRow).where(UsageRow.inbox_id == inbox_id)))
    before = {row.ticket_id for row in rows if row.ticket_id}
    for row in rows:
        row.ticket_id = ticket_id
        row.property_id = property_id or row.property_id
    if rows:
        tx.session.flush()
        for one in {*before, ticket_id}:
            _add_up(tx, one)
        tx.publish(SETTLED)


def reassign(tx: Tx, ticket_id: str, property_id: str) -> None:
    """A ticket is about another property than was thought: so is what was spent on it."""
    for row in tx.session.scalars(select(UsageRow).where(UsageRow.ticket_id == ticket_id)):
        row.property_id = property_id


def _whose(
    tx: Tx, inbox_id: str | None, ticket_id: str | None, property_id: str | None
) -> tuple[str | None, str | None]:
    """(ticket, property) of a call, as far as they are known by now."""
    if ticket_id is None and inbox_id is not None:
        row = tx.get(InboxRow, inbox_id)
        ticket_id = row.ticket_id if row is not None else None
    if property_id is None and ticket_id is not None:
        ticket = tx.get(Ticket, ticket_id)
        property_id = ticket.property_id if ticket is not None else None
    return ticket_id, property_id


def _add_up(tx: Tx, ticket_id: str) -> None:
    """A ticket costs what its settled rows cost."""
    ticket = tx.get(Ticket, ticket_id)
    if ticket is not None:
        ticket.cost_usd = total(tx.session, UsageRow.ticket_id == ticket_id, UsageRow.settled_at.is_not(None))
