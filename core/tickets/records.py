"""Reading and marking tickets: the history is written here and nowhere else."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import BigInteger, ColumnElement, func, literal_column, or_, select, text, union
from sqlalchemy.orm import Session, selectinload

from core.actors import Actor
from core.company.schema import Property, Resolution
from core.context import Tx
from core.errors import Refused
from core.knowledge.recall import as_resolution
from core.model import OPEN, SYSTEM, Address, Event, QuestionKind, Status
from core.money import Amount, Money, Rate
from core.store.sums import CENT, VENDOR_CENTS, whole
from core.store.tables import IS_OPEN, Approval, Counter, Dispatch, HistoryRow, Report, Ticket
from core.tickets.lifecycle import following

FIRST_TICKET = 1001


def next_number(tx: Tx) -> int:
    counter = tx.get(Counter, "tickets")
    if counter is None:
        counter = tx.add(Counter(name="tickets", value=FIRST_TICKET - 1))
    counter.value += 1
    return counter.value


def find_ticket(tx: Tx, ticket_id: str) -> Ticket:
    """The ticket called `ticket_id` ("T-1042", "t1042" or "1042"). Raises Refused("unknown_ticket")."""
    digits = "".join(char for char in ticket_id if char.isdecimal() and char.isascii())
    ticket = tx.get(Ticket, f"T-{digits}") if digits and len(digits) < 12 else None
    if ticket is None:
        raise Refused("unknown_ticket", ticket=ticket_id.strip()[:20] or "–")
    return ticket


def answered_at(tx: Tx, told: Ticket | Report) -> Address:
    """Where its reporter is answered."""
    there = Address(told.source["channel"], told.source["conversation_id"])
    return tx.services.answered_at(there, told.reporter)


def survivor(tx: Tx, ticket: Ticket) -> Ticket:
    """Where a merged ticket goes on. Among tickets that point at each other, which no merge makes any more, the first that
    is met again."""
    met: set[str] = set()
    while ticket.merged_into is not None and ticket.ticket_id not in met:
        met.add(ticket.ticket_id)
        ticket = find_ticket(tx, ticket.merged_into)
    return ticket


def read_tickets(tx: Tx, subjects: list[str]) -> list[Ticket]:
    """The tickets that `subjects` (ids of tickets, dispatches or approvals) are about, with all that belongs
    to them, held for this unit of work."""
    about = union(
        select(Ticket.ticket_id).where(Ticket.ticket_id.in_(subjects)),
        select(Dispatch.ticket_id).where(Dispatch.dispatch_id.in_(subjects)),
        select(Approval.ticket_id).where(Approval.id.in_(subjects)),
    )
    parts = (Ticket.dispatches, Ticket.approvals, Ticket.reports, Ticket.questions, Ticket.attachments)
    wanted = (
        select(Ticket)
        .where(Ticket.ticket_id.in_(about))
        .options(*(selectinload(one) for one in parts))
        .options(selectinload(Ticket.dispatches).selectinload(Dispatch.offers))
    )
    tickets = list(tx.session.scalars(wanted))
    tx.hold(*tickets)
    return tickets


def move(tx: Tx, ticket: Ticket, event: Event, actor: Actor, **detail: Any) -> None:
    """Let `event` change the ticket's status, and write it into the history.

    Raises Refused("wrong_state") where the table of core.tickets.lifecycle has no such move."""
    before = Status(ticket.status)
    after = following(event, before)
    ticket.status = after
    if after not in OPEN:
        _ask_no_more(tx, ticket)
    _write(tx, ticket, event, actor, detail, before, after)


def _ask_no_more(tx: Tx, ticket: Ticket) -> None:
    """What nobody answered ends with the ticket: it would be looked at with every message of whom it was put to, for
    ever. Who pays is asked only then."""
    for question in ticket.questions:
        if question.answer is None and question.kind != QuestionKind.CHARGE_TO:
            question.answer, question.answered_by, question.answered_at = "", SYSTEM, tx.now


def note(tx: Tx, ticket: Ticket, event: Event, actor: Actor, **detail: Any) -> None:
    """Write an event that leaves the status as it is."""
    _write(tx, ticket, event, actor, detail, None, None)


def _write(
    tx: Tx,
    ticket: Ticket,
    event: Event,
    actor: Actor,
    detail: dict[str, Any],
    before: Status | None,
    after: Status | None,
) -> None:
    # By the row's side: appending to the ticket's would first read its whole history.
    tx.add(
        HistoryRow(
            ticket=ticket,
            at=tx.now,
            event=event.value,
            actor=actor.person_id,
            channel=actor.channel,
            from_status=before.value if before else None,
            to_status=after.value if after else None,
            detail=detail,
        )
    )


def ended_at(session: Session, ticket: Ticket) -> datetime | None:
    """When it came to the end that it is at; None while it is open."""
    if ticket.status in OPEN:
        return None
    wanted = select(func.max(HistoryRow.at)).where(
        HistoryRow.ticket_id == ticket.ticket_id, HistoryRow.to_status == ticket.status
    )
    return session.scalar(wanted)


def current_dispatch(ticket: Ticket) -> Dispatch | None:
    """The one dispatch that stands; replaced ones are void."""
    return next((dispatch for dispatch in reversed(ticket.dispatches) if not dispatch.void), None)


def latest_approval(ticket: Ticket) -> Approval | None:
    return ticket.approvals[-1] if ticket.approvals else None


def month_of(tx: Tx, place: Property) -> str:
    return tx.now.astimezone(place.zone).strftime("%Y-%m")


def month_spent(tx: Tx, place: Property) -> Decimal:
    """Vendor money authorised for the property in its present month: the bill once there is one, the
    estimate until then."""
    here = (Dispatch.property_id == place.id, Dispatch.month == month_of(tx, place))
    return vendor_money(tx.session, *here, recalled=True)


def vendor_day(tx: Tx, vendor_id: str, place: Property) -> Decimal:
    """Authorised for a vendor since midnight at `place`, at any property: the bill once there is one."""
    midnight = tx.now.astimezone(place.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    today = (Dispatch.vendor_id == vendor_id, Dispatch.authorized_at >= midnight)
    return vendor_money(tx.session, *today, recalled=True)


def vendor_money(session: Session, *where: ColumnElement[bool], recalled: bool = False) -> Decimal:
    """What was authorised for vendors by the dispatches that match, exactly. With `recalled` also by orders that were taken
    back and may be carried out all the same: what a limit has to count."""
    stands: ColumnElement[bool] = Dispatch.void.is_(False)
    stands = or_(stands, Dispatch.recalled.is_(True)) if recalled else stands
    wanted = select(func.sum(vendor_cents())).where(Dispatch.authorized.is_(True), stands, *where)
    return Decimal(session.scalar(wanted) or 0) / 100


def vendor_cents() -> ColumnElement[int]:
    """A dispatch's dollars in cents: the bill once there is one, the estimate until then."""
    return literal_column(VENDOR_CENTS, BigInteger)


