"""What the house itself sees, as readings like any other: `signal` holds what may wake the loop, and no ages; `detail` the rest.

Each is a function of a snapshot of the rows, so that none of them holds a writer up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import select, text
from sqlalchemy.orm import Session, selectinload

from core.company.company import Company
from core.company.schema import Property
from core.cost.budget import forecast
from core.cost.ledger import total, within
from core.cost.months import month_at
from core.dispatch.draft import response_time
from core.loop.house import LoopHouse
from core.model import URGENT, ApprovalStatus, OfferStatus, Status
from core.ports import Metered
from core.stays import keeping
from core.stays.calendars import BadCalendar, read
from core.stays.fetching import fetch
from core.store.tables import IS_OPEN, Approval, Dispatch, Ticket
from core.tickets.records import current_dispatch, vendor_money

log = structlog.get_logger(__name__)

Reading = dict[str, Any]
Rows = Callable[[Session, Company, datetime], Reading]
Reader = Callable[[LoopHouse, datetime], Awaitable[Reading]]

LATE: Final = timedelta(minutes=30)
"""After the time that was told for a repair."""
UNDECIDED: Final = timedelta(hours=4)
"""So long an open ticket may wait for a person."""
NOBODY: Final = timedelta(minutes=15)
"""So long a job may be nobody's."""
CLAIMABLE: Final = timedelta(days=14)
"""After it was repaired: the check-out was hardly later. Airbnb and Booking.com give two weeks from it."""
OVER_CAP: Final = "over_cap"
"""Of core.phrases.REASON."""
NEAR: Final = 0.8
"""Of a quota."""
FEED: Final = timedelta(minutes=15)
"""So often at most a feed is read."""


def _open(session: Session) -> list[Ticket]:
    """Looked up once in a look at the database."""
    known: list[Ticket] | None = session.info.get("open")
    if known is not None:
        return known
    wanted = (
        select(Ticket)
        .where(text(IS_OPEN))
        .order_by(Ticket.number)
        .limit(500)
        .options(selectinload(Ticket.dispatches).selectinload(Dispatch.offers))
    )
    found = list(session.scalars(wanted))
    session.info["open"] = found
    return found


def tickets(session: Session, company: Company, now: datetime) -> Reading:
    """Overdue: past the time that was told, or open and in nobody's hands for hours. Urgent: open, and severity 4 or 5."""
    overdue, urgent, ages = [], [], {}
    for ticket in _open(session):
        dispatch = current_dispatch(ticket)
        running = ticket.status == Status.DISPATCHED and dispatch is not None
        eta = dispatch.eta_iso if dispatch is not None and running else None
        late = now - eta > LATE if eta is not None else not running and now - ticket.created_at > UNDECIDED
        if late:
            overdue.append(ticket.ticket_id)
        if ticket.severity >= URGENT:
            urgent.append(ticket.ticket_id)
        ages[ticket.ticket_id] = _minutes(now - ticket.created_at)
    return {"signal": {"overdue": overdue, "urgent": urgent}, "detail": {"open_minutes": ages}}


def decisions(session: Session, company: Company, now: datetime) -> Reading:
    """Over their cap: repairs that wait for the founder because of what they would cost."""
    pending = select(Approval).where(Approval.status == ApprovalStatus.PENDING).order_by(Approval.ticket_id)
    dear = [
        one.ticket_id
        for one in session.scalars(pending.limit(500))
        if any(reason.code == OVER_CAP for reason in one.reasons)
    ]
    return {"signal": {"over_cap": list(dict.fromkeys(dear))}}


def guest_damage(session: Session, company: Company, now: datetime) -> Reading:
    """Repairs that the guest is to pay for, for as long as platforms commonly let one claim them."""
    wanted = select(Ticket).where(
        Ticket.charge_to == "guest", Ticket.resolved_at.is_not(None), Ticket.resolved_at > now - CLAIMABLE
    )
    left = {}
    for ticket in session.scalars(wanted.order_by(Ticket.number).limit(100)):
        assert ticket.resolved_at is not None
        left[ticket.ticket_id] = (ticket.resolved_at + CLAIMABLE - now).days
    return {"signal": {"claimable": sorted(left)}, "detail": {"days_left": left}}


