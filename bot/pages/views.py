"""What each page shows, read on a snapshot: plain values, so that a template only lays them out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from core import phrases
from core.access import grants
from core.access.credentials import Caller
from core.actors import Actor
from core.cards.programs import KIND
from core.clients import feed, reading, shapes
from core.company.reading import cost_places
from core.context import Tx
from core.errors import Refused
from core.i18n import N_
from core.model import OPEN, SYSTEM, ApprovalStatus, Event, Status
from core.outbox.translations import text_digest
from core.store.session_rows import SessionRows
from core.store.tables import Dispatch, HistoryRow, Ticket, Translation
from core.team.rights import Right, Subject, require
from core.tickets.records import current_dispatch, find_ticket, latest_approval

LATELY_DONE: Final = 8
MAX_OPEN: Final = 200
"""Tickets on the board; of more the list shows all."""
COLUMNS: Final = (
    ("waiting", (Status.AWAITING_HUMAN,)),
    ("new", (Status.NEW, Status.TRIAGED)),
    ("dispatched", (Status.DISPATCHED,)),
)


def may(tx: Tx, caller: Caller, right: Right, about: Subject) -> bool:
    try:
        require(tx, Actor(caller.person.id, "dashboard"), right, about)
    except Refused:
        return False
    return True


# --- tickets


def card(tx: Tx, caller: Caller, ticket: Ticket) -> dict[str, Any]:
    """A ticket as it stands on the board, with what this person can do about it."""
    company, dispatch, approval = tx.services.company, current_dispatch(ticket), latest_approval(ticket)
    place, vendor = (
        company.place(ticket.property_id),
        company.vendor(dispatch.vendor_id if dispatch else None),
    )
    asks = approval is not None and approval.status is ApprovalStatus.PENDING
    decides = asks and approval is not None and caller.person.id in approval.deciders
    running = dispatch is not None and dispatch.authorized and ticket.status is Status.DISPATCHED
    subject = Subject(ticket, dispatch if running else None)
    takes = running and dispatch is not None and not dispatch.acknowledged
    done = Right.RESOLVE if running else Right.RESOLVE_UNDISPATCHED
    return {
        "id": ticket.ticket_id,
        "status": ticket.status.value,
        "severity": ticket.severity,
        "category": ticket.category,
        "place": place.name if place is not None else "",
        "property_id": ticket.property_id,
        "summary": feed.brief(ticket, "")["summary"],
        "reporter": company.name_of(ticket.reporter),
        "vendor": vendor.name if vendor is not None else "",
        "estimate": dispatch.cost_estimate_usd if dispatch is not None else None,
        "cap": dispatch.cap_usd if dispatch is not None else None,
        "eta": dispatch.eta_iso if dispatch is not None and running else None,
        "holder": company.name_of(dispatch.acknowledged_by)
        if dispatch is not None and dispatch.acknowledged_by
        else "",
        "mine": bool(dispatch is not None and dispatch.acknowledged_by == caller.person.id),
        "told": bool(takes and dispatch is not None and caller.person.id in dispatch.paged),
        "created_at": ticket.created_at,
        "resolved_at": ticket.resolved_at,
        "approval_id": approval.id if asks and approval is not None else None,
        "deciders": [company.name_of(one) for one in approval.deciders]
        if asks and approval is not None
        else [],
        "reasons": approval.reasons if asks and approval is not None else (),
        "decides": bool(decides),
        "takes": bool(takes) and may(tx, caller, Right.ACKNOWLEDGE, subject),
        "closes": ticket.status in OPEN and may(tx, caller, done, subject),
    }


def board(tx: Tx, caller: Caller, place: str = "", least: int = 1) -> dict[str, Any]:
    """`place`, `least`: the property and the severity from which on the columns show tickets. What needs the caller, and
    how many are open, is shown of all."""
    wanted = (
        select(Ticket)
        .where(Ticket.status.in_(OPEN))
        .order_by(Ticket.severity.desc(), Ticket.number)
        .limit(MAX_OPEN)
        .options(selectinload(Ticket.dispatches), selectinload(Ticket.approvals))
    )
    every = [card(tx, caller, one) for one in tx.session.scalars(wanted)]
    late = select(Ticket).where(Ticket.status == Status.RESOLVED).order_by(Ticket.resolved_at.desc())
    done = [card(tx, caller, one) for one in tx.session.scalars(late.limit(LATELY_DONE))]
    mine = [one for one in every if one["decides"] or one["told"] or one["mine"]]
    mine.sort(key=lambda one: (not one["decides"], not one["told"], -one["severity"]))
    above = {one["id"] for one in mine}
    shown, done = (
        [one for one in some if one["severity"] >= least and place in {"", one["property_id"]}]
        for some in (every, done)
    )
    columns = [
        (name, [one for one in shown if one["status"] in {status.value for status in among}])
        for name, among in COLUMNS
    ]
    return {
        "mine": mine,
        "columns": [*columns, ("done", done)],
        "chosen": {"property": place, "severity": least},
        "places": tx.services.company.properties,
        "above": above,
        "timers": timers(tx),
        "on_call": on_call(tx),
        "open": len(every),
    }


HAPPENS: Final = {
    "escalate": N_("{who} is told next"),
    "follow_up": N_("{who} is asked whether it is done"),
    "follow_up_silent": N_("{who} has not answered: somebody else is told"),
    "approval_remind": N_("{who} is reminded"),
    "approval_deputy": N_("{who} may decide, too"),
    "approval_lapse": N_("it lapses: nobody decided"),
}


def timers(tx: Tx, ticket_id: str | None = None) -> list[dict[str, Any]]:
    company = tx.services.company
    return [
        {
            **one,
            "name": company.name_of(one["who"]) if one["who"] else "–",
            "what": HAPPENS[one["step"]],
            "at": datetime.fromisoformat(one["due_at"]),
        }
        for one in reading.timers(tx, ticket_id)[:12]
    ]


def on_call(tx: Tx) -> list[dict[str, str]]:
    company = tx.services.company
    return [
        {"id": place.id, "place": place.name, "who": (company.on_site(place.id) or company.founder).name}
        for place in company.properties
    ]


def tickets(tx: Tx, caller: Caller, wanted: shapes.ListTickets) -> dict[str, Any]:
    found = reading.list_tickets(tx.session, tx.services, wanted)
    ids = [one["ticket_id"] for one in found["tickets"]]
    rows = select(Ticket).where(Ticket.ticket_id.in_(ids)).order_by(Ticket.number.desc())
    return {
        "rows": [card(tx, caller, one) for one in tx.session.scalars(rows)],
        "total": found["total"],
        "next_cursor": found["next_cursor"],
    }


def ticket(tx: Tx, caller: Caller, ticket_id: str, language: str) -> dict[str, Any]:
    """Raises Refused("unknown_ticket")."""
    one, company = find_ticket(tx, ticket_id), tx.services.company
    return {
        "card": card(tx, caller, one),
        "reports": [
            {
                "who": company.name_of(report.reporter),
                "at": report.at,
                "channel": report.source.get("channel"),
                "kind": report.source.get("kind"),
                "words": report.transcript_native or report.raw_input,
                "language": report.language,
                "translated": _translated(
                    tx, report.raw_input, report.transcript_en, report.language, language
                ),
            }
            for report in one.reports
        ],
        "attachments": [
            {"kind": file.kind, "media_type": file.media_type, "sha256": file.sha256}
            for file in one.attachments
        ],
        "sources": [
            {
                "title": company.name_of(source.title) if source.layer == "memo" else source.title,
                "layer": source.layer,
                "id": source.id,
                "quote": source.quote,
            }
            for source in reading.sources_of(tx, caller.person, one)
        ],
        "dispatches": [_dispatch(tx, row) for row in reversed(one.dispatches)],
        "approvals": [
            {
                "status": row.status.value,
                "who": company.name_of(row.decided_by) if row.decided_by else "",
                "at": row.decided_at,
                "on": row.decided_on,
                "note": row.note or "",
                "reasons": row.reasons,
                "text_to_vendor": row.action.text_to_vendor,
            }
            for row in reversed(one.approvals)
        ],
        "timers": timers(tx, one.ticket_id),
        "history": [
            {
                "at": row.at,
                "event": row.event,
                "step": phrases.SKILL_STEP.get(str(row.detail.get("do", "")), ""),
                "who": "LoopOS" if row.actor == SYSTEM else company.name_of(row.actor),
                "channel": row.channel,
                "from": row.from_status,
                "to": row.to_status,
            }
            for row in one.history
        ],
        "cost": one.cost_usd,
    }


def _translated(tx: Tx, said: str, english: str, spoken: str, language: str) -> str:
    """The same words in the reader's language, where they are known in it."""
    if spoken == language:
        return ""
    if language == "en" and english:
        return english
    row = tx.session.get(Translation, (text_digest(said), language))
    return row.text if row is not None else english


