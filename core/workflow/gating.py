"""The one way from a draft to what happens with it: gate, then ask or start."""

from __future__ import annotations

from collections.abc import Sequence

from core.actors import LOOPOS
from core.context import Tx
from core.dispatch.gate import NeedsHuman
from core.model import Event, Status
from core.store.tables import Dispatch, Ticket
from core.stored_values import to_json
from core.tickets.records import move, note
from core.workflow import approvals, dispatching, drafting, standing_orders


def put_forward(
    tx: Tx, ticket: Ticket, dispatch: Dispatch, *, keep_asking: bool = False, edited_by: Sequence[str] = ()
) -> None:
    """Let the gate decide about `dispatch` as it stands, and do what it says: send it, or ask.

    `keep_asking`: a person was asked about this ticket and has not answered, so the answer stays theirs whatever the
    rules would allow now; nobody edits or corrects his way around an approval. `edited_by`: as in approvals.request."""
    tx.session.flush()
    outcome = drafting.gate(tx, ticket, dispatch)
    asks = keep_asking or isinstance(outcome, NeedsHuman)
    order = None if keep_asking or not asks else standing_orders.answer(tx, ticket, dispatch, outcome.reasons)
    asks = asks and order is None
    if ticket.status == Status.NEW:
        judged = {
            "category": ticket.category,
            "severity": ticket.severity,
            "engine": ticket.triage.engine,
        }
        (note if asks else move)(tx, ticket, Event.TRIAGED, LOOPOS, **judged)
    if not asks:
        used = standing_orders.use(tx, order, ticket, dispatch) if order is not None else {}
        note(tx, ticket, Event.GATED, LOOPOS, authorised=True, reasons=to_json(outcome.reasons), **used)
        dispatching.start(tx, ticket, dispatch, LOOPOS)
    else:
        if ticket.status != Status.AWAITING_HUMAN:
            move(tx, ticket, Event.GATED, LOOPOS, authorised=False, reasons=to_json(outcome.reasons))
        reasons = (*outcome.reasons, *standing_orders.why_not(tx, ticket, dispatch))
        approvals.request(tx, ticket, dispatch, reasons, edited_by=edited_by)
