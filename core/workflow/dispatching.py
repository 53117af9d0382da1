"""From an authorised draft to somebody who has it: dispatch, pages, acknowledgement, follow-up."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from core.actors import LOOPOS, Actor, Reader
from core.cards.offer import RecalledSnapshot, recalled
from core.cards.view import CardDraft
from core.context import Tx
from core.dispatch.draft import response_time
from core.dispatch.escalation import page_for, plan
from core.errors import Refused
from core.i18n import N_
from core.knowledge.rules_in_force import applying
from core.model import Event, OfferStatus, Status
from core.outbox import card_publisher
from core.store import deadlines
from core.store.deadlines import Due
from core.store.frozen import frozen
from core.store.tables import Dispatch, Ticket
from core.tickets.records import current_dispatch, month_of, move, note
from core.workflow import offers

LATER: Final = timedelta(hours=1)
LEAST_FOLLOW_UP: Final = timedelta(minutes=5)
LAST_FOLLOW_UP: Final = timedelta(days=30)
"""However late somebody says they will be there: a slip of the year must not mean that nobody is ever asked."""
ETA_WITHIN: Final = timedelta(days=3660)
"""A moment further from now than this is a mistake."""


def _page_key(dispatch: Dispatch) -> str:
    return f"page:{dispatch.dispatch_id}"


def start(tx: Tx, ticket: Ticket, dispatch: Dispatch, by: Actor, escalate_after: int | None = None) -> None:
    """Send it: the money is authorised, the steps are fixed, the assignee is told, the timer runs. `escalate_after`:
    seconds between two steps, instead of the policy's."""
    services, company = tx.services, tx.services.company
    place = company.place(ticket.property_id)
    assert place is not None, "a ticket without a property cannot be dispatched"
    vendor = company.vendor(dispatch.vendor_id)
    dispatch.authorized = True
    dispatch.authorized_by = by.person_id
    dispatch.authorized_at = tx.now
    dispatch.month = month_of(tx, place)
    response = response_time(vendor, place, tx.now)
    if dispatch.eta_iso is None or dispatch.eta_iso < tx.now + response / 2:
        dispatch.eta_iso = tx.now + response  # decided so late that nobody can be there when it was said
    ruled = [
        one
        for one in applying(company.rules, place.id, ticket.category, ticket.severity, tx.now)
        if one.kind == "escalation_wait"
    ]
    waits = escalate_after or (ruled[-1].then.seconds if ruled else services.escalate_after)
    if ruled and not escalate_after:
        note(
            tx, ticket, Event.RULED, LOOPOS,
            rule_id=ruled[-1].rule_id, version=ruled[-1].version, effect=f"wait {waits}",
        )  # fmt: skip
    steps = plan(company, place.id, company.escalation.steps_for(ticket.severity), waits)
    dispatch.steps = tuple(steps)
    dispatch.assignee = steps[0].person_id
    dispatch.auto_escalate_after_seconds = int(steps[0].wait.total_seconds())
    move(
        tx,
        ticket,
        Event.DISPATCHED,
        by,
        dispatch_id=dispatch.dispatch_id,
        vendor_id=dispatch.vendor_id,
        estimate_usd=str(dispatch.cost_estimate_usd),
        assignee=dispatch.assignee,
    )
    _page(tx, ticket, dispatch, 0)
    offers.ask(tx, ticket, dispatch)


def _page(tx: Tx, ticket: Ticket, dispatch: Dispatch, level: int) -> None:
    """Tell the person of step `level` (or the next who can be reached), and set the timer for the one after."""
    company = tx.services.company
    steps = dispatch.steps
    unreachable = {
        step.person_id
        for step in steps
        if (who := company.person(step.person_id)) is None or not tx.services.addresses_of(who)
    }
    page = page_for(company, steps, level, ticket.severity, tx.now, unreachable)
    if page is None:
        return
    if page.level > 0:
        dispatch.escalated = True
        dispatch.escalation_level = page.level
        note(tx, ticket, Event.ESCALATED, LOOPOS, step=page.level, who=page.step.person_id)
    dispatch.paged = [*dispatch.paged, page.step.person_id]
    person = company.person(page.step.person_id)
    card_publisher.show(
        tx,
        "job",
        ticket,
        card_publisher.readers_of(tx, person),
        not_before=page.at,
        cancel_key=_page_key(dispatch),
        again=True,
    )
    note(tx, ticket, Event.NOTIFIED, LOOPOS, step=page.level, who=page.step.person_id)
    deadlines.schedule(tx, "escalate", dispatch.dispatch_id, page.at + page.step.wait, level=page.level + 1)