def dispatches(session: Session, company: Company, now: datetime) -> Reading:
    """Jobs that were given out and nobody has taken."""
    found = {}
    for ticket in _open(session):
        dispatch = current_dispatch(ticket)
        if dispatch is None or ticket.status != Status.DISPATCHED or dispatch.acknowledged:
            continue
        since = dispatch.authorized_at or dispatch.created_at
        if now - since > NOBODY:
            found[ticket.ticket_id] = _minutes(now - since)
    return {"signal": {"nobody_took": sorted(found)}, "detail": {"minutes": found}}


def vendors(session: Session, company: Company, now: datetime) -> Reading:
    """Vendors who were asked and are silent for longer than they usually are."""
    found = {}
    for ticket in _open(session):
        dispatch = current_dispatch(ticket)
        for offer in dispatch.offers if dispatch is not None else ():
            vendor, place = company.vendor(offer.vendor_id), company.place(ticket.property_id)
            if vendor is None or place is None or offer.status != OfferStatus.ASKED:
                continue
            silent = now - offer.created_at
            if silent > response_time(vendor, place, now):
                found[f"{vendor.id}@{ticket.ticket_id}"] = _minutes(silent)
    return {"signal": {"silent": sorted(found)}, "detail": {"minutes": found}}


def budget(session: Session, company: Company, now: datetime) -> Reading:
    """Properties that will have spent more than their month's budget at this pace, or have."""
    over, pace, amounts = [], [], {}
    for place in company.properties:
        month = month_at(now, place.zone)
        name = now.astimezone(place.zone).strftime("%Y-%m")
        spent = vendor_money(session, Dispatch.property_id == place.id, Dispatch.month == name, recalled=True)
        if spent > place.monthly_budget_usd:
            over.append(place.id)
        elif spent * 2 > place.monthly_budget_usd and forecast(spent, now, month) > place.monthly_budget_usd:
            pace.append(place.id)
        if spent:
            amounts[place.id] = {"spent_usd": str(spent), "budget_usd": str(place.monthly_budget_usd)}
    return {"signal": {"over": over, "pace": pace}, "detail": amounts}


def cover(session: Session, company: Company, now: datetime) -> Reading:
    """Properties that nobody looks after, and people on site without a backup: when they do not answer, the next one is missing."""
    bare = [place.id for place in company.properties if company.on_site(place.id) is None]
    people = {one.id: one for place in company.properties if (one := company.on_site(place.id)) is not None}
    alone = sorted(one.id for one in people.values() if company.person(one.backup) is None)
    return {"signal": {"uncovered": bare, "no_backup": alone}}


async def stays(house: LoopHouse, now: datetime) -> Reading:
    """Reads the reservation feeds, each at most every FEED, and brings the open tickets up to date. Threatened: tickets whose vendor
    usually comes too late for the cleaner before the next guest. A feed that cannot be read leaves what was known of it."""
    unreadable, arrivals = dict[str, str](), dict[str, str]()
    if not any(place.calendars for place in house.services.company.properties):
        return {"signal": {"arrivals": {}, "threatened": [], "unreadable": []}}
    for place in house.services.company.properties:
        for number, address in enumerate(place.calendars):
            try:
                await _read_feed(house, place, number, address, now)
            except BadCalendar as bad:
                unreadable[f"{place.name}, {number + 1}: {bad}"] = place.id
        if place.calendars:
            await house.store.write(lambda tx, place=place: keeping.apply_all(tx, place.id))  # type: ignore[misc]

    def look(session: Session) -> list[str]:
        late = []
        for ticket in _open(session):
            place = house.services.company.place(ticket.property_id)
            dispatch = current_dispatch(ticket)
            vendor = house.services.company.vendor(dispatch.vendor_id) if dispatch is not None else None
            if place is None or vendor is None or not place.calendars or dispatch is None:
                continue
            clock = keeping.clock_of(session, place, now)
            if not dispatch.acknowledged and clock.too_late(now, response_time(vendor, place, now)):
                late.append(ticket.ticket_id)
        for place in house.services.company.properties:
            if place.calendars:
                clock = keeping.clock_of(session, place, now)
                if clock.arrives is not None:
                    arrivals[place.id] = clock.arrives.astimezone(place.zone).isoformat()
        return late

    threatened = await house.store.read(look)
    return {
        "signal": {"arrivals": arrivals, "threatened": threatened, "unreadable": sorted(unreadable)},
        "detail": {"why": unreadable},
    }


