"""Standing orders from the founder's card: asked for with amount, days and uses, said back as a sentence, kept or dropped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from sqlalchemy import select

from core.actors import Actor
from core.cards.rule import OrderUsedSnapshot, order_used, standing_order
from core.company.rules import LONGEST, MAX_USES, Rule
from core.context import Tx
from core.dispatch.standing import HIGHEST, Wanted, about, covering, offered
from core.errors import Refused
from core.i18n import N_
from core.ids import new_id
from core.model import ApprovalStatus, RuleStatus, Status
from core.money import Money
from core.outbox import card_publisher
from core.outbox.said_once import first_time
from core.store.brain_tables import RuleRow
from core.store.frozen import frozen
from core.store.tables import Approval, Dispatch, Ticket
from core.stored_values import Reason
from core.team.learnt import rule_from
from core.tickets.records import amount_on, authorised_for, current_dispatch, find_ticket
from core.workflow import rules


def draft(
    tx: Tx, approval: Approval, actor: Actor, amount: Money, days: int, uses: int, severity_max: int
) -> RuleRow:
    """Say back what it would mean; nothing holds before it is kept. Raises Refused("unknown_option" | "rule_unfit")."""
    ticket = find_ticket(tx, approval.ticket_id)
    dispatch = tx.get(Dispatch, approval.dispatch_id)
    assert dispatch is not None
    if not offered(ticket.category, ticket.property_id, ticket.severity, approval.reasons):
        raise Refused("unknown_option")
    if not (1 <= days <= LONGEST.days and 1 <= uses <= MAX_USES and severity_max in {3, HIGHEST}):
        raise Refused("unknown_option")
    up_to = amount_on(tx, dispatch, amount)
    rule = Rule.model_validate(
        {
            "rule_id": f"order_{new_id()[-10:]}",
            "kind": "standing_order",
            "when": {
                "property_id": ticket.property_id,
                "category": ticket.category,
                "vendor_id": dispatch.vendor_id,
                "severity_max": severity_max,
            },
            "then": {"up_to_usd": str(up_to.usd)},
            "until": tx.now + timedelta(days=days),
            "max_uses": uses,
            "proposed_by": actor.person_id,
            "evidence": [
                {"ticket_id": ticket.ticket_id, "at": tx.now, "value": str(dispatch.cost_estimate_usd)}
            ],
        }
    )
    rules.require_fit(tx, rule)
    row = rules.write(tx, rule)
    tx.session.flush()
    founder = tx.services.company.person(actor.person_id)
    card_publisher.post_own(
        tx,
        "standing",
        row.rule_id,
        partial(standing_order, rules.seen(row), approval.id, tx.services.company),
        card_publisher.readers_of(tx, founder),
    )
    return row


def keep(tx: Tx, row: RuleRow, approval_id: str, actor: Actor) -> Approval | None:
    """It holds; returns the approval that is open and covered by it, to be approved by the same word."""
    rules.adopt(tx, row, actor)
    approval = tx.get(Approval, approval_id)
    if approval is None or approval.status != ApprovalStatus.PENDING:
        return None
    ticket, dispatch = find_ticket(tx, approval.ticket_id), tx.get(Dispatch, approval.dispatch_id)
    if dispatch is None or ticket.status != Status.AWAITING_HUMAN:
        return None
    rule = rule_from(row.content)
    covers = covering([rule], {}, wanted_of(ticket, dispatch), approval.reasons, tx.now)
    if covers is None:
        card_publisher.tell(
            tx,
            tx.services.company.person(actor.person_id),
            lambda words: words(
                N_(
                    "It holds for the next times. {ticket} asks for more than it says, and still waits for you."
                ),
                ticket=ticket.ticket_id,
            ),
        )
    return approval if covers is not None else None


def draw_later(tx: Tx, row: RuleRow) -> None:
    """It was decided about, or is over: no card offers any longer what was its."""
    if row.kind == "standing_order" and row.status != RuleStatus.PROPOSED:
        tx.before_commit(f"standing:{row.rule_id}", partial(_draw, tx, row))


def _draw(tx: Tx, row: RuleRow) -> None:
    card = partial(standing_order, rules.seen(row), "", tx.services.company)  # which has no button any more
    card_publisher.redraw_own(tx, "standing", row.rule_id, card)
    if row.status != RuleStatus.ROLLED_BACK:
        return
    sent = select(Dispatch).where(Dispatch.rule_id == row.rule_id)
    for dispatch in tx.session.scalars(sent.order_by(Dispatch.created_at.desc()).limit(MAX_USES)):
        used = _used(row, find_ticket(tx, dispatch.ticket_id), row.uses)
        card = partial(order_used, used, tx.services.company)
        card_publisher.redraw_own(tx, "order", dispatch.dispatch_id, card)


def _used(row: RuleRow, ticket: Ticket, use: int) -> OrderUsedSnapshot:
    dispatch = current_dispatch(ticket)
    return frozen(
        OrderUsedSnapshot,
        ticket,
        order=rules.seen(row),
        use=use,
        estimate=dispatch.cost_estimate_usd if dispatch is not None else None,
    )


def wanted_of(ticket: Ticket, dispatch: Dispatch) -> Wanted:
    return Wanted(
        property_id=ticket.property_id or "",
        category=ticket.category,
        vendor_id=dispatch.vendor_id,
        severity=ticket.severity,
        total_usd=dispatch.cost_estimate_usd + authorised_for(ticket),
    )


def answer(tx: Tx, ticket: Ticket, dispatch: Dispatch, reasons: Sequence[Reason]) -> RuleRow | None:
    """The standing order that lets `dispatch` go, where one answers every reason."""
    return _answering(tx, wanted_of(ticket, dispatch), reasons)


def allows(tx: Tx, ticket: Ticket, vendor_id: str | None, estimate: Decimal) -> bool:
    """That vendor may take so much although it is over their cap."""
    wanted = Wanted(
        property_id=ticket.property_id or "",
        category=ticket.category,
        vendor_id=vendor_id,
        severity=ticket.severity,
        total_usd=estimate + authorised_for(ticket),
    )
    return _answering(tx, wanted, [Reason("over_cap")]) is not None


def _answering(tx: Tx, wanted: Wanted, reasons: Sequence[Reason]) -> RuleRow | None:
    company = tx.services.company
    rows = {one.rule_id: tx.get(RuleRow, one.rule_id) for one in about(company.rules, wanted)}
    uses = {name: row.uses for name, row in rows.items() if row is not None}
    # What was revoked a moment ago may still stand in the company as it was read.
    standing = [
        one
        for one in company.rules
        if one.rule_id not in rows
        or ((row := rows[one.rule_id]) is not None and row.status == RuleStatus.APPROVED)
    ]
    rule = covering(standing, uses, wanted, reasons, tx.now)
    return rows[rule.rule_id] if rule is not None else None


def use(tx: Tx, row: RuleRow, ticket: Ticket, dispatch: Dispatch) -> dict[str, Any]:
    """Count it, once for each ticket, with what it authorises; `{rule_id, use, of}` for the history. The founder is told
    how often it was used, with a button to take it back."""
    if not any(one.rule_id == row.rule_id and one.authorized for one in ticket.dispatches):
        row.uses += 1
    dispatch.rule_id = row.rule_id
    rule = rule_from(row.content)
    founder = card_publisher.readers_of(tx, tx.services.company.founder)
    card_publisher.post_own(
        tx,
        "order",
        dispatch.dispatch_id,
        partial(order_used, _used(row, ticket, row.uses), tx.services.company),
        founder,
    )
    return {"rule_id": row.rule_id, "use": row.uses, "of": rule.max_uses}


def why_not(tx: Tx, ticket: Ticket, dispatch: Dispatch) -> list[Reason]:
    """Of a standing order that is over: said on the next card that asks, once."""
    found = []
    wanted = wanted_of(ticket, dispatch)
    for row in rules.orders_for(tx, wanted.property_id):
        rule = rule_from(row.content)
        if not about([rule], wanted):
            continue
        code = ""
        if row.status == RuleStatus.ROLLED_BACK:
            code = "order_revoked"
        elif not rule.holds(tx.now):
            code = "order_expired"
        elif row.uses >= (rule.max_uses or 0):
            code = "order_used_up"
        if code and first_time(tx, f"{code}:{row.rule_id}"):
            found.append(Reason(code, {"rule": row.rule_id}))
    return found
