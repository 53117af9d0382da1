"""What follows from a row that was written: which cards show it (they are drawn because it changed, not because somebody
remembered to say so), and which sums it belongs to."""

from __future__ import annotations

from typing import Final

from sqlalchemy import inspect

from core.access import clients, sign_in
from core.asks import asks
from core.context import Tx
from core.cost import totals
from core.model import InboxStatus, SecretKind
from core.outbox import card_publisher
from core.skills import runner as skills
from core.store.brain_tables import MemoRow, RuleRow, SkillVersion
from core.store.client_tables import Grant, Secret
from core.store.loop_tables import AskRow, LoopApproval
from core.store.tables import (
    Approval,
    Attachment,
    Dispatch,
    HistoryRow,
    InboxRow,
    Offer,
    Question,
    Report,
    Ticket,
    UsageRow,
)
from core.store.worker_tables import WorkerRow
from core.workflow import (
    bills,
    dispatching,
    memos,
    offers,
    quarantine,
    rules,
    skill_versions,
    standing_orders,
)

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
            if _became(row, "recalled"):
                dispatching.draw_recalled_later(tx, row)
            if any(_became(row, one) for one in ("doubtful", "actual_cost_usd", "actual_cost_local")):
                bills.draw_outlier_later(tx, row)
        case InboxRow() if _was(row, "status", InboxStatus.QUARANTINED):
            quarantine.draw_later(tx, row)
        case UsageRow():
            tx.publish(COSTS)
            totals.touched(tx, row.at)
        case Approval() | Question() | Report() | Attachment():
            card_publisher.draw_later(tx, row.ticket_id)
        case Offer():
            offers.draw_later(tx, row)
        case AskRow():
            asks.draw_later(tx, row.id)
        case LoopApproval():
            asks.draw_later(tx, row.ask_id)
        case WorkerRow() if _changed(row, "state"):
            asks.draw_those_of(tx, row.id)
        case RuleRow():
            rules.draw_later(tx, row)
            standing_orders.draw_later(tx, row)
        case MemoRow():
            memos.draw_later(tx, row)
        case SkillVersion():
            skill_versions.draw_later(tx, row)
        case Secret() if row.kind == SecretKind.WAITING and _became(row, "detail"):
            sign_in.draw_later(tx, row)
        case Grant() if _changed(row, "revoked_at"):
            clients.draw_later(tx, row.person_id)


def _changed(row: object, column: str) -> bool:
    """It is new, or this column of it."""
    state = inspect(row)
    return state is not None and (state.key is None or column in state.committed_state)


def _became(row: object, column: str) -> bool:
    """It was there before, with another value."""
    state = inspect(row)
    return state is not None and state.key is not None and column in state.committed_state


def _was(row: object, column: str, value: object) -> bool:
    state = inspect(row)
    return state is not None and state.committed_state.get(column) == value
