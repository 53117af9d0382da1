"""How a ticket ends, and how it comes back: resolve, cancel, merge, split, reopen."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from core import phrases
from core.actors import Actor
from core.context import Tx
from core.errors import Refused
from core.i18n import N_
from core.inbound import File
from core.model import OPEN, Event, SourceKind, Status
from core.money import Amount, Money
from core.outbox import card_publisher
from core.store import deadlines
from core.store.tables import Report, Ticket
from core.team.people import reader_for
from core.tickets.lifecycle import following
from core.tickets.records import answered_at, current_dispatch, move, note, rate_on
from core.workflow import (
    approvals,
    asking,
    bills,
    dispatching,
    drafting,
    filing,
    offers,
    reports,
    skill_versions,
)

RATINGS: Final = range(1, 6)
"""Stars."""


def resolve(
    tx: Tx,
    ticket: Ticket,
    actor: Actor,
    said: Money | None,
    *,
    outcome: str = "",
    rating: int | None = None,
    charge_to: str | None = None,
    guest_credit: Money | None = None,
    staff_minutes: int | None = None,
    card: str = "",
    sure: bool = False,
) -> bool:
    """It is fixed. False where somebody was asked first whether that is really meant; `sure`: they said so, on `card`. `said`: what it cost; asked for where a vendor was sent. `guest_credit` and `staff_minutes` (of our own
    people) are those of the whole ticket; None leaves what was said before it came back.

    Raises Refused("cost_needed" | "wrong_state" | "unknown_option" | "no_rate" | "amount_unclear" | "really")."""
    if (rating is not None and rating not in RATINGS) or (charge_to and charge_to not in phrases.CHARGE):
        raise Refused("unknown_option")
    dispatch = current_dispatch(ticket)
    sent = dispatch is not None and dispatch.authorized and dispatch.cost_estimate_usd > 0
    if said is None and sent:
        raise Refused("cost_needed", ticket=ticket.ticket_id)
    company, rate = tx.services.company, rate_on(tx, ticket)
    bill = company.amount(said, rate) if said is not None else None
    credit = company.amount(guest_credit, rate) if guest_credit is not None else None
    found = () if sure else bills.needs_asking(tx, ticket, dispatch, bill, credit, staff_minutes)
    if found:
        args = {
            "ticket": ticket.ticket_id,
            "outcome": outcome,
            "rating": rating,
            "charge_to": charge_to,
            "credit": bills.pair(guest_credit),
            "minutes": staff_minutes,
        }
        following(Event.RESOLVED, ticket.status)  # who may not now need not be asked
        bills.ask(tx, ticket, actor, [bill] if bill is not None else [], args, found)
        return False
    bills.asked(tx, card, ticket)
    move(
        tx,
        ticket,
        Event.RESOLVED,
        actor,
        actual_cost_usd=None if bill is None else str(bill.usd),
        outcome=outcome,
        rating=rating,
        charge_to=charge_to,
        guest_credit_usd=None if credit is None else str(credit.usd),
        staff_minutes=staff_minutes,
    )
    ticket.resolved_at = tx.now
    ticket.outcome, ticket.rating, ticket.charge_to = outcome or None, rating, charge_to
    if credit is not None:
        ticket.guest_credit_usd, ticket.guest_credit_local = credit.usd, credit.local
    if staff_minutes is not None:
        ticket.staff_minutes = staff_minutes
    ordered = dispatch is not None and dispatch.authorized
    if dispatch is None and bill is not None and bill.usd > 0:
        dispatch = drafting.without_order(tx, ticket)
    if dispatch is not None:
        bills.book(tx, ticket, dispatch, bill if bill is not None else Amount(Decimal(0)))
        if not dispatch.authorized:
            dispatch.void = True
    _stop_everything(tx, ticket)
    skill_versions.look_for_likes(tx, ticket)
    asking.ask_who_pays(tx, ticket, actor)
    _tell_all(tx, ticket, actor)
    if bill is not None and bill.usd > 0 and not ordered:
        _tell_unordered(tx, ticket, actor, bill)
    elif dispatch is not None and bill is not None and bill.usd > dispatch.cap_usd:
        card_publisher.tell(
            tx,
            tx.services.company.founder,
            lambda words: words(
                N_("{ticket} cost {amount}, above its cap of {cap}."),
                ticket=ticket.ticket_id,
                amount=words.amount(bill),
                cap=words.money(dispatch.cap_usd),
            ),
        )
    return True


def _tell_unordered(tx: Tx, ticket: Ticket, actor: Actor, bill: Amount) -> None:
    """Money went out that nobody had authorised: the founder hears how much."""
    founder, who = tx.services.company.founder, tx.services.company.name_of(actor.person_id)
    if founder.id != actor.person_id:
        card_publisher.tell(
            tx,
            founder,
            lambda words: words(
                N_("{ticket} cost {amount}, says {who}. Nobody had been sent for that."),
                ticket=ticket.ticket_id,
                amount=words.amount(bill),
                who=who,
            ),
            about=ticket,
        )


def _tell_all(tx: Tx, ticket: Ticket, actor: Actor) -> None:
    """Every reporter and the founder hear the end, except whoever said it."""
    people = dict.fromkeys([*(report.reporter for report in ticket.reports), tx.services.company.founder.id])
    who = tx.services.company.name_of(actor.person_id)
    for person_id in people:
        if person_id != actor.person_id:
            card_publisher.tell(
                tx,
                tx.services.company.person(person_id),
                lambda words: words(N_("✅ {ticket} is done ({who})."), ticket=ticket.ticket_id, who=who),
                about=ticket,
            )


def cancel(tx: Tx, ticket: Ticket, actor: Actor) -> None:
    move(tx, ticket, Event.CANCELLED, actor)
    _void_unbilled(tx, ticket)
    _stop_everything(tx, ticket)
    dispatching.ask_whether_off(tx, ticket)


def reopen(tx: Tx, ticket: Ticket, actor: Actor) -> None:
    """It is not over: drafted and gated afresh, with what is known today. Credit and minutes are spent: they stay."""
    move(tx, ticket, Event.REOPENED, actor)
    ticket.resolved_at = None
    ticket.outcome, ticket.rating, ticket.charge_to = None, None, None
    _void_unbilled(tx, ticket)
    filing.advance(tx, ticket, actor)
    dispatching.ask_whether_off(tx, ticket)


def _void_unbilled(tx: Tx, ticket: Ticket) -> None:
    """What was spent stays spent, and counts against cap and budget; only what was never billed is void."""
    for dispatch in ticket.dispatches:
        if dispatch.actual_cost_usd is None:
            dispatching.recall(tx, dispatch)


def merge(tx: Tx, ticket: Ticket, into: Ticket, actor: Actor) -> None:
    """`ticket` turns out to be `into`: its words go there, and it points there.

    Raises Refused("same_ticket" | "wrong_state"): nothing goes on in what has ended, but for what is being reopened."""
    if ticket.ticket_id == into.ticket_id:
        raise Refused("same_ticket")
    if into.status not in {*OPEN, Status.RESOLVED}:
        raise Refused("wrong_state", status=into.status)
    move(tx, ticket, Event.MERGED, actor, into=into.ticket_id)
    ticket.merged_into = into.ticket_id
    goes_on = current_dispatch(into)
    for dispatch in ticket.dispatches:
        # Whoever was sent for both comes for the same problem: nothing is taken back. Another has to be told.
        if goes_on is not None and goes_on.authorized and goes_on.vendor_id == dispatch.vendor_id:
            dispatch.void = dispatch.void or dispatch.actual_cost_usd is None
        elif dispatch.actual_cost_usd is None:
            dispatching.recall(tx, dispatch)
    _stop_everything(tx, ticket)
    dispatching.ask_whether_off(tx, ticket)
    for report in ticket.reports:
        into.reports.append(reports.copy_of(report))
    for one in ticket.attachments:
        reports.attach(into, File(SourceKind(one.kind), one.media_type, one.bytes, one.sha256, one.path))
    note(tx, into, Event.RECEIVED, actor, merged_from=ticket.ticket_id)
    if ticket.triage.not_understood:
        into.triage = replace(into.triage, not_understood=True)
    # Worse news travel with the words: a merge may never hide a danger from the gate.
    if reports.worsen(tx, into, ticket.severity, ticket.risk_tags, actor) and into.status in OPEN:
        filing.reassess(tx, into)


def merge_by_hand(tx: Tx, ticket: Ticket, into: Ticket, actor: Actor) -> None:
    """A person says that two open tickets of one property are one problem; its reporters are told."""
    if into.status not in OPEN or into.property_id != ticket.property_id:
        raise Refused("wrong_state", status=into.status)
    reporters = dict.fromkeys(report.reporter for report in ticket.reports)
    merge(tx, ticket, into, actor)
    for person_id in reporters:
        if person_id != actor.person_id:
            card_publisher.tell(
                tx,
                tx.services.company.person(person_id),
                lambda words: words(
                    N_("{ticket} now goes on as {into}."), ticket=ticket.ticket_id, into=into.ticket_id
                ),
            )


def split(tx: Tx, ticket: Ticket, report: Report, actor: Actor) -> Ticket:
    """`report` was another problem: it gets a ticket of its own, and goes its own way."""
    if report.split_to is not None:
        raise Refused("gone")
    fresh = reports.ticket_from(tx, reports.copy_of(report), report.triage.property_id or ticket.property_id)
    report.split_to = fresh.ticket_id
    note(tx, ticket, Event.SPLIT, actor, to=fresh.ticket_id)
    note(tx, fresh, Event.FILED, actor, split_from=ticket.ticket_id)
    tx.session.flush()
    filing.advance(tx, fresh, actor)
    reader = reader_for(tx, tx.services.company.person(report.reporter), report.language)
    card_publisher.show(tx, "receipt", fresh, [(answered_at(tx, report), reader)])
    return fresh


def unmerge(tx: Tx, ticket: Ticket, actor: Actor) -> None:
    """A merged ticket goes its own way again."""
    move(tx, ticket, Event.SPLIT, actor, **{"from": ticket.merged_into})
    ticket.merged_into = None
    for dispatch in ticket.dispatches:
        dispatch.recalled = False  # whoever was sent for it is sent for it again
    filing.advance(tx, ticket, actor)


def _stop_everything(tx: Tx, ticket: Ticket) -> None:
    """No timer, page or open approval outlives the ticket."""
    approvals.supersede(tx, ticket)
    deadlines.cancel(tx, ticket.ticket_id)
    for dispatch in ticket.dispatches:
        dispatching.withdraw(tx, dispatch)
    offers.drop(tx, ticket)
