"""What follows from a row that was written: which cards show it (they are drawn because it changed, not because somebody
remembered to say so), and which sums it belongs to."""

from __future__ import annotations

from typing import Final

from sqlalchemy import inspect

from core.context import Tx
from core.cost import totals
from core.outbox import card_publisher
from core.skills import runner as skills
from core.store.tables import (
    Approval,
    Attachment,
    Dispatch,
    HistoryRow,
    Offer,
    Question,
    Report,
    Ticket,
    UsageRow,
)
from core.workflow import offers

CHANGES: Final = "changes"
"""The topic on which whoever watches tickets is woken."""
COSTS: Final = "costs"
NOT_SHOWN: Final = frozenset({"cost_usd"})
"""Columns of a ticket that stand on none of its cards: what its models cost changes with each call."""


def row_changed(tx: Tx, row: object) -> None:
    """`row` is being written: draw what shows it, once, at the end of the unit of work."""
    match row:
        case HistoryRow():
            tx.publish(CHANGES)
            card_publisher.draw_later(tx, row.ticket_id)
        case Ticket():
            totals.touched(tx, row.created_at)
            skills.go_on_later(tx, row.ticket_id)
            state = inspect(row)
            if state.key is None or not state.committed_state.keys() <= NOT_SHOWN:
                card_publisher.draw_later(tx, row.ticket_id)
        case Dispatch():
            totals.touched(tx, row.authorized_at)
            skills.go_on_later(tx, row.ticket_id)
            card_publisher.draw_later(tx, row.ticket_id)
        case UsageRow():
            tx.publish(COSTS)
            totals.touched(tx, row.at)
        case Approval() | Question() | Report() | Attachment():
            card_publisher.draw_later(tx, row.ticket_id)
        case Offer():
            offers.draw_later(tx, row)
