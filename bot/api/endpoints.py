"""Every endpoint of `/api/v1`, once: its address, what it takes and gives, the scope it needs, and who does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.access import grants
from core.access.credentials import Caller
from core.acts import commands as do
from core.acts.commands import Command
from core.clients import reading, shapes
from core.clients.errors import ClientError
from core.clients.operations import Operations
from core.clients.shapes import Request, Result, Usd
from core.i18n import N_
from core.loop.house import is_down
from core.model import Role, Scope
from core.store.brain_tables import RuleRow
from core.store.loop_tables import LoopLine
from core.store.session_rows import SessionRows
from core.store.tables import Approval
from core.tickets.view import iso
from core.workers import roster
from core.workflow import rule_view

# --- shapes that only the API has


class Me(Result):
    person: str
    role: str
    language: str
    timezone: str
    csrf: str


class Pending(Result):
    approval_id: str
    ticket: shapes.Brief
    vendor_id: str | None
    cost_estimate_usd: str | None
    cap_usd: str | None
    reasons: list[dict[str, Any]]
    deciders: list[str]


class Approvals(Result):
    approvals: list[Pending]


class Skills(Result):
    skills: list[dict[str, Any]]


class Rules(Result):
    rules: list[shapes.Rule]


class Loop(Result):
    running: bool
    workers: list[dict[str, Any]]
    moves: list[dict[str, Any]]


class Person(Result):
    id: str
    name: str
    role: str
    languages: list[str]
    properties: list[str]
    timezone: str
    on_call: list[str]


class People(Result):
    people: list[Person]


class Client(Result):
    client_id: str
    name: str
    kind: str
    person: str
    scope: str
    audience: str
    created_at: str
    last_used_at: str | None
    last_used_from: str | None
    expires_at: str | None


class Clients(Result):
    clients: list[Client]


class Hit(Result):
    kind: str
    id: str
    title: str
    quote: str
    url: str


class Hits(Result):
    hits: list[Hit]


class Search(Request):
    q: Annotated[str, Field(min_length=1, max_length=200)]


class NewTicket(Request):
    text: shapes.Text
    property_id: shapes.Name | None = None
    client_message_id: shapes.OwnId | None = None


class Decide(Request):
    approval_id: Annotated[str, Field(min_length=1, max_length=64)]
    decision: Literal["approve", "reject"]
    vendor_id: shapes.Name | None = None
    cost_estimate_usd: Usd | None = None
    reason: Annotated[str, Field(max_length=1000)] | None = None


class OfWorker(Request):
    worker: Annotated[str, Field(min_length=1, max_length=80)]


class TellWorker(OfWorker):
    text: shapes.Text


class FlagWorker(OfWorker):
    note: Annotated[str, Field(max_length=1000)] = ""


class Said(Result):
    said: str


class OneAsk(Result):
    ask: dict[str, Any]


class OfClient(Request):
    client_id: Annotated[str, Field(min_length=1, max_length=500)]


MOVES: Final = 50
STUCK_AFTER: Final = 900.0
"""Seconds, as core.loop.config has it."""

# --- who does it


@dataclass(frozen=True, slots=True)
class Call:
    """One call: whoever makes it, and the channel that stands in the history for it."""

    desk: Operations
    caller: Caller
    channel: str
    csrf: str


Run = Callable[[Call, Any], Awaitable[dict[str, Any] | None]]


@dataclass(frozen=True, slots=True)
class Endpoint:
    method: Literal["GET", "POST", "DELETE"]
    path: str
    """Behind /api/v1; names in braces are fields of `request`."""
    about: str
    scope: Scope
    request: type[Request]
    result: type[BaseModel] | None
    run: Run
    status: int = 200
    acts: tuple[type[Command], ...] = ()
    """What it may do to the company: nothing else is done by it."""
    files: bool = False
    """It files a report, as a message in chat does."""


async def _me(call: Call, _wanted: shapes.Nothing) -> dict[str, Any]:
    language = call.caller.language
    person = call.caller.person
    return {
        "person": person.id,
        "role": person.role.value,
        "language": language,
        "timezone": person.timezone,
        "csrf": call.csrf,
    }


async def _tickets(call: Call, wanted: shapes.ListTickets) -> dict[str, Any]:
    return await call.desk.list_tickets(call.caller, wanted)


async def _ticket(call: Call, wanted: shapes.OfTicket) -> dict[str, Any]:
    return _only((await call.desk.get_ticket(call.caller, wanted))["ticket"])


def _only(ticket: Any) -> dict[str, Any]:
    found: dict[str, Any] = ticket
    return found


async def _new_ticket(call: Call, wanted: NewTicket) -> dict[str, Any]:
    said = shapes.IngestText(**wanted.model_dump())
    ticket = (await call.desk.ingest_text_message(call.caller, said, call.channel))["ticket"]
    if ticket is None:
        raise ClientError(
            "invalid_arguments", N_("That is kept, and it is no report: no ticket was made."), field="text"
        )
    return _only(ticket)


async def _approvals(call: Call, _wanted: shapes.Nothing) -> dict[str, Any]:
    services = call.desk.services
    return {"approvals": await call.desk.store.read(lambda session: reading.approvals(session, services))}


async def _decide(call: Call, wanted: Decide) -> dict[str, Any]:
    approval = await call.desk.store.read(lambda session: session.get(Approval, wanted.approval_id))
    if approval is None:
        raise ClientError("not_found", N_("There is no such approval."))
    if wanted.decision == "reject":
        if not (wanted.reason or "").strip():
            raise ClientError("invalid_arguments", N_("A no needs its reason."), field="reason")
        no = shapes.RejectRequest(
            ticket_id=approval.ticket_id, approval_id=approval.id, reason=wanted.reason or ""
        )
        return _only((await call.desk.reject_dispatch(call.caller, no, call.channel))["ticket"])
    yes = shapes.DispatchRequest(
        ticket_id=approval.ticket_id,
        approval_id=approval.id,
        vendor_id=wanted.vendor_id,
        cost_estimate_usd=wanted.cost_estimate_usd,
    )
    return _only((await call.desk.dispatch_with_escalation(call.caller, yes, call.channel))["ticket"])


async def _acknowledge(call: Call, wanted: shapes.AcknowledgeRequest) -> dict[str, Any]:
    return _only((await call.desk.acknowledge_dispatch(call.caller, wanted, call.channel))["ticket"])


async def _resolve(call: Call, wanted: shapes.ResolveRequest) -> dict[str, Any]:
    return _only((await call.desk.resolve_ticket(call.caller, wanted, call.channel))["ticket"])


async def _state(call: Call, wanted: shapes.LiveState) -> dict[str, Any]:
    return await call.desk.live_state(call.caller, wanted)


async def _cost(call: Call, wanted: shapes.CostSummary) -> dict[str, Any]:
    return await call.desk.cost_summary(call.caller, wanted)


async def _skills(call: Call, _wanted: shapes.Nothing) -> dict[str, Any]:
    return {"skills": [one.model_dump(mode="json") for one in call.desk.services.company.skills]}


async def _rules(call: Call, _wanted: shapes.Nothing) -> dict[str, Any]:
    every = select(RuleRow).order_by(RuleRow.proposed_at.desc()).limit(100)
    found = await call.desk.store.read(lambda session: session.scalars(every).all())
    language = call.caller.language
    return {
        "rules": [
            {**told, "text": told["text"].get(language) or one.text, "proposed_at": iso(one.proposed_at)}
            for one in found
            for told in (rule_view.told(one),)
        ]
    }


async def _loop(call: Call, _wanted: shapes.Nothing) -> dict[str, Any]:
    """Its journal's newest lines are for leads and the founder."""
    services, role = call.desk.services, call.caller.person.role
    now, sessions = services.clock.now(), services.loop_folder / "sessions"

    def look(session: Session) -> dict[str, Any]:
        lines = session.scalars(select(LoopLine).order_by(LoopLine.seq.desc()).limit(MOVES)).all()
        return {
            "running": not is_down(session),
            "workers": roster.describe(session, sessions, now, STUCK_AFTER),
            "moves": [
                {"at": iso(one.at), "text": one.text, "actor": one.actor, "failed": one.failed}
                for one in (lines if role is not Role.OPS else ())
            ],
        }

    return await call.desk.store.read(look)


