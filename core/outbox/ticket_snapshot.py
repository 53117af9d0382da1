"""The rows of a ticket as the frozen value that its cards are drawn from."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

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
from core.store.tables import Base, Ticket
from core.tickets.records import current_dispatch, latest_approval

LAST_EVENTS: Final = 20


def snapshot_of(ticket: Ticket, *, history: bool = False) -> TicketSnapshot:
    """As it stands now; with `history`, its last LAST_EVENTS events (they are read only for that)."""
    dispatch, approval = current_dispatch(ticket), latest_approval(ticket)
    offer = dispatch.offers[-1] if dispatch is not None and dispatch.offers else None
    return TicketSnapshot(
        **_columns(
            TicketSnapshot,
            ticket,
            reports=tuple(ReportSnapshot(**_columns(ReportSnapshot, row)) for row in ticket.reports),
            attachments=tuple(
                AttachmentSnapshot(**_columns(AttachmentSnapshot, row)) for row in ticket.attachments
            ),
            questions=tuple(QuestionSnapshot(**_columns(QuestionSnapshot, row)) for row in ticket.questions),
            history=tuple(
                EventSnapshot(**_columns(EventSnapshot, row)) for row in ticket.history[-LAST_EVENTS:]
            )
            if history
            else (),
            dispatch=DispatchSnapshot(**_columns(DispatchSnapshot, dispatch)) if dispatch else None,
            approval=ApprovalSnapshot(**_columns(ApprovalSnapshot, approval)) if approval else None,
            offer=OfferSnapshot(**_columns(OfferSnapshot, offer)) if offer else None,
        )
    )


def _columns(shape: type[Any], row: Base, **given: Any) -> dict[str, Any]:
    """What `shape` has of `row`, by name; lists as tuples, so that nobody appends to them."""
    return given | {
        field.name: tuple(value) if isinstance(value := getattr(row, field.name), list) else value
        for field in fields(shape)
        if field.name not in given
    }