def estimate_cents() -> ColumnElement[int]:
    """What a dispatch was thought to cost, in cents."""
    return literal_column(whole("dispatches.cost_estimate_usd", CENT), BigInteger)


def own_resolutions(
    session: Session, property_id: str, category: str, before: datetime | None = None
) -> list[Resolution]:
    """Tickets resolved here (`before`: until then) as rows of the Brain's history layer: the history grows by itself."""
    rows = session.scalars(
        select(Ticket)
        .where(
            Ticket.property_id == property_id,
            Ticket.category == category,
            Ticket.status == Status.RESOLVED,
            *([Ticket.resolved_at < before] if before is not None else ()),
        )
        .order_by(Ticket.resolved_at.desc())
        .limit(10)
        .options(selectinload(Ticket.dispatches))
    )
    found: list[Resolution] = []
    for ticket in rows:
        dispatch = current_dispatch(ticket)
        if (
            dispatch is None
            or dispatch.actual_cost_usd is None
            or dispatch.doubtful
            or ticket.resolved_at is None
        ):
            continue
        found.append(
            as_resolution(
                ticket.ticket_id,
                property_id,
                category,
                dispatch.vendor_id,
                ticket.outcome or "",
                ticket.resolved_at.date(),
                round((ticket.resolved_at - ticket.created_at) / timedelta(hours=1), 1),
                dispatch.actual_cost_usd,
                ticket.rating or 4,
            )
        )
    return found


