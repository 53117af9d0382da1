"""Asking the founder, and taking exactly one answer to exactly what was asked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from sqlalchemy import update

from core.actors import LOOPOS, Actor
from core.cards.texts import guest_text, vendor_text
from core.company.schema import Person
from core.context import Tx
from core.dispatch.quiet_hours import next_working_moment
from core.errors import Refused
from core.i18n import N_
from core.ids import new_id
from core.model import Address, ApprovalStatus, Event, Status, TimerKind
from core.outbox import card_publisher
from core.outbox.ticket_snapshot import snapshot_of
from core.store import crashpoints, deadlines
from core.store.deadlines import Due
from core.store.tables import Approval, Dispatch, Ticket
from core.stored_values import ApprovedAction, Reason, to_json
from core.team.people import reader_for
from core.team.rights import Right, Subject, require
from core.tickets.records import authorised_for, latest_approval, move, note
from core.workflow import dispatching, offers


def action_of(tx: Tx, ticket: Ticket, dispatch: Dispatch) -> ApprovedAction:
    view = card_publisher.view_of(
        tx, ticket, snapshot_of(ticket), reader_for(tx, tx.services.company.founder), Address("", "")
    )
    return ApprovedAction(
        ticket_id=ticket.ticket_id,
        dispatch_id=dispatch.dispatch_id,
        property_id=ticket.property_id,
        category=ticket.category,
        vendor_id=dispatch.vendor_id,
        amount=dispatch.cost_estimate_usd,
        currency="USD",
        text_to_vendor=vendor_text(view),
        text_to_guest=guest_text(view),
    )


def digest_of(action: ApprovedAction) -> str:
    return hashlib.sha256(json.dumps(to_json(action), sort_keys=True).encode()).hexdigest()


def request(
    tx: Tx,
    ticket: Ticket,
    dispatch: Dispatch,
    reasons: Sequence[Reason],
    *,
    edited_by: Sequence[str] = (),
) -> Approval:
    """Ask the founder about `dispatch` as it stands now; whatever was asked before is void. He is told afresh, unless
    one of those who decide (`edited_by`, all of them) has just edited the card: then it changes under their eyes."""
    again = bool(ticket.approvals) and not edited_by
    supersede(tx, ticket)
    founder = tx.services.company.founder
    action = action_of(tx, ticket, dispatch)
    approval = Approval(
        id=new_id(),
        ticket_id=ticket.ticket_id,
        dispatch_id=dispatch.dispatch_id,
        action=action,
        digest=digest_of(action),
        reasons=tuple(reasons),
        deciders=[*edited_by] or [founder.id],
        status=ApprovalStatus.PENDING,
        unreached=[],
        created_at=tx.now,
    )
    ticket.approvals.append(approval)
    tx.session.flush()
    _show(tx, ticket, founder, again=again)
    times = tx.services.company.escalation
    begin = next_working_moment(founder, tx.now, ticket.severity)
    after: dict[TimerKind, int] = {
        "approval_remind": times.approval_remind_seconds,
        "approval_deputy": times.approval_deputy_seconds,
        "approval_lapse": times.approval_lapse_seconds,
    }
    for kind, seconds in after.items():
        deadlines.schedule(tx, kind, approval.id, begin + timedelta(seconds=seconds))
    return approval


def _show(tx: Tx, ticket: Ticket, person: Person, *, again: bool = False) -> None:
    card_publisher.show(
        tx,
        "approval",
        ticket,
        card_publisher.readers_of(tx, person),
        again=again,
        not_before=next_working_moment(person, tx.now, ticket.severity),
    )


def supersede(tx: Tx, ticket: Ticket) -> None:
    """Void what is still asked about `ticket`: its buttons will say so."""
    asked = latest_approval(ticket)
    if asked is not None and asked.status == ApprovalStatus.PENDING:
        asked.status = ApprovalStatus.SUPERSEDED
        deadlines.cancel(tx, asked.id)


def require_open(tx: Tx, approval: Approval, digest: str, actor: Actor) -> None:
    """Raises Refused("not_yours" | "already_decided" | "superseded"); to nobody else is said who decided."""
    require(tx, actor, Right.DECIDE, Subject(deciders=approval.deciders))
    check_open(tx, approval, digest)


def check_open(tx: Tx, approval: Approval, digest: str) -> None:
    """Raises Refused("already_decided" | "superseded")."""
    if approval.status != ApprovalStatus.PENDING or approval.digest != digest:
        raise _too_late(tx, approval)


def approve(
    tx: Tx,
    ticket: Ticket,
    approval: Approval,
    digest: str,
    actor: Actor,
    escalate_after: int | None = None,
) -> None:
    """Send it as it was shown. Raises Refused("already_decided" | "superseded" | "deputy_cap" | "unknown_vendor")."""
    check_open(tx, approval, digest)
    dispatch = _dispatch_of(tx, approval)
    _check_still_right(tx, ticket, dispatch, actor)
    _decide(tx, approval, digest, actor, ApprovalStatus.APPROVED, None)
    note(
        tx,
        ticket,
        Event.APPROVED,
        actor,
        approval_id=approval.id,
        amount=str(dispatch.cost_estimate_usd),
        vendor_id=dispatch.vendor_id,
    )
    dispatching.start(tx, ticket, dispatch, actor, escalate_after)


def reject(tx: Tx, ticket: Ticket, approval: Approval, digest: str, actor: Actor, why: str) -> None:
    """No, and the reporter reads why. Raises Refused("already_decided" | "superseded" | "text_needed")."""
    check_open(tx, approval, digest)
    if not why:
        raise Refused("text_needed")
    _decide(tx, approval, digest, actor, ApprovalStatus.REJECTED, why)
    _dispatch_of(tx, approval).void = True
    offers.drop(tx, ticket)
    move(tx, ticket, Event.REJECTED, actor, approval_id=approval.id, reason=why)
    _tell_reporters(tx, ticket, actor)


def _dispatch_of(tx: Tx, approval: Approval) -> Dispatch:
    dispatch = tx.get(Dispatch, approval.dispatch_id)
    assert dispatch is not None
    return dispatch


def _decide(
    tx: Tx,
    approval: Approval,
    digest: str,
    actor: Actor,
    verdict: Literal[ApprovalStatus.APPROVED, ApprovalStatus.REJECTED],
    why: str | None,
) -> None:
    """One conditional UPDATE decides who was first; everybody else is told who it was."""
    won = tx.change(
        update(Approval)
        .where(
            Approval.id == approval.id, Approval.status == ApprovalStatus.PENDING, Approval.digest == digest
        )
        .values(
            status=verdict,
            decided_by=actor.person_id,
            decided_at=tx.now,
            decided_on=actor.channel,
            note=why,
        )
    )
    tx.session.refresh(approval)
    if not won:
        raise _too_late(tx, approval)
    crashpoints.reach("decided")
    deadlines.cancel(tx, approval.id)


def _check_still_right(tx: Tx, ticket: Ticket, dispatch: Dispatch, actor: Actor) -> None:
    """The company data may have changed since the card was sent."""
    company = tx.services.company
    vendor = company.vendor(dispatch.vendor_id)
    if vendor is None or not company.reaches(vendor, ticket.property_id or ""):
        raise Refused("unknown_vendor")
    total = dispatch.cost_estimate_usd + authorised_for(ticket)
    if actor.person_id != company.founder.id and total > dispatch.cap_usd:
        raise Refused("deputy_cap", cap=dispatch.cap_usd, who=company.founder.name)


def _too_late(tx: Tx, approval: Approval) -> Refused:
    if (
        approval.status in {ApprovalStatus.APPROVED, ApprovalStatus.REJECTED}
        and approval.decided_at is not None
    ):
        return Refused(
            "already_decided",
            verdict=approval.status,
            who=tx.services.company.name_of(approval.decided_by),
            at=approval.decided_at,
            channel=approval.decided_on,
        )
    return Refused("superseded")


def _tell_reporters(tx: Tx, ticket: Ticket, actor: Actor) -> None:
    approval = latest_approval(ticket)
    who, why = tx.services.company.name_of(actor.person_id), (approval.note if approval else "") or ""
    for person_id in dict.fromkeys(report.reporter for report in ticket.reports):
        card_publisher.tell(
            tx,
            tx.services.company.person(person_id),
            lambda words: words(
                N_("{ticket}: {who} said no. {why}"), ticket=ticket.ticket_id, who=who, why=why
            ).strip(),
        )


# --- when nobody answers


def on_remind(tx: Tx, deadline: Due) -> None:
    approval = _pending(tx, deadline)
    if approval is None:
        return
    ticket = tx.get(Ticket, approval.ticket_id)
    assert ticket is not None
    for person_id in approval.deciders:
        person = tx.services.company.person(person_id)
        if person is not None:
            _show(tx, ticket, person, again=True)
            note(tx, ticket, Event.NOTIFIED, LOOPOS, who=person_id, reminder=True)


def on_deputy(tx: Tx, deadline: Due) -> None:
    """The founder did not answer: his deputy may decide too, up to the cap (W10)."""
    approval = _pending(tx, deadline)
    if approval is None:
        return
    ticket = tx.get(Ticket, approval.ticket_id)
    assert ticket is not None
    deputy = tx.services.company.deputy(excluding=ticket.reporter)
    if deputy is None or deputy.id in approval.deciders:
        return
    approval.deciders = [*approval.deciders, deputy.id]
    note(tx, ticket, Event.ESCALATED, LOOPOS, step="deputy", who=deputy.id)
    _show(tx, ticket, deputy)


def on_lapse(tx: Tx, deadline: Due) -> None:
    """Nobody decided. That is its own end, never a no (W12)."""
    approval = _pending(tx, deadline)
    if approval is None:
        return
    approval.status = ApprovalStatus.LAPSED
    ticket = tx.get(Ticket, approval.ticket_id)
    assert ticket is not None
    dispatch = tx.get(Dispatch, approval.dispatch_id)
    if dispatch is not None:
        dispatch.void = True
    deadlines.cancel(tx, approval.id)
    move(tx, ticket, Event.LAPSED, LOOPOS, approval_id=approval.id)
    for person_id in dict.fromkeys([ticket.reporter, *approval.deciders]):
        card_publisher.tell(
            tx,
            tx.services.company.person(person_id),
            lambda words: words(
                N_("{ticket}: nobody decided in time, so nobody was sent. It can be asked again."),
                ticket=ticket.ticket_id,
            ),
        )


def _pending(tx: Tx, deadline: Due) -> Approval | None:
    approval = tx.get(Approval, deadline.subject)
    if approval is None or approval.status != ApprovalStatus.PENDING:
        return None
    ticket = tx.get(Ticket, approval.ticket_id)
    return approval if ticket is not None and ticket.status == Status.AWAITING_HUMAN else None
