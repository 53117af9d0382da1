"""A person edits a draft: the edited values pass the gate again and are asked anew."""

from __future__ import annotations

from decimal import Decimal

from core.actors import Actor
from core.context import Tx
from core.dispatch.draft import Reason
from core.errors import Refused
from core.model import Event
from core.store.tables import Approval, Ticket
from core.tickets.records import current_dispatch, note
from core.workflow import approvals, drafting, gating


def change(
    tx: Tx,
    ticket: Ticket,
    approval: Approval,
    digest: str,
    actor: Actor,
    *,
    amount: Decimal | None = None,
    vendor_id: str | None = None,
) -> None:
    """Edit the draft: the edited values pass the gate again and are asked anew, old → new on the card. What
    was asked before is void, so nobody can approve the old values."""
    approvals.require_open(tx, approval, digest, actor)
    dispatch = current_dispatch(ticket)
    assert dispatch is not None
    deciders = approval.deciders
    edits = []
    if vendor_id is not None:
        vendor = tx.services.company.vendor(vendor_id)
        if vendor is None or not tx.services.company.reaches(vendor, ticket.property_id or ""):
            raise Refused("unknown_vendor")
        old = tx.services.company.vendor(dispatch.vendor_id)
        edits.append(
            {"field": "vendor", "old": old.name if old else "–", "new": vendor.name, "by": actor.person_id}
        )
        drafting.redraft_for(tx, ticket, dispatch, vendor, actor)
    if amount is not None:
        edits.append(
            {
                "field": "estimate",
                "old": str(dispatch.cost_estimate_usd),
                "new": str(amount),
                "by": actor.person_id,
            }
        )
        dispatch.cost_estimate_usd = amount
        ticket.knowledge = {
            **ticket.knowledge,
            "why_price": Reason(
                "price_by_person", {"who": tx.services.company.name_of(actor.person_id)}
            ).to_json(),
        }
    dispatch.changes = [*dispatch.changes, *edits]
    for edit in edits:
        note(tx, ticket, Event.CHANGED, actor, **{key: edit[key] for key in ("field", "old", "new")})
    gating.put_forward(tx, ticket, dispatch, keep_asking=True, edited_by=deciders)