def hasten(tx: Tx, ticket: Ticket) -> None:
    """It became urgent while nobody has it: what was held for the morning goes out now, and the next step is planned by
    what the policy says of this severity."""
    dispatch = current_dispatch(ticket)
    if dispatch is None or dispatch.acknowledged:
        return
    waiting = deadlines.pending(tx, dispatch.dispatch_id, "escalate")
    if not waiting:
        return
    company, level = tx.services.company, int(waiting[0].args["level"])
    urgent = company.escalation.steps_for(ticket.severity)
    anew = plan(company, ticket.property_id, urgent, tx.services.escalate_after)
    told = dispatch.steps[:level]
    known = {step.person_id for step in told}
    dispatch.steps = (*told, *(step for step in anew if step.person_id not in known))
    deadlines.cancel(tx, dispatch.dispatch_id, "escalate")
    card_publisher.bring_forward(tx, _page_key(dispatch))
    deadlines.schedule(tx, "escalate", dispatch.dispatch_id, tx.now + anew[0].wait, level=level)


def page_next_now(tx: Tx, ticket: Ticket, page_key: str) -> None:
    """A page could not be brought to anybody of its step: the next one is not made to wait (B31)."""
    dispatch = current_dispatch(ticket)
    if dispatch is None or page_key != _page_key(dispatch) or dispatch.acknowledged:
        return
    who = dispatch.paged[-1] if dispatch.paged else None
    note(tx, ticket, Event.NOTIFIED, LOOPOS, who=who, unreachable=True)
    for waiting in deadlines.pending(tx, dispatch.dispatch_id, "escalate"):
        deadlines.cancel(tx, dispatch.dispatch_id, "escalate")
        deadlines.schedule(tx, "escalate", dispatch.dispatch_id, tx.now, **waiting.args)
        break


def on_escalate(tx: Tx, deadline: Due) -> None:
    dispatch = tx.get(Dispatch, deadline.subject)
    if dispatch is None or dispatch.acknowledged or dispatch.void:
        return
    ticket = dispatch.ticket
    level = int(deadline.args["level"])
    if ticket.status != Status.DISPATCHED:
        return
    if level < len(dispatch.steps):
        _page(tx, ticket, dispatch, level)
    else:
        # The steps are spent. Not silently: the founder hears that nobody has it.
        card_publisher.tell(
            tx,
            tx.services.company.founder,
            lambda words: words(
                N_("Nobody has taken {ticket} yet, and everybody has been told."), ticket=ticket.ticket_id
            ),
        )


def acknowledge(tx: Tx, ticket: Ticket, actor: Actor, eta: datetime | None = None) -> None:
    """ "I have it": every pending page and timer stops in this transaction; the follow-up starts. `eta`: when they will be
    there, if they say so.

    Raises Refused("wrong_state" | "already_acknowledged" | "bad_time")."""
    dispatch = running(ticket)
    if dispatch.acknowledged:
        at = dispatch.acknowledged_at or tx.now
        raise Refused(
            "already_acknowledged", who=tx.services.company.name_of(dispatch.acknowledged_by), at=at
        )
    if eta is not None:
        if abs(eta - tx.now) > ETA_WITHIN:
            raise Refused("bad_time")
        dispatch.eta_iso = eta
    dispatch.acknowledged = True
    dispatch.acknowledged_by = actor.person_id
    dispatch.acknowledged_at = tx.now
    dispatch.acknowledged_on = actor.channel
    note(tx, ticket, Event.ACKNOWLEDGED, actor, dispatch_id=dispatch.dispatch_id)
    deadlines.cancel(tx, dispatch.dispatch_id)
    card_publisher.cancel_pages(tx, _page_key(dispatch))
    # At the vendor's ETA, but never on the heels of the acknowledgement.
    due = max(dispatch.eta_iso or tx.now, tx.now + LEAST_FOLLOW_UP)
    deadlines.schedule(tx, "follow_up", dispatch.dispatch_id, min(due, tx.now + LAST_FOLLOW_UP))


def give_back(tx: Tx, ticket: Ticket, actor: Actor, why: str = "by_hand") -> None:
    """Un-acknowledge: the next step is told at once; after the last one it begins again with the first."""
    dispatch = running(ticket)
    dispatch.acknowledged = False
    dispatch.acknowledged_by = None
    dispatch.acknowledged_at = None
    dispatch.acknowledged_on = None
    note(tx, ticket, Event.UNACKNOWLEDGED, actor, why=why)
    deadlines.cancel(tx, dispatch.dispatch_id)
    following = dispatch.escalation_level + 1
    _page(tx, ticket, dispatch, following if following < len(dispatch.steps) else 0)


