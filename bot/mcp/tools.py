"""Every tool, once: what it takes and gives, the scope it needs, what it may do, and who does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from pydantic import BaseModel

from core.access.credentials import Caller
from core.acts import commands as do
from core.acts.commands import Command
from core.clients import shapes
from core.clients.operations import Operations, Progress
from core.clients.shapes import Request
from core.model import Scope

CHANNEL: Final = "mcp"


@dataclass(frozen=True, slots=True)
class Call:
    desk: Operations
    caller: Caller
    progress: Progress | None = None


Run = Callable[[Call, Any], Awaitable[dict[str, Any]]]


@dataclass(frozen=True)
class Tool:
    name: str
    title: str
    about: str
    scope: Scope
    takes: type[Request]
    gives: type[BaseModel]
    run: Run
    acts: tuple[type[Command], ...] = ()
    """What it may do to the company: nothing else is done by it. None: it only reads."""
    files: bool = False
    """It files a report, as a message in chat does."""
    destructive: bool = False
    shows: str = ""
    """The resource that a host may show beside the result."""

    @property
    def reads_only(self) -> bool:
        return not self.acts and not self.files

    @cached_property
    def input_schema(self) -> dict[str, Any]:
        return shapes.plain_schema(self.takes)

    @cached_property
    def output_schema(self) -> dict[str, Any]:
        return shapes.plain_schema(self.gives)


async def _ingest_text(call: Call, it: shapes.IngestText) -> dict[str, Any]:
    return await call.desk.ingest_text_message(call.caller, it, CHANNEL)


async def _ingest_voice(call: Call, it: shapes.IngestVoice) -> dict[str, Any]:
    return await call.desk.ingest_voice_note(call.caller, it, CHANNEL)


async def _triage(call: Call, it: shapes.TriageAgain) -> dict[str, Any]:
    return await call.desk.triage(call.caller, it, CHANNEL)


async def _dispatch(call: Call, it: shapes.DispatchRequest) -> dict[str, Any]:
    return await call.desk.dispatch_with_escalation(call.caller, it, CHANNEL, call.progress)


async def _acknowledge(call: Call, it: shapes.AcknowledgeRequest) -> dict[str, Any]:
    return await call.desk.acknowledge_dispatch(call.caller, it, CHANNEL)


async def _propose(call: Call, it: shapes.ProposeRule) -> dict[str, Any]:
    return await call.desk.propose_new_rule(call.caller, it, CHANNEL)


async def _resolve(call: Call, it: shapes.ResolveRequest) -> dict[str, Any]:
    return await call.desk.resolve_ticket(call.caller, it, CHANNEL)


async def _reject(call: Call, it: shapes.RejectRequest) -> dict[str, Any]:
    return await call.desk.reject_dispatch(call.caller, it, CHANNEL)


DASHBOARD: Final = "ui://loopos/dashboard"

_EVERY: Final[tuple[Tool, ...]] = (
    Tool(
        "ingest_text_message",
        "Report a problem",
        "File what somebody on site says, in any of the team's languages: it is triaged, joined to what is known, and a "
        "vendor is drafted. Answers the ticket once it is filed.",
        Scope.WRITE,
        shapes.IngestText,
        shapes.Ingested,
        _ingest_text,
        files=True,
    ),
    Tool(
        "ingest_voice_note",
        "Report a problem by voice",
        "File a voice note: it is transcribed, then treated like a text message.",
        Scope.WRITE,
        shapes.IngestVoice,
        shapes.Heard,
        _ingest_voice,
        files=True,
    ),
    Tool(
        "list_tickets",
        "List tickets",
        "Tickets, newest first, by status, property or words.",
        Scope.READ,
        shapes.ListTickets,
        shapes.Tickets,
        lambda call, it: call.desk.list_tickets(call.caller, it),
    ),
    Tool(
        "query_brain",
        "Ask what the company knows",
        "Voice memos, procedures, past repairs and skills that answer a question, each with its source.",
        Scope.READ,
        shapes.QueryBrain,
        shapes.Answer,
        lambda call, it: call.desk.query_brain(call.caller, it),
    ),
    Tool(
        "live_state",
        "How things stand now",
        "Counts by status, what waits for a decision, running timers, who is on call, and what changed since a cursor.",
        Scope.READ,
        shapes.LiveState,
        shapes.State,
        lambda call, it: call.desk.live_state(call.caller, it),
    ),
    Tool(
        "cost_summary",
        "What was spent",
        "What models and vendors cost in a period, by property, tier and model, with budget and forecast.",
        Scope.READ,
        shapes.CostSummary,
        shapes.Cost,
        lambda call, it: call.desk.cost_summary(call.caller, it),
    ),
    Tool(
        "show_loopos_dashboard",
        "Show the dashboard",
        "The live board, costs, skills or one ticket, as a picture where the host can show one.",
        Scope.READ,
        shapes.ShowDashboard,
        shapes.DashboardView,
        lambda call, it: call.desk.show_loopos_dashboard(call.caller, it),
        shows=DASHBOARD,
    ),
    Tool(
        "triage",
        "Judge words or a ticket",
        "With text: how it would be understood; nothing is stored. With a ticket: it is judged again, and what is drafted is "
        "asked anew under a new approval.",
        Scope.WRITE,
        shapes.TriageAgain,
        shapes.Judged,
        _triage,
        acts=(do.JudgeAgain,),
    ),
    Tool(
        "dispatch_with_escalation",
        "Approve and dispatch",
        "This is the approval: it sends the vendor for the ticket's approval_id (see approvals[] of the ticket). Other "
        "values pass the rules again. Only for whom the approval names.",
        Scope.DECIDE,
        shapes.DispatchRequest,
        shapes.Dispatched,
        _dispatch,
        acts=(do.Approve, do.ChangeVendor, do.ChangeAmount),
        destructive=True,
    ),
    Tool(
        "acknowledge_dispatch",
        "I have it",
        "Take the job: pages stop, the follow-up starts.",
        Scope.WRITE,
        shapes.AcknowledgeRequest,
        shapes.Acknowledged,
        _acknowledge,
        acts=(do.Acknowledge,),
    ),
    Tool(
        "propose_new_rule",
        "Propose a rule",
        "Write a rule down for the founder. It is never in force by itself.",
        Scope.WRITE,
        shapes.ProposeRule,
        shapes.Rule,
        _propose,
        acts=(do.ProposeRule,),
    ),
    Tool(
        "show_brain_sources",
        "Why it was drafted so",
        "The sources behind a ticket's draft.",
        Scope.READ,
        shapes.OfTicket,
        shapes.BrainSources,
        lambda call, it: call.desk.show_brain_sources(call.caller, it),
    ),
    Tool(
        "get_ticket",
        "One ticket",
        "A ticket with its reports, dispatches, approvals and history.",
        Scope.READ,
        shapes.OfTicket,
        shapes.OneTicket,
        lambda call, it: call.desk.get_ticket(call.caller, it),
    ),
    Tool(
        "resolve_ticket",
        "It is done",
        "Close a ticket with what it really cost, in US dollars.",
        Scope.WRITE,
        shapes.ResolveRequest,
        shapes.OneTicket,
        _resolve,
        acts=(do.Resolve,),
        destructive=True,
    ),
    Tool(
        "reject_dispatch",
        "Say no",
        "Reject what an approval asks, with the reason that the reporter reads.",
        Scope.DECIDE,
        shapes.RejectRequest,
        shapes.OneTicket,
        _reject,
        acts=(do.Reject,),
        destructive=True,
    ),
    Tool(
        "list_asks",
        "Workers' questions",
        "What workers of the loop want to know from this person.",
        Scope.READ,
        shapes.Nothing,
        shapes.Asks,
        lambda call, it: call.desk.list_asks(call.caller, it),
    ),
    Tool(
        "answer_ask",
        "Answer a worker",
        "Answer a worker's question in words. A question of kind approval takes a tap instead.",
        Scope.WRITE,
        shapes.AnswerAsk,
        shapes.Ask,
        lambda call, it: call.desk.answer_ask(call.caller, it, CHANNEL),
        acts=(do.AnswerAsk,),
    ),
    Tool(
        "whoami",
        "For whom this acts",
        "The person, role, client and scope behind this connection.",
        Scope.READ,
        shapes.Nothing,
        shapes.Whoami,
        lambda call, it: call.desk.whoami(call.caller, it),
    ),
)

TOOLS: Final = {tool.name: tool for tool in _EVERY}