async def _tell_worker(call: Call, wanted: TellWorker) -> dict[str, Any]:
    return {
        "said": await call.desk.bid(
            call.caller, call.channel, do.TellWorker(worker=wanted.worker, text=wanted.text)
        )
    }


async def _flag_worker(call: Call, wanted: FlagWorker) -> dict[str, Any]:
    return {
        "said": await call.desk.bid(
            call.caller, call.channel, do.FlagWorker(worker=wanted.worker, note=wanted.note)
        )
    }


async def _kill_worker(call: Call, wanted: OfWorker) -> dict[str, Any]:
    return {"said": await call.desk.bid(call.caller, call.channel, do.KillWorker(worker=wanted.worker))}


async def _answer_ask(call: Call, wanted: shapes.AnswerAsk) -> dict[str, Any]:
    return await call.desk.answer_ask(call.caller, wanted, call.channel)


async def _people(call: Call, _wanted: shapes.Nothing) -> dict[str, Any]:
    company = call.desk.services.company
    on = reading.on_call(call.desk.services)
    return {
        "people": [
            {
                "id": one.id,
                "name": one.name,
                "role": one.role.value,
                "languages": list(one.languages),
                "properties": list(one.properties),
                "timezone": one.timezone,
                "on_call": [place["property_id"] for place in on if place["person"] == one.id],
            }
            for one in company.team
        ]
    }