def _dispatch(tx: Tx, row: Dispatch) -> dict[str, Any]:
    company, vendor = tx.services.company, tx.services.company.vendor(row.vendor_id)
    return {
        "vendor": vendor.name if vendor is not None else "–",
        "estimate": row.cost_estimate_usd,
        "cap": row.cap_usd,
        "actual": row.actual_cost_usd,
        "void": row.void,
        "authorized_by": company.name_of(row.authorized_by) if row.authorized_by else "",
        "authorized_at": row.authorized_at,
        "assignee": company.name_of(row.assignee) if row.assignee else "",
        "holder": company.name_of(row.acknowledged_by) if row.acknowledged_by else "",
        "taken_at": row.acknowledged_at,
        "eta": row.eta_iso,
        "escalated": row.escalated,
        "level": row.escalation_level,
    }


# --- money


def costs(tx: Tx, caller: Caller, wanted: shapes.CostSummary) -> dict[str, Any]:
    """Raises ClientError for whom it is not."""
    found = reading.cost(tx, caller.person, wanted)
    company = tx.services.company
    budget, left = Decimal(found["budget_usd"]), Decimal(found["remaining_usd"])
    return {
        **found,
        "used_percent": min(100, int((budget - left) * 100 / budget)) if budget > 0 else 0,
        "by_place": bars(
            (place.name if (place := company.place(name)) is not None else name, Decimal(str(amount)))
            for name, amount in found["by_property"].items()
        ),
        "by_tier_bars": bars((name, Decimal(str(amount))) for name, amount in found["by_tier"].items()),
        "by_model_bars": bars((name, Decimal(str(amount))) for name, amount in found["by_model"].items()),
    }


