"""The rows of a ticket as the frozen value that its cards are drawn from."""

from __future__ import annotations

from typing import Final

from core.cards.snapshot import (
    ApprovalSnapshot,
    AttachmentSnapshot,
    DispatchSnapshot,
    EventSnapshot,
    OfferSnapshot,
    QuestionSnapshot,
    ReportSnapshot,
    TicketSnapshot,
)
from core.store.frozen import frozen
from core.store.tables import Ticket
from core.tickets.records import current_dispatch, latest_approval

LAST_EVENTS: Final = 20


def snapshot_of(ticket: Ticket, *, history: bool = False) -> TicketSnapshot:
    """As it stands now; with `history`, its last LAST_EVENTS events (they are read only for that)."""
    dispatch, approval = current_dispatch(ticket), latest_approval(ticket)
    offer = dispatch.offers[-1] if dispatch is not None and dispatch.offers else None
    return frozen(
        TicketSnapshot,
        ticket,
        reports=tuple(frozen(ReportSnapshot, row) for row in ticket.reports),
        attachments=tuple(frozen(AttachmentSnapshot, row) for row in ticket.attachments),
        questions=tuple(frozen(QuestionSnapshot, row) for row in ticket.questions),
        history=tuple(frozen(EventSnapshot, row) for row in ticket.history[-LAST_EVENTS:]) if history else (),
        dispatch=frozen(DispatchSnapshot, dispatch) if dispatch else None,
        approval=frozen(ApprovalSnapshot, approval) if approval else None,
        offer=frozen(OfferSnapshot, offer) if offer else None,
    )
