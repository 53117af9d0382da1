"""What the built-in worker can do. Reading is done at once; what changes something happens in the commit that keeps the step, with
the rights of a worker: it proposes, it never approves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from core import names
from core.actors import worker_of
from core.acts import commands as do
from core.acts.table import perform
from core.asks import asks
from core.asks.references import attachment_of
from core.brain.answering import Question as BrainQuestion
from core.brain.answering import answer as from_brain
from core.context import Services, Store, Tx
from core.cost import statement
from core.cost.months import month_at, month_named
from core.errors import LoopOSError, Refused
from core.files import put
from core.i18n import N_, Words
from core.knowledge.questions import NOTHING_NEAR
from core.model import OPEN, Status
from core.money import exact
from core.outbox import card_publisher
from core.store.session_rows import SessionRows
from core.store.tables import Ticket
from core.tickets.records import find_ticket, repairs_here
from core.tickets.view import ticket_json
from core.workers import leases
from core.workers.fetching import fetch
from core.workers.steps import HOURS, Step

MAX_TICKETS: Final = 30
MAX_REPORT: Final = 100_000
MAX_QUESTIONS: Final = 8


@dataclass(frozen=True, slots=True)
class Ground:
    """What a step works with."""

    store: Store
    services: Services
    folder: Path
    fetch_allow: Sequence[str]
    worker: str
    run: int
    secrets: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class Made:
    result: str
    asked: Sequence[str] = ()
    hours: float = 0.0
    ends: bool = False
    ticket_id: str | None = None
    property_id: str | None = None


Finish = Callable[[Tx], Made]


async def begin(ground: Ground, step: Step) -> Finish:
    """Do what lies outside of the database, and return the rest, which may raise Refused."""
    try:
        match step.action:
            case "fetch":
                text = await fetch(_said(step.url), ground.fetch_allow)
                return lambda tx: Made(text)
            case "report":
                name = await asyncio.to_thread(_write_report, ground, _said(step.text), step.name)
                return lambda tx: Made(f"written: reports/{name}")
            case "ask":
                files = await asyncio.to_thread(_attachments, ground, step)
                return lambda tx: _ask(tx, ground, step, files)
            case "brain":
                near = NOTHING_NEAR
                if ground.services.vectors is not None:
                    near = await ground.services.vectors.near(_said(step.query))
                return lambda tx: _brain(tx, step, near)
    except Refused as refused:
        return _raising(refused)
    except OSError as error:
        return _raising(LoopOSError(error.strerror or "it cannot be written"))
    return lambda tx: DO[step.action](tx, ground, step)


def _raising(error: LoopOSError) -> Finish:
    def finish(tx: Tx) -> Made:
        raise error

    return finish


def _said(text: str | None) -> str:
    if not (text or "").strip():
        raise Refused("text_needed")
    return str(text)


def _write_report(ground: Ground, text: str, name: str | None) -> str:
    kept = _report_name(ground, name)
    put(ground.folder / "reports" / kept, text[:MAX_REPORT])
    return kept


def _report_name(ground: Ground, name: str | None) -> str:
    return f"{ground.worker}-{names.checked(name.removesuffix('.md'))}.md" if name else f"{ground.worker}.md"


def _brain(tx: Tx, step: Step, near: Any) -> Made:
    company = tx.services.company
    asked = BrainQuestion(_said(step.query), step.property_id)
    words = Words("en", company.founder.zone)
    today = tx.now.astimezone(company.founder.zone).date()
    own = repairs_here(tx.session)
    found = from_brain(company, tx.services.baseline, asked, None, today, words=words, near=near, own=own)
    return Made(str(found["answer"]))


def _company(tx: Tx, ground: Ground, step: Step) -> Made:
    company = tx.services.company
    told = {
        "name": company.about.name,
        "people": [{"id": one.id, "name": one.name, "role": one.role.value} for one in company.team],
        "properties": [{"id": one.id, "name": one.name} for one in company.properties],
        "vendors": [
            {
                "id": one.id,
                "name": one.name,
                "trades": one.trades,
                "properties": one.properties,
                "usual_usd": [str(one.usual_usd.low), str(one.usual_usd.high)],
                "response_hours": one.response_hours,
                "cap_usd": str(one.cap),
            }
            for one in company.vendors
            if one.approved
        ],
    }
    return Made(json.dumps(told, ensure_ascii=False))


def _tickets(tx: Tx, ground: Ground, step: Step) -> Made:
    wanted = select(Ticket).order_by(Ticket.number.desc()).limit(MAX_TICKETS)
    if step.property_id:
        wanted = wanted.where(Ticket.property_id == step.property_id)
    if step.status and step.status.casefold() == "open":
        wanted = wanted.where(Ticket.status.in_(OPEN))
    elif step.status and step.status.upper() in set(Status):
        wanted = wanted.where(Ticket.status == step.status.upper())
    lines = [
        f"{one.ticket_id} {one.status} severity {one.severity} {one.category} {one.property_id or '-'}: "
        f"{' '.join((one.transcript_en or one.raw_input).split())[:160]}"
        for one in tx.session.scalars(wanted)
    ]
    return Made("\n".join(lines) or "none")


def _ticket(tx: Tx, ground: Ground, step: Step) -> Made:
    ticket = find_ticket(tx, step.ticket_id or "")
    kept = ("ticket_id", "property_id", "status", "category", "severity", "risk_tags", "reporter", "raw_input",
            "transcript_en", "dispatches", "guest_credit_usd", "created_at", "resolved_at", "outcome",
            "charge_to", "history")  # fmt: skip
    told = {key: value for key, value in ticket_json(ticket).items() if key in kept}
    return Made(
        json.dumps(told, ensure_ascii=False, default=str),
        ticket_id=ticket.ticket_id,
        property_id=ticket.property_id,
    )


def _statement(tx: Tx, ground: Ground, step: Step) -> Made:
    place = tx.services.company.place(step.property_id or "")
    if place is None:
        raise Refused("which_property")
    try:
        month = month_named(step.month, place.zone) if step.month else month_at(tx.now, place.zone)
    except ValueError:
        raise Refused("bad_time") from None
    found = statement.find(SessionRows(tx.session), place, month)
    company = tx.services.company
    rows = [
        {
            "ticket": one.ticket_id,
            "category": one.category,
            "vendors": [vendor.name if (vendor := company.vendor(name)) else name for name in one.vendors],
            "estimate_usd": _money(one.estimate),
            "bill_usd": _money(one.bill),
            "guest_credit_usd": _money(one.credit),
            "staff_minutes": one.minutes,
            "charge_to": one.charge_to,
            "resolved": one.resolved.isoformat() if one.resolved else None,
        }
        for one in found.entries
    ]
    total = sum((one.vendor for one in found.entries), Decimal(0))
    return Made(
        json.dumps(
            {"property": place.name, "vendors_usd": exact(total), "tickets": rows}, ensure_ascii=False
        ),
        property_id=place.id,
    )


def _money(amount: Decimal | None) -> str | None:
    return None if amount is None else exact(amount)


def _claim(tx: Tx, ground: Ground, step: Step) -> Made:
    name = names.checked(_said(step.name))
    leases.claim(tx, name, ground.worker)
    return Made(f"claimed {name}")


def _unclaim(tx: Tx, ground: Ground, step: Step) -> Made:
    name = names.checked(_said(step.name))
    leases.unclaim(tx, name, ground.worker)
    return Made(f"unclaimed {name}")


def _attachments(ground: Ground, step: Step) -> list[dict[str, Any] | None]:
    """By question the report that goes with it."""
    reports = ground.folder / "reports"
    return [
        attachment_of(reports, ground.services.media, _report_name(ground, one.report), ground.secrets)
        if one.report is not None
        else None
        for one in step.questions or ()
    ]


def _ask(tx: Tx, ground: Ground, step: Step, files: Sequence[dict[str, Any] | None]) -> Made:
    if not step.questions:
        raise Refused("text_needed")
    if len(step.questions) > MAX_QUESTIONS:
        raise Refused("too_many_options", most=MAX_QUESTIONS)
    rows = [
        asks.ask(
            tx,
            ground.worker,
            one.prompt,
            options=one.options or (),
            to=one.to or None,
            irreversible=bool(one.irreversible),
            channel="loop",
            attachment=file,
            reference=str(file["name"]) if file is not None else "",
        )
        for one, file in zip(step.questions, files, strict=True)
    ]
    asked = [row.id for row in rows]
    return Made(f"asked {', '.join(asked)}", asked=asked, hours=HOURS if step.hours is None else step.hours)


def _propose(tx: Tx, ground: Ground, step: Step) -> Made:
    if step.amount_usd is None or not step.amount_usd.is_finite() or not 0 <= step.amount_usd <= 1_000_000:
        raise Refused("amount_unclear", text=str(step.amount_usd))
    command = do.ProposeDispatch(
        step.ticket_id or "", step.vendor_id or "", step.amount_usd, _said(step.message)
    )
    perform(tx, worker_of(ground.worker), command)
    ticket = find_ticket(tx, step.ticket_id or "")
    return Made(
        f"proposed; the ticket is {ticket.status}", ticket_id=ticket.ticket_id, property_id=ticket.property_id
    )


def _notify(tx: Tx, ground: Ground, step: Step) -> Made:
    text = _said(step.text)[:2000]
    card_publisher.tell(
        tx,
        tx.services.company.founder,
        lambda words: words(N_("From {worker}: {text}"), worker=ground.worker, text=text),
    )
    return Made("told")


def _done(tx: Tx, ground: Ground, step: Step) -> Made:
    text = _said(step.text)[:2000]
    card_publisher.tell(
        tx,
        tx.services.company.founder,
        lambda words: words(N_("{worker} is done: {text}"), worker=ground.worker, text=text),
    )
    return Made(text, ends=True)


DO: Final[Mapping[str, Callable[[Tx, Ground, Step], Made]]] = {
    "company": _company,
    "tickets": _tickets,
    "ticket": _ticket,
    "statement": _statement,
    "claim": _claim,
    "unclaim": _unclaim,
    "propose_dispatch": _propose,
    "notify": _notify,
    "done": _done,
}
