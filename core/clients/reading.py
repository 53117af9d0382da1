"""What programs and pages look at: the board, lists, search, answers with their sources, money, who is on. Reads only."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from sqlalchemy import Select, func, or_, select, union_all
from sqlalchemy.orm import Session, selectinload

from core.brain.answering import Question, answer
from core.clients import feed
from core.clients.errors import ClientError
from core.clients.shapes import CostSummary, ListTickets, QueryBrain
from core.company.company import Company
from core.company.reading import brain_places, cost_places
from core.company.schema import Person, Vendor
from core.context import Services, Tx
from core.cost import report
from core.i18n import N_, Words
from core.knowledge import questions
from core.knowledge.quoting import for_reader
from core.model import OPEN, ApprovalStatus, Status
from core.outbox import translations
from core.phrases import CATEGORY, ROLE, TRADE, categories_named, label
from core.store.session_rows import SessionRows
from core.store.tables import Approval, Deadline, Dispatch, Report, Ticket
from core.stored_values import Source, to_json
from core.tickets.records import repairs_here
from core.tickets.view import iso, money

TIMERS: Final = (
    "escalate",
    "follow_up",
    "follow_up_silent",
    "approval_remind",
    "approval_deputy",
    "approval_lapse",
)
MAX_TIMERS: Final = 200
GENERAL: Final = frozenset({"sop", "skill", "playbook"})
"""Layers of the Brain that everybody of the team reads, whatever the property."""
LATELY: Final = 20
"""Changes that a first look at the state is told of."""


def base_of(services: Services) -> str:
    return services.url


# --- tickets


def ticket_of(session: Session, ticket_id: str) -> Ticket | None:
    """By "T-1042", "t1042" or "1042", with all that belongs to it."""
    digits = "".join(char for char in ticket_id if char.isdecimal() and char.isascii())
    return session.get(Ticket, f"T-{digits}") if digits and len(digits) < 12 else None


def _matching(wanted: ListTickets) -> Select[Any]:
    query = select(Ticket)
    if wanted.status is not None:
        query = query.where(Ticket.status.in_([Status(one) for one in wanted.status]))
    if wanted.property_id is not None:
        query = query.where(Ticket.property_id == wanted.property_id)
    if wanted.open is not None:
        query = query.where(Ticket.status.in_(OPEN) if wanted.open else Ticket.status.not_in(OPEN))
    if wanted.query:
        words = f"%{_like(wanted.query.strip())}%"
        said = select(Report.ticket_id).where(Report.raw_input.ilike(words, escape="\\"))
        query = query.where(
            or_(
                Ticket.ticket_id.ilike(words, escape="\\"),
                Ticket.raw_input.ilike(words, escape="\\"),
                Ticket.transcript_en.ilike(words, escape="\\"),
                Ticket.ticket_id.in_(said),
                Ticket.category.in_(categories_named(wanted.query)),
            )
        )
    return query


def _like(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def list_tickets(session: Session, services: Services, wanted: ListTickets) -> dict[str, Any]:
    """core.clients.shapes.Tickets, newest first. Raises ClientError for a cursor that is none of ours."""
    matching = _matching(wanted)
    total = session.scalar(select(func.count()).select_from(matching.subquery())) or 0
    page = matching.order_by(Ticket.number.desc()).limit(wanted.limit + 1)
    if wanted.cursor is not None:
        page = page.where(Ticket.number < _number_in(wanted.cursor))
    found = session.scalars(page.options(selectinload(Ticket.dispatches))).all()
    base = base_of(services)
    return {
        "tickets": [feed.brief(one, base) for one in found[: wanted.limit]],
        "total": total,
        "next_cursor": _cursor(found[wanted.limit - 1].number) if len(found) > wanted.limit else None,
    }


def _cursor(number: int) -> str:
    return base64.urlsafe_b64encode(f"n{number}".encode()).decode().rstrip("=")


def _number_in(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4)).decode()
        if text[:1] == "n" and text[1:].isdecimal() and len(text) < 20:
            return int(text[1:])
    except ValueError:
        pass
    raise ClientError("invalid_arguments", N_("That cursor is not one of ours."), field="cursor")


def pending_approvals(session: Session) -> list[Approval]:
    """What waits for a decision, oldest first."""
    wanted = (
        select(Approval)
        .join(Ticket, Ticket.ticket_id == Approval.ticket_id)
        .where(Approval.status == ApprovalStatus.PENDING, Ticket.status == Status.AWAITING_HUMAN)
        .order_by(Approval.created_at)
    )
    return list(session.scalars(wanted))


def approvals(session: Session, services: Services) -> list[dict[str, Any]]:
    """The entries of `GET /api/v1/approvals`."""
    found, base = [], base_of(services)
    for approval in pending_approvals(session):
        ticket = session.get_one(Ticket, approval.ticket_id)
        dispatch = session.get_one(Dispatch, approval.dispatch_id)
        found.append(
            {
                "approval_id": approval.id,
                "ticket": feed.brief(ticket, base),
                "vendor_id": dispatch.vendor_id,
                "cost_estimate_usd": money(dispatch.cost_estimate_usd),
                "cap_usd": money(dispatch.cap_usd),
                "reasons": to_json(approval.reasons),
                "deciders": list(approval.deciders),
            }
        )
    return found


# --- the state


def live_state(tx: Tx, after: str | None) -> dict[str, Any]:
    """core.clients.shapes.State"""
    session, services, base = tx.session, tx.services, base_of(tx.services)
    newest = feed.newest(session)
    since = newest - LATELY if after is None else cursor_in(after)
    counts = session.execute(select(Ticket.status, func.count()).group_by(Ticket.status))
    return {
        "now": tx.now.isoformat(),
        "cursor": str(newest),
        "by_status": {status.value: count for status, count in counts},
        "awaiting": [
            feed.brief(session.get_one(Ticket, one.ticket_id), base) for one in pending_approvals(session)
        ],
        "timers": timers(tx),
        "on_call": on_call(services),
        "channels": {
            name: health.to_json() for name, health in services.health.items() if name in services.channels
        },
        "changes": [one.body for one in feed.changes(session, max(since, 0), base)],
    }


def cursor_in(text: str) -> int:
    """Raises ClientError."""
    if text.isdecimal() and text.isascii() and len(text) < 19:
        return int(text)
    raise ClientError("invalid_arguments", N_("That cursor is not one of ours."), field="after")


def on_call(services: Services) -> list[dict[str, str]]:
    company = services.company
    return [
        {"property_id": place.id, "person": (company.on_site(place.id) or company.founder).id}
        for place in company.properties
    ]


def timers(tx: Tx, ticket_id: str | None = None) -> list[dict[str, Any]]:
    """What will happen by itself, soonest first: who is told next, who is asked."""
    wanted = select(Deadline).where(
        Deadline.fired_at.is_(None), Deadline.cancelled_at.is_(None), Deadline.kind.in_(TIMERS)
    )
    if ticket_id is not None:
        of_it = union_all(
            select(Dispatch.dispatch_id).where(Dispatch.ticket_id == ticket_id),
            select(Approval.id).where(Approval.ticket_id == ticket_id),
        )
        wanted = wanted.where(Deadline.subject.in_(of_it))
    found = []
    for one in tx.session.scalars(wanted.order_by(Deadline.due_at).limit(MAX_TIMERS)):
        dispatch = tx.session.get(Dispatch, one.subject)
        approval = tx.session.get(Approval, one.subject) if dispatch is None else None
        owner = dispatch or approval
        if owner is None:
            continue
        found.append(
            {
                "ticket_id": owner.ticket_id,
                "who": _who(tx, one, dispatch, approval),
                "step": one.kind,
                "due_at": iso(one.due_at),
            }
        )
    return found


def _who(tx: Tx, deadline: Deadline, dispatch: Dispatch | None, approval: Approval | None) -> str | None:
    if deadline.kind == "approval_deputy" and approval is not None:
        ticket = tx.session.get_one(Ticket, approval.ticket_id)
        deputy = tx.services.company.deputy(excluding=ticket.reporter)
        return deputy.id if deputy is not None else None
    if dispatch is None:
        return approval.deciders[0] if approval is not None and approval.deciders else None
    if deadline.kind == "escalate":
        level = int(deadline.args.get("level", 0))
        return dispatch.steps[level].person_id if level < len(dispatch.steps) else None
    return dispatch.acknowledged_by


# --- knowledge and money


def query_brain(
    tx: Tx, person: Person, wanted: QueryBrain, words: Words, near: questions.Near = questions.NOTHING_NEAR
) -> dict[str, Any]:
    """core.clients.shapes.Answer, of what the person may read. Raises ClientError."""
    company = tx.services.company
    place = wanted.property_id
    if place is not None and company.place(place) is None:
        raise ClientError("invalid_arguments", N_("There is no such property."), field="property_id")
    asked = Question(wanted.question, place, limit=wanted.limit)
    own = repairs_here(tx.session)
    today = tx.now.date()
    known = partial(translations.known, tx.session)
    return answer(
        company, tx.services.baseline, asked, person, today, words=words, near=near, own=own, known=known
    )


def sources_of(tx: Tx, person: Person, ticket: Ticket) -> list[Source]:
    """What a ticket's proposal rests on, in their languages, as far as the person may read it: what is general, and of their
    properties the rest."""
    company = tx.services.company
    readable = brain_places(company, person)
    sources = ticket.knowledge.sources if ticket.knowledge is not None else ()
    if readable is not None and ticket.property_id not in readable:
        sources = tuple(one for one in sources if one.layer in GENERAL)
    speaks = tuple(person.languages)
    made = translations.of_memos(tx.session, company, sources, speaks)
    return [for_reader(company, one, speaks, made) for one in sources]


def is_audio_of_memo(company: Company, person: Person, sha256: str) -> bool:
    """The recording belongs to a memo that they may read."""
    readable = brain_places(company, person)
    return any(
        one.audio_sha256 == sha256
        and (readable is None or one.property_id is None or one.property_id in readable)
        for one in company.memos
    )


def cost(tx: Tx, person: Person, wanted: CostSummary) -> dict[str, Any]:
    """The keys of `loopos cost --json`, of what the person may see. Raises ClientError("not_yours")."""
    company = tx.services.company
    mine = cost_places(company, person)
    if wanted.property_id is not None and company.place(wanted.property_id) is None:
        raise ClientError("invalid_arguments", N_("There is no such property."), field="property_id")
    refused = mine is not None and (
        not mine or (wanted.property_id is not None and wanted.property_id not in mine)
    )
    if refused:
        raise ClientError(
            "not_yours", N_("What things cost is for the founder and leads."), who=company.founder.name
        )
    only: Sequence[str] | None = (
        [wanted.property_id] if wanted.property_id else sorted(mine) if mine else None
    )
    found = report.find(SessionRows(tx.session), company, wanted.period, tx.now, only)
    spent = report.spending(found, company, wanted.period, tx.now, tx.services.budget_usd, only)
    return spent.to_json()


def ticker(tx: Tx, person: Person) -> dict[str, str] | None:
    """{today_usd, month_usd, remaining_usd}; None for whom it is not."""
    try:
        today = cost(tx, person, CostSummary(period="today"))
        month = cost(tx, person, CostSummary(period="month"))
    except ClientError:
        return None
    return {
        "today_usd": str(today["total_usd"]),
        "month_usd": str(month["total_usd"]),
        "remaining_usd": str(month["remaining_usd"]),
    }


# --- search


def trades(vendor: Vendor, words: Words) -> str:
    return words.join([label(TRADE, one, words) for one in vendor.trades])


def search(
    tx: Tx, person: Person, said: str, words: Words, near: questions.Near = questions.NOTHING_NEAR
) -> list[dict[str, str]]:
    """Tickets, people, properties, vendors and what the company knows, as far as the person may read it, in their words:
    {kind, id, title, quote, url}."""
    company, base = tx.services.company, base_of(tx.services)
    wanted = said.strip().casefold()
    if not wanted:
        return []
    found = list_tickets(tx.session, tx.services, ListTickets(query=said.strip()[:200], limit=20))["tickets"]
    hits = [
        {
            "kind": "ticket",
            "id": one["ticket_id"],
            "title": f"{one['ticket_id']} · {label(CATEGORY, one['category'], words)}",
            "quote": one["summary"],
            "url": one["url"],
        }
        for one in found
    ]
    named = [
        *(("person", one.id, one.name, label(ROLE, one.role, words), "/people") for one in company.team),
        *(
            ("property", one.id, one.name, one.city, f"/tickets?property={one.id}")
            for one in company.properties
        ),
        *(("vendor", one.id, one.name, trades(one, words), "/people") for one in company.vendors),
        *(
            ("skill", one.skill_id, one.name, one.description, f"/skills/{one.skill_id}")
            for one in company.skills
        ),
    ]
    for kind, name, title, quote, path in named:
        if wanted in f"{name} {title} {quote}".casefold():
            hits.append({"kind": kind, "id": name, "title": title, "quote": quote, "url": f"{base}{path}"})
    sources = query_brain(tx, person, QueryBrain(question=said.strip()[:2000]), words, near)["sources"]
    hits += [
        {
            "kind": one["layer"],
            "id": one["id"],
            "title": one["title"],
            "quote": one["quote"],
            "url": f"{base}/skills",
        }
        for one in sources
        if one["layer"] != "skill"
    ]
    return hits
