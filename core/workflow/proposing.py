"""A machine proposes whom to send: the draft passes the gate like any other, and never gets cheaper than what is known."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from core.actors import Actor
from core.context import Tx
from core.errors import Refused
from core.model import Event, Status
from core.money import usd
from core.store.tables import Ticket
from core.stored_values import Change
from core.tickets.records import current_dispatch, note
from core.workflow import drafting, gating

OPEN: Final = (Status.NEW, Status.TRIAGED, Status.AWAITING_HUMAN)


def propose(tx: Tx, ticket: Ticket, actor: Actor, vendor_id: str, amount: Decimal, message: str) -> None:
    """Raises Refused("wrong_state" | "unknown_vendor")."""
    dispatch, company = current_dispatch(ticket), tx.services.company
    if ticket.status not in OPEN or dispatch is None or dispatch.authorized:
        raise Refused("wrong_state", status=ticket.status)
    vendor = company.vendor(vendor_id)
    if vendor is None or not company.reaches(vendor, ticket.property_id or ""):
        raise Refused("unknown_vendor")
    old = company.vendor(dispatch.vendor_id)
    drafting.redraft_for(tx, ticket, dispatch, vendor, actor)
    known = dispatch.cost_estimate_usd
    if usd(amount) > known:  # a low price does not get it past the gate
        assert ticket.property_id is not None
        dispatch.estimate = company.rate_for(ticket.property_id, vendor.id).of_usd(usd(amount))
    was = old.name if old is not None else "–"
    dispatch.changes = (*dispatch.changes, Change("vendor", was, vendor.name, actor.person_id))
    note(tx, ticket, Event.CHANGED, actor, field="vendor", old=was, new=vendor.name, why=message[:500])
    gating.put_forward(tx, ticket, dispatch, keep_asking=ticket.status == Status.AWAITING_HUMAN)
