"""Money that somebody else's program spent, as it says itself: a row of the ledger like any other, under a tier of its own."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

from core.context import Tx
from core.cost.ledger import SETTLED
from core.ids import new_id
from core.store.tables import UsageRow

TIER: Final = "external"
MAX_USD: Final = Decimal(1_000_000)
"""Above it a number is a mistake."""


def amount_of(text: str) -> Decimal | None:
    """None: it is no amount of money that was spent."""
    try:
        usd = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        return None
    return usd if usd.is_finite() and 0 < usd <= MAX_USD else None


def report(
    tx: Tx, provider: str, usd: Decimal, *, worker_id: str, run_id: str | None, ticket_id: str | None = None,
    property_id: str | None = None,
) -> None:  # fmt: skip
    tx.add(
        UsageRow(
            id=new_id(),
            at=tx.now,
            model=provider[:120],
            provider=provider[:40],
            tier=TIER,
            property_id=property_id,
            ticket_id=ticket_id,
            inbox_id=None,
            purpose="worker",
            usd=usd,
            estimated=True,
            ok=True,
            settled_at=tx.now,
            worker_id=worker_id[:80],
            run_id=run_id,
        )
    )
    tx.session.flush()
    tx.publish(SETTLED)