def bars(rows: Iterable[tuple[str, Decimal]]) -> list[dict[str, Any]]:
    """The largest is 100 wide."""
    every = sorted(rows, key=lambda one: -one[1])
    most = max((amount for _, amount in every), default=Decimal(0))
    return [
        {"name": name, "amount": amount, "width": float(amount * 100 / most) if most else 0.0}
        for name, amount in every
    ]


# --- people, knowledge, programs


def people(tx: Tx, caller: Caller) -> dict[str, Any]:
    company, costs = tx.services.company, cost_places(tx.services.company, caller.person)
    written = {one.id for one in tx.services.written.team}
    on = {place.id: (company.on_site(place.id) or company.founder).id for place in company.properties}
    names = {place.id: place.name for place in company.properties}
    return {
        "edits": may(tx, caller, Right.COMPANY, Subject()),
        "team": [
            {
                "id": one.id,
                "name": one.name,
                "role": one.role.value,
                "languages": list(one.languages),
                "places": [names[place] for place in one.properties if place in names],
                "on": [names[place] for place, who in on.items() if who == one.id],
                "backup": company.name_of(one.backup) if one.backup else "",
                "timezone": one.timezone,
                "written": one.id in written,
                "accounts": sorted({channel for channel, _ in company.accounts_of(one)}),
            }
            for one in company.team
        ],
        "places": [
            {
                "id": one.id,
                "name": one.name,
                "city": one.city,
                "cap": one.cap_usd,
                "budget": one.monthly_budget_usd if costs is None or one.id in costs else None,
                "on": company.name_of(on[one.id]),
            }
            for one in company.properties
        ],
        "vendors": [
            {
                "id": one.id,
                "name": one.name,
                "trades": reading.trades(one, caller.words),
                "places": [names[place] for place in one.properties if place in names],
                "low": one.usual_usd.low,
                "high": one.usual_usd.high,
                "cap": one.cap_usd,
                "approved": one.approved,
            }
            for one in company.vendors
        ],
    }


def clients(tx: Tx, caller: Caller) -> list[dict[str, Any]]:
    company = tx.services.company
    whose = None if caller.person.id == company.founder.id else caller.person.id
    return [
        {
            "client_id": one.client_id,
            "name": one.name,
            "kind": KIND[one.kind],
            "who": company.name_of(one.person_id),
            "scope": one.scope,
            "audience": one.audience,
            "created_at": one.created_at,
            "used_at": one.last_used_at,
            "used_from": one.last_used_from or "",
            "expires_at": one.expires_at,
            "is_this": one.grant_id == caller.grant_id,
        }
        for one in grants.listed(SessionRows(tx.session), tx.now, whose)
    ]


# --- response times

STAGES: Final = ("receipt", "decision", "acknowledged", "arrival", "done")
"""From the report until: it was filed, decided, taken, due at the door, closed."""
GROUPS: Final = ("property", "category", "person", "vendor")
SINCE: Final = timedelta(days=90)
MAX_TIMED: Final = 2000
"""The newest tickets that are looked at."""