async def _clients(call: Call, _wanted: shapes.Nothing) -> dict[str, Any]:
    person, now = call.caller.person, call.desk.services.clock.now()
    whose = None if person.role is Role.FOUNDER else person.id
    found = await call.desk.store.read(lambda session: grants.listed(SessionRows(session), now, whose))
    return {"clients": [one.to_json() for one in found]}


async def _revoke(call: Call, wanted: OfClient) -> None:
    person = call.caller.person
    own = "" if person.role is Role.FOUNDER else person.id
    await call.desk.act(call.caller, call.channel, do.RevokeClient(wanted.client_id, own))


async def _search(call: Call, wanted: Search) -> dict[str, Any]:
    return {"hits": await call.desk.search(call.caller, wanted.q)}


_NOTHING: Final = shapes.Nothing
ENDPOINTS: Final[tuple[Endpoint, ...]] = (
    Endpoint("GET", "/me", "who is signed in", Scope.READ, _NOTHING, Me, _me),
    Endpoint(
        "GET", "/tickets", "tickets, newest first", Scope.READ, shapes.ListTickets, shapes.Tickets, _tickets
    ),
    Endpoint(
        "GET", "/tickets/{ticket_id}", "one ticket", Scope.READ, shapes.OfTicket, shapes.Ticket, _ticket
    ),
    Endpoint(
        "POST",
        "/tickets",
        "report something",
        Scope.WRITE,
        NewTicket,
        shapes.Ticket,
        _new_ticket,
        201,
        files=True,
    ),
    Endpoint(
        "POST",
        "/tickets/{ticket_id}/acknowledge",
        "“I have it”",
        Scope.WRITE,
        shapes.AcknowledgeRequest,
        shapes.Ticket,
        _acknowledge,
        acts=(do.Acknowledge,),
    ),
    Endpoint(
        "POST",
        "/tickets/{ticket_id}/resolve",
        "it is done, with what it cost",
        Scope.WRITE,
        shapes.ResolveRequest,
        shapes.Ticket,
        _resolve,
        acts=(do.Resolve,),
    ),
    Endpoint("GET", "/approvals", "what waits for a decision", Scope.READ, _NOTHING, Approvals, _approvals),
    Endpoint(
        "POST",
        "/approvals/{approval_id}",
        "decide",
        Scope.DECIDE,
        Decide,
        shapes.Ticket,
        _decide,
        acts=(do.Approve, do.ChangeVendor, do.ChangeAmount, do.Reject),
    ),
    Endpoint("GET", "/state", "the board", Scope.READ, shapes.LiveState, shapes.State, _state),
    Endpoint("GET", "/cost", "what was spent", Scope.READ, shapes.CostSummary, shapes.Cost, _cost),
    Endpoint("GET", "/skills", "approved routines", Scope.READ, _NOTHING, Skills, _skills),
    Endpoint("GET", "/rules", "proposed rules", Scope.READ, _NOTHING, Rules, _rules),
    Endpoint("GET", "/loop", "what runs by itself", Scope.READ, _NOTHING, Loop, _loop),
    Endpoint(
        "POST",
        "/workers/{worker}/tell",
        "tell a worker something",
        Scope.WRITE,
        TellWorker,
        Said,
        _tell_worker,
        acts=(do.TellWorker,),
    ),
    Endpoint(
        "POST",
        "/workers/{worker}/flag",
        "a worker needs to be looked at",
        Scope.DECIDE,
        FlagWorker,
        Said,
        _flag_worker,
        acts=(do.FlagWorker,),
    ),
    Endpoint(
        "POST",
        "/workers/{worker}/kill",
        "end a worker",
        Scope.DECIDE,
        OfWorker,
        Said,
        _kill_worker,
        acts=(do.KillWorker,),
    ),
    Endpoint(
        "POST",
        "/asks/{ask_id}",
        "answer a question",
        Scope.WRITE,
        shapes.AnswerAsk,
        OneAsk,
        _answer_ask,
        acts=(do.AnswerAsk,),
    ),
    Endpoint("GET", "/people", "the team", Scope.READ, _NOTHING, People, _people),
    Endpoint("GET", "/clients", "which programs act for whom", Scope.READ, _NOTHING, Clients, _clients),
    Endpoint(
        "DELETE",
        "/clients/{client_id}",
        "take one back",
        Scope.WRITE,
        OfClient,
        None,
        _revoke,
        204,
        (do.RevokeClient,),
    ),
    Endpoint("GET", "/search", "search over everything", Scope.READ, Search, Hits, _search),
)