async def _read_feed(house: LoopHouse, place: Property, number: int, address: str, now: datetime) -> None:
    """Raises BadCalendar."""
    key = f"{place.id}:{number}:{address}"
    last = house.feeds.get(key)
    if last is not None and now - last[0] < FEED:  # one that fails is not asked with every beat either
        if last[1]:
            raise BadCalendar(last[1])
        return
    try:
        data = await fetch(address, house.services.company_folder)
        found = await asyncio.to_thread(read, data, place.zone, place.check_in, place.check_out, now)
    except BadCalendar as bad:
        house.feeds[key] = (now, str(bad))
        raise
    house.feeds[key] = (now, "")
    await house.store.write(lambda tx: keeping.keep(tx, place.id, number, found))


async def line_quota(house: LoopHouse, now: datetime) -> Reading:
    """How much of the month's paid messages are used: ok, low, spent; nothing where there is no quota."""
    channel = house.services.channels.get("line")
    if not isinstance(channel, Metered) or channel.quota_limit is None:
        return {"signal": None}
    limit, used = channel.quota_limit, channel.quota_used
    state = "spent" if used >= limit else "low" if used >= NEAR * limit else "ok"
    return {"signal": state, "detail": {"limit": limit, "used": used}}


async def models(house: LoopHouse, now: datetime) -> Reading:
    """Whether the month's money for models lasts at this pace: ok, pace, spent."""
    most, zone = house.services.budget_usd, house.zone
    month = month_at(now, zone)
    spent = await house.store.read(lambda session: total(session, within(month)))
    ahead = forecast(spent, now, month)
    state = (
        "spent" if most and spent >= most else "pace" if most and ahead > most and spent * 2 > most else "ok"
    )
    return {"signal": state, "detail": {"spent_usd": str(spent), "forecast_usd": str(ahead)}}


def _rows(read: Rows) -> Reader:
    async def reader(house: LoopHouse, now: datetime) -> Reading:
        company = house.services.company
        return await house.store.read(lambda session: read(session, company, now))

    return reader


async def rows_now(house: LoopHouse, names: Sequence[str], now: datetime) -> dict[str, Reading]:
    """Those of ROWS, in one look at the database; one that fails is its own trouble."""
    company = house.services.company

    def look(session: Session) -> dict[str, Reading]:
        found = {}
        for name in names:
            try:
                found[name] = ROWS[name](session, company, now)
            except Exception as error:
                found[name] = failed_reading(name, error)
        return found

    return await house.store.read(look) if names else {}


def failed_reading(name: str, error: Exception) -> Reading:
    log.error("sensor_failed", sensor=name, exc_info=error)
    return {"signal": {"error": True, "exit_code": 1}, "detail": {"message": type(error).__name__}}


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)


ROWS: Final[Mapping[str, Rows]] = {
    "tickets": tickets,
    "decisions": decisions,
    "dispatches": dispatches,
    "vendors": vendors,
    "budget": budget,
    "cover": cover,
    "guest-damage": guest_damage,
}
"""Those that are read off a snapshot of the rows."""
SENSORS: Final[Mapping[str, Reader]] = {
    "stays": stays,
    **{name: _rows(read) for name, read in ROWS.items()},
    "line-quota": line_quota,
    "models": models,
}
SELDOM: Final[Mapping[str, timedelta]] = dict.fromkeys(
    ("budget", "cover", "guest-damage", "line-quota", "models"), timedelta(minutes=5)
)
"""What changes slowly is looked at so often."""