REMEMBERED: Final = 500
"""Repairs of our own that a question is answered from, the newest."""


def repairs_here(session: Session) -> list[Resolution]:
    """The newest tickets that were resolved and billed, as rows of the Brain's history layer."""
    wanted = (
        select(
            Ticket.ticket_id,
            Ticket.property_id,
            Ticket.category,
            Dispatch.vendor_id,
            Ticket.outcome,
            Ticket.created_at,
            Ticket.resolved_at,
            Dispatch.actual_cost_usd,
            Ticket.rating,
        )
        .join(Dispatch, Dispatch.ticket_id == Ticket.ticket_id)
        .where(
            Ticket.status == Status.RESOLVED,
            Ticket.property_id.is_not(None),
            Dispatch.void.is_(False),
            Dispatch.actual_cost_usd.is_not(None),
            Dispatch.doubtful.is_(False),
        )
        .order_by(Ticket.number.desc())
        .limit(REMEMBERED)
    )
    return [
        as_resolution(
            row.ticket_id,
            row.property_id,
            row.category,
            row.vendor_id,
            row.outcome or "",
            row.resolved_at.date(),
            round((row.resolved_at - row.created_at) / timedelta(hours=1), 1),
            row.actual_cost_usd,
            row.rating or 4,
        )
        for row in session.execute(wanted)
        if row.resolved_at is not None
    ]


def amount_on(tx: Tx, dispatch: Dispatch, said: Money) -> Amount:
    """What somebody said about `dispatch`: counted in dollars, shown in the money in which they bill.
    Raises Refused("no_rate" | "amount_unclear")."""
    company = tx.services.company
    return company.amount(said, company.rate_for(dispatch.property_id, dispatch.vendor_id))


def rate_on(tx: Tx, ticket: Ticket) -> Rate:
    """The money in which people ask and bill for `ticket`."""
    dispatch = current_dispatch(ticket)
    vendor = dispatch.vendor_id if dispatch is not None else None
    return tx.services.company.rate_for(ticket.property_id, vendor)


def is_open() -> ColumnElement[bool]:
    """As the partial indices know it: the database uses them only where a query says just that."""
    return text(IS_OPEN)  # type: ignore[return-value]


def open_tickets(tx: Tx, property_id: str | None = None) -> list[Ticket]:
    """The most urgent first, then the oldest."""
    wanted = select(Ticket).where(is_open())
    if property_id is not None:
        wanted = wanted.where(Ticket.property_id == property_id)
    rows = tx.session.scalars(wanted)
    return sorted(rows, key=lambda ticket: (-ticket.severity, ticket.number))


def count_open(tx: Tx) -> int:
    return tx.session.scalar(select(func.count()).select_from(Ticket).where(is_open())) or 0


def authorised_for(ticket: Ticket) -> Decimal:
    """What the ticket's standing dispatches cost: the bill once there is one, the estimate until then. An order that was
    taken back stands until somebody says that it is off."""
    standing = [d for d in ticket.dispatches if d.authorized and (d.recalled or not d.void)]
    return sum(
        (d.cost_estimate_usd if d.actual_cost_usd is None else d.actual_cost_usd for d in standing),
        Decimal(0),
    )