def response_times(tx: Tx) -> dict[str, Any]:
    """Median and p90 in seconds of each stage, over all and by group; and the medians of the last weeks."""
    wanted = (
        select(Ticket)
        .where(Ticket.created_at > tx.now - SINCE, Ticket.status != Status.MERGED)
        .order_by(Ticket.number.desc())
        .limit(MAX_TIMED)
        .options(selectinload(Ticket.dispatches), selectinload(Ticket.approvals))
    )
    every = list(tx.session.scalars(wanted))
    filed = _filed_at(tx, [one.ticket_id for one in every])
    taken = [(one, _stages(one, filed.get(one.ticket_id))) for one in every]
    return {
        "all": summary([stages for _, stages in taken]),
        "groups": {name: _grouped(tx, name, taken) for name in GROUPS},
        "weeks": _weeks(tx, taken),
        "count": len(every),
    }


def _filed_at(tx: Tx, ids: Sequence[str]) -> dict[str, datetime]:
    rows = select(HistoryRow.ticket_id, HistoryRow.at).where(
        HistoryRow.ticket_id.in_(ids), HistoryRow.event == Event.FILED.value
    )
    return {row.ticket_id: row.at for row in tx.session.execute(rows)}


def _stages(one: Ticket, filed: datetime | None) -> dict[str, float]:
    """Seconds from the report on; what has not happened is not in it."""
    decided = next((row.decided_at for row in one.approvals if row.decided_at is not None), None)
    sent = next((row for row in one.dispatches if row.authorized), None)
    moments = {
        "receipt": filed,
        "decision": decided,
        "acknowledged": sent.acknowledged_at if sent is not None else None,
        "arrival": sent.eta_iso if sent is not None and sent.acknowledged else None,
        "done": one.resolved_at,
    }
    return {
        name: max(0.0, (at - one.created_at).total_seconds())
        for name, at in moments.items()
        if at is not None
    }


def summary(rows: Sequence[dict[str, float]]) -> dict[str, dict[str, float] | None]:
    """By stage: {median, p90, count}; None where nothing is known. Pure."""
    return {name: spread([row[name] for row in rows if name in row]) for name in STAGES}


def spread(values: Sequence[float]) -> dict[str, float] | None:
    """Nearest rank: a number that was really measured. Pure."""
    if not values:
        return None
    ranked = sorted(values)

    def rank(share: float) -> float:
        return ranked[max(0, -(-len(ranked) * int(share * 100) // 100) - 1)]

    return {"median": rank(0.5), "p90": rank(0.9), "count": len(ranked)}


def _grouped(tx: Tx, group: str, taken: Sequence[tuple[Ticket, dict[str, float]]]) -> list[dict[str, Any]]:
    company = tx.services.company
    found: dict[str, list[dict[str, float]]] = {}
    for one, stages in taken:
        dispatch = current_dispatch(one)
        name: str | None = None
        match group:
            case "property":
                place = company.place(one.property_id)
                name = place.name if place is not None else None
            case "category":
                name = one.category
            case "person":
                who = dispatch.acknowledged_by if dispatch is not None else None
                name = company.name_of(who) if who else None
            case "vendor":
                vendor = company.vendor(dispatch.vendor_id) if dispatch is not None else None
                name = vendor.name if vendor is not None else None
        if name is not None:
            found.setdefault(name, []).append(stages)
    rows = [{"name": name, "stages": summary(each), "count": len(each)} for name, each in found.items()]
    return sorted(rows, key=lambda row: -int(str(row["count"])))


def _weeks(tx: Tx, taken: Sequence[tuple[Ticket, dict[str, float]]]) -> list[dict[str, Any]]:
    """The last eight weeks, oldest first: the median until somebody had it."""
    weeks: list[dict[str, Any]] = []
    for back in range(7, -1, -1):
        begin, end = tx.now - timedelta(days=7 * (back + 1)), tx.now - timedelta(days=7 * back)
        values = [
            stages["acknowledged"]
            for one, stages in taken
            if begin < one.created_at <= end and "acknowledged" in stages
        ]
        weeks.append({"begin": begin, "spread": spread(values)})
    most = max((week["spread"]["median"] for week in weeks if week["spread"]), default=0.0)
    for week in weeks:
        week["height"] = week["spread"]["median"] * 100 / most if week["spread"] and most else 0.0
    return weeks
