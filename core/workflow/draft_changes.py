"""A person edits a draft: the edited values pass the gate again and are asked anew, old → new on the card. What was asked
before is void, so nobody can approve the old values."""

from __future__ import annotations

from core.actors import Actor
from core.context import Tx
from core.errors import Refused
from core.model import Event
from core.money import Money
from core.store.tables import Approval, Dispatch, Ticket
from core.stored_values import Change
from core.tickets.records import amount_on, current_dispatch, note
from core.workflow import approvals, drafting, gating, skill_runs


def change_amount(tx: Tx, ticket: Ticket, approval: Approval, digest: str, actor: Actor, said: Money) -> None:
    """Raises Refused("already_decided" | "superseded" | "no_rate")."""
    dispatch = _open_draft(tx, ticket, approval, digest)
    old, dispatch.estimate = dispatch.cost_estimate_usd, amount_on(tx, dispatch, said)
    who = tx.services.company.name_of(actor.person_id)
    drafting.price_by(ticket, who)
    _ask_anew(tx, ticket, dispatch, approval, actor, "estimate", str(old), str(dispatch.cost_estimate_usd))


def change_vendor(
    tx: Tx, ticket: Ticket, approval: Approval, digest: str, actor: Actor, vendor_id: str
) -> None:
    """Raises Refused("already_decided" | "superseded" | "unknown_vendor")."""
    dispatch = _open_draft(tx, ticket, approval, digest)
    company = tx.services.company
    vendor, old = company.vendor(vendor_id), company.vendor(dispatch.vendor_id)
    if vendor is None or not company.reaches(vendor, ticket.property_id or ""):
        raise Refused("unknown_vendor")
    drafting.redraft_for(tx, ticket, dispatch, vendor, actor)
    _ask_anew(tx, ticket, dispatch, approval, actor, "vendor", old.name if old else "–", vendor.name)


def _open_draft(tx: Tx, ticket: Ticket, approval: Approval, digest: str) -> Dispatch:
    approvals.check_open(tx, approval, digest)
    dispatch = current_dispatch(ticket)
    assert dispatch is not None
    return dispatch


def _ask_anew(
    tx: Tx,
    ticket: Ticket,
    dispatch: Dispatch,
    approval: Approval,
    actor: Actor,
    field: str,
    old: str,
    new: str,
) -> None:
    skill_runs.fall_back(tx, ticket, "corrected", key=field)
    dispatch.changes = (*dispatch.changes, Change(field, old, new, actor.person_id))
    note(tx, ticket, Event.CHANGED, actor, field=field, old=old, new=new)
    gating.put_forward(tx, ticket, dispatch, keep_asking=True, edited_by=approval.deciders)