def on_follow_up(tx: Tx, deadline: Due) -> None:
    """The vendor should have been there: ask whoever has it."""
    dispatch = tx.get(Dispatch, deadline.subject)
    if (
        dispatch is None
        or not dispatch.acknowledged
        or dispatch.void
        or dispatch.ticket.status != Status.DISPATCHED
    ):
        return
    ticket = dispatch.ticket
    who = tx.services.company.person(dispatch.acknowledged_by)
    note(tx, ticket, Event.FOLLOW_UP, LOOPOS, who=dispatch.acknowledged_by)
    card_publisher.show(tx, "follow_up", ticket, card_publisher.readers_of(tx, who), again=True)
    grace = timedelta(seconds=tx.services.company.escalation.follow_up_grace_seconds)
    deadlines.schedule(tx, "follow_up_silent", dispatch.dispatch_id, tx.now + grace)


def on_follow_up_silent(tx: Tx, deadline: Due) -> None:
    """Acknowledged is not done: no answer to the follow-up gives it back (W13)."""
    dispatch = tx.get(Dispatch, deadline.subject)
    if (
        dispatch is None
        or not dispatch.acknowledged
        or dispatch.void
        or dispatch.ticket.status != Status.DISPATCHED
    ):
        return
    give_back(tx, dispatch.ticket, LOOPOS, why="no_answer_to_follow_up")


def ask_later(tx: Tx, ticket: Ticket, actor: Actor) -> None:
    dispatch = running(ticket)
    deadlines.cancel(tx, dispatch.dispatch_id, "follow_up", "follow_up_silent")
    deadlines.schedule(tx, "follow_up", dispatch.dispatch_id, tx.now + LATER)
    note(tx, ticket, Event.FOLLOW_UP, actor, later=int(LATER.total_seconds()))


def running(ticket: Ticket) -> Dispatch:
    """The dispatch under which somebody is on the way. Raises Refused("wrong_state")."""
    dispatch = current_dispatch(ticket)
    if dispatch is None or ticket.status != Status.DISPATCHED:
        raise Refused("wrong_state", status=ticket.status)
    return dispatch


def recall(tx: Tx, dispatch: Dispatch) -> None:
    """It stands no more. Where somebody from outside was sent for and has not said no, they may come all the same, and bill:
    it counts against the cap until somebody says that it is off."""
    vendor = tx.services.company.vendor(dispatch.vendor_id)
    declined = any(one.status in {OfferStatus.DECLINED, OfferStatus.COUNTERED} for one in dispatch.offers)
    if dispatch.authorized and not dispatch.void and vendor is not None and vendor.person_id is None:
        dispatch.recalled = not declined
    dispatch.void = True


def ask_whether_off(tx: Tx, ticket: Ticket) -> None:
    """Of each order that was taken back: whoever had the job (or the founder) is asked whether the vendor knows."""
    company = tx.services.company
    for dispatch in ticket.dispatches:
        if not dispatch.recalled or card_publisher.own_card(tx, "recalled", dispatch.dispatch_id) is not None:
            continue
        person = company.person(dispatch.acknowledged_by or dispatch.assignee) or company.founder
        people = {one.id: one for one in (person, company.founder)}.values()
        ways = [way for one in people for way in card_publisher.readers_of(tx, one)]
        card_publisher.post_own(tx, "recalled", dispatch.dispatch_id, _recalled(tx, dispatch), ways)


def call_off(tx: Tx, ticket: Ticket, dispatch_id: str, actor: Actor) -> None:
    """The vendor knows. Raises Refused("gone")."""
    dispatch = tx.get(Dispatch, dispatch_id)
    if dispatch is None or dispatch.ticket_id != ticket.ticket_id or not dispatch.recalled:
        raise Refused("gone")
    dispatch.recalled = False
    note(tx, ticket, Event.CHANGED, actor, field="order", off=dispatch.vendor_id)


def _recalled(tx: Tx, dispatch: Dispatch) -> Callable[[Reader], CardDraft]:
    seen = frozen(RecalledSnapshot, dispatch)
    return partial(recalled, seen, tx.services.company)


def draw_recalled_later(tx: Tx, dispatch: Dispatch) -> None:
    """Whether they may still come is another."""
    tx.before_commit(
        f"recalled:{dispatch.dispatch_id}",
        lambda: card_publisher.redraw_own(tx, "recalled", dispatch.dispatch_id, _recalled(tx, dispatch)),
    )


def withdraw(tx: Tx, dispatch: Dispatch) -> None:
    """This dispatch is over: its timers and unsent pages stop, and the vendor hears it."""
    offers.withdraw(tx, dispatch)
    deadlines.cancel(tx, dispatch.dispatch_id)
    card_publisher.cancel_pages(tx, _page_key(dispatch))
