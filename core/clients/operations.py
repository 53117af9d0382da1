"""What a program can do for its person, whichever door it came through: each operation once, for the API, for MCP and for the
pages. Arguments have been checked; rights and state are checked here, in the act's own transaction."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import select

from core.access.credentials import Caller
from core.access.scopes import spelled
from core.actors import Actor
from core.acts import commands as do
from core.acts.commands import Command
from core.acts.table import perform
from core.asks import asks
from core.clients import reading, shapes
from core.clients.errors import ClientError, from_refusal
from core.context import Services, Store, Tx
from core.errors import Refused, TryLater
from core.i18n import N_
from core.ids import new_id
from core.inbox import Arrival, accept
from core.knowledge.questions import NOTHING_NEAR, Near
from core.media import HEAD, MediaRefused, sniff
from core.media import store as store_media
from core.model import ApprovalStatus, InboxStatus, Role, SourceKind
from core.money import USD, Money
from core.store.loop_tables import LoopRequest
from core.store.tables import Approval, InboxRow, Ticket
from core.stored_values import to_json
from core.team.rights import Right, require
from core.text import escape
from core.tickets.records import current_dispatch, find_ticket, latest_approval
from core.tickets.view import dispatch_json, ticket_json
from core.workflow import rule_view
from core.workflow.reports import speaker_of

T = TypeVar("T")
Progress = Callable[[int, int, str], Awaitable[None]]
"""(seconds passed, seconds in all, what is awaited)"""
WITHIN: Final = 10.0
"""Seconds in which a report is filed, or the caller is told to look again."""
LOOK_EVERY: Final = 0.03


@dataclass(frozen=True, slots=True)
class Operations:
    store: Store
    services: Services
    acts: tuple[type[Command], ...] = ()
    """What may be done here: a door names it beside the operation (`doing`), and nothing else is done through it."""

    def doing(self, acts: tuple[type[Command], ...]) -> Operations:
        return replace(self, acts=acts)

    # --- reading

    async def list_tickets(self, caller: Caller, wanted: shapes.ListTickets) -> dict[str, Any]:
        return await self.store.read(lambda session: reading.list_tickets(session, self.services, wanted))

    async def get_ticket(self, caller: Caller, wanted: shapes.OfTicket) -> dict[str, Any]:
        return {"ticket": await self._look(caller, lambda tx: ticket_json(find_ticket(tx, wanted.ticket_id)))}

    async def query_brain(self, caller: Caller, wanted: shapes.QueryBrain) -> dict[str, Any]:
        near = await self._near(wanted.question)
        return await self._look(
            caller, lambda tx: reading.query_brain(tx, caller.person, wanted, caller.words, near)
        )

    async def _near(self, question: str) -> Near:
        return NOTHING_NEAR if self.services.vectors is None else await self.services.vectors.near(question)

    async def live_state(self, caller: Caller, wanted: shapes.LiveState) -> dict[str, Any]:
        return await self._look(caller, lambda tx: reading.live_state(tx, wanted.after))

    async def cost_summary(self, caller: Caller, wanted: shapes.CostSummary) -> dict[str, Any]:
        return await self._look(caller, lambda tx: reading.cost(tx, caller.person, wanted))

    async def show_loopos_dashboard(self, caller: Caller, wanted: shapes.ShowDashboard) -> dict[str, Any]:
        if (wanted.view == "ticket") != (wanted.ticket_id is not None):
            raise ClientError(
                "invalid_arguments", N_("A ticket_id is for the view “ticket”."), field="ticket_id"
            )

        def look(tx: Tx) -> dict[str, Any]:
            base, company = reading.base_of(tx.services), tx.services.company
            ticket = find_ticket(tx, wanted.ticket_id) if wanted.ticket_id is not None else None
            paths = {"board": "/", "costs": "/costs", "skills": "/skills"}
            shown = ticket_json(ticket) if ticket is not None else None
            path = paths.get(wanted.view) or f"/tickets/{shown['ticket_id'] if shown else ''}"
            by_month = shapes.CostSummary()
            return {
                "view": wanted.view,
                "url": f"{base}{path}",
                "state": reading.live_state(tx, None) if wanted.view == "board" else None,
                "cost": reading.cost(tx, caller.person, by_month) if wanted.view == "costs" else None,
                "ticket": shown,
                "skills": [one.model_dump(mode="json") for one in company.skills]
                if wanted.view == "skills"
                else None,
            }

        return await self._look(caller, look)

    async def show_brain_sources(self, caller: Caller, wanted: shapes.OfTicket) -> dict[str, Any]:
        def look(tx: Tx) -> dict[str, Any]:
            ticket = find_ticket(tx, wanted.ticket_id)
            return {
                "ticket_id": ticket.ticket_id,
                "sources": to_json(reading.sources_of(tx, caller.person, ticket)),
                "skill_artifact": ticket.skill_artifact,
            }

        return await self._look(caller, look)

    async def list_asks(self, caller: Caller, wanted: shapes.Nothing) -> dict[str, Any]:
        """What waits for an answer, of what they may answer."""
        return await self._look(
            caller,
            lambda tx: {"asks": [asks.ask_json(row) for row in asks.pending(tx.session, caller.person)]},
        )

    async def answer_ask(self, caller: Caller, wanted: shapes.AnswerAsk, channel: str) -> dict[str, Any]:
        await self.act(caller, channel, do.AnswerAsk(wanted.ask_id, wanted.text))
        return await self._look(caller, lambda tx: {"ask": asks.ask_json(asks.find(tx, wanted.ask_id))})

    async def whoami(self, caller: Caller, wanted: shapes.Nothing) -> dict[str, Any]:
        return {
            "person": caller.person.id,
            "role": caller.person.role.value,
            "client_id": caller.client_id,
            "scope": spelled(caller.scopes),
        }

    # --- reporting

    async def ingest_text_message(
        self, caller: Caller, wanted: shapes.IngestText, channel: str
    ) -> dict[str, Any]:
        row_id = await self._report(
            caller, channel, wanted.text, wanted.property_id, wanted.reporter, wanted.client_message_id, None
        )
        return await self._look(caller, lambda tx: _ingested(tx, row_id))

    async def ingest_voice_note(
        self, caller: Caller, wanted: shapes.IngestVoice, channel: str
    ) -> dict[str, Any]:
        if (wanted.audio is None) == (wanted.sha256 is None):
            raise ClientError("invalid_arguments", N_("Either audio or sha256."), field="audio")
        file = await self._audio(wanted)
        row_id = await self._report(
            caller, channel, "", wanted.property_id, wanted.reporter, wanted.client_message_id, file
        )

        def look(tx: Tx) -> dict[str, Any]:
            found = _ingested(tx, row_id)
            row, ticket = tx.session.get_one(InboxRow, row_id), found["ticket"]
            said = (
                next(
                    (one for one in ticket["reports"] if one["source"]["message_id"] == row.message_id), None
                )
                if ticket
                else None
            )
            return {
                **found,
                "language": said["language"] if said else None,
                "transcript_native": said["transcript_native"] if said else "",
                "transcript_en": said["transcript_en"] if said else "",
            }

        return await self._look(caller, look)

    async def _audio(self, wanted: shapes.IngestVoice) -> dict[str, Any]:
        if wanted.sha256 is not None:
            path = self.services.media / wanted.sha256
            if not await asyncio.to_thread(path.is_file):
                raise ClientError("not_found", N_("That file is not here. Send it to /api/v1/media first."))
            try:
                kind, media_type, size = await asyncio.to_thread(_look_at, path, wanted.media_type)
            except MediaRefused:
                kind, media_type, size = "", "", 0
            if kind != SourceKind.VOICE:
                raise ClientError("invalid_arguments", N_("That is no recording."), field="sha256")
            return _voice(media_type, size, wanted.sha256)
        assert wanted.audio is not None
        try:
            data = base64.b64decode(wanted.audio, validate=True)
        except (binascii.Error, ValueError):
            raise ClientError("invalid_arguments", N_("That is not base64."), field="audio") from None
        if len(data) > shapes.MAX_AUDIO:
            raise ClientError("too_large", N_("At most 3 MB. Send more to /api/v1/media."), field="audio")

        async def chunks() -> AsyncIterator[bytes]:
            yield data

        try:
            stored = await store_media(
                self.services.media, chunks(), wanted.media_type, self.services.pictures
            )
        except MediaRefused as refused:
            if refused.code == "too_large":
                raise ClientError("too_large", N_("That recording is too large."), field="audio") from None
            raise ClientError("invalid_arguments", N_("That is no recording."), field="audio") from None
        if stored.kind != SourceKind.VOICE:
            raise ClientError("invalid_arguments", N_("That is no recording."), field="audio")
        return _voice(stored.media_type, stored.bytes, stored.sha256)

    async def _report(
        self,
        caller: Caller,
        channel: str,
        text: str,
        place: str | None,
        reporter: str | None,
        own_id: str | None,
        file: dict[str, Any] | None,
    ) -> str:
        """Keep what was said as a channel would, and wait until it is filed; returns the inbox row's id. Raises ClientError."""
        company, message_id = self.services.company, own_id or new_id()
        if place is not None and company.place(place) is None:
            raise ClientError("invalid_arguments", N_("There is no such property."), field="property_id")
        sender = reporter or caller.person.id
        if company.person(sender) is None:
            raise ClientError("invalid_arguments", N_("There is no such person."), field="reporter")
        if sender != caller.person.id and caller.person.role is Role.OPS:
            raise ClientError(
                "not_yours", N_("Only the founder and leads report for others."), who=company.founder.name
            )
        event = f"{caller.client_id}:{caller.person.id}:{message_id}"[-200:]

        def keep(tx: Tx) -> str:
            payload = {
                "id": message_id,
                "client": caller.client_id[:200],
                "sender": sender,
                "by": caller.person.id,
                "text": escape(text).strip(),
                "at": tx.now.isoformat(),
                "place": place,
                "files": [file] if file is not None else [],
            }
            accept(tx, [Arrival(channel, event, caller.client_id[:200], payload)])
            found = select(InboxRow.id).where(InboxRow.channel == channel, InboxRow.event_id == event)
            return tx.session.scalars(found).one()

        row_id = await self._write(keep)
        until = asyncio.get_running_loop().time() + WITHIN
        while not await self.store.read(lambda session: _is_done(session.get(InboxRow, row_id))):
            if asyncio.get_running_loop().time() > until:
                raise ClientError(
                    "try_later",
                    N_("It is kept and being worked on. Repeat the call to see it."),
                    retry_after=5,
                )
            await asyncio.sleep(LOOK_EVERY)
        return row_id

    async def triage(self, caller: Caller, wanted: shapes.TriageAgain, channel: str) -> dict[str, Any]:
        if (wanted.text is None) == (wanted.ticket_id is None):
            raise ClientError("invalid_arguments", N_("Either text or ticket_id."), field="text")
        if wanted.text is not None:
            judged = await self.services.understanding.understand(wanted.text, speaker_of(caller.person))
            return {"judgement": _judgement(judged), "ticket": None}
        assert wanted.ticket_id is not None
        named = wanted.ticket_id
        await self.act(caller, channel, do.JudgeAgain(named))

        def look(tx: Tx) -> dict[str, Any]:
            ticket = find_ticket(tx, named)
            judgement = {
                "category": ticket.category,
                "severity": ticket.severity,
                "language": ticket.language,
                "property_id": ticket.property_id,
                "risk_tags": list(ticket.risk_tags),
                "intent": ticket.triage.intent.value,
            }
            return {"judgement": judgement, "ticket": ticket_json(ticket)}

        return await self._look(caller, look)

    # --- deciding and doing

    async def dispatch_with_escalation(
        self,
        caller: Caller,
        wanted: shapes.DispatchRequest,
        channel: str,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """This is the approval: of the values that were asked, or of others, which pass the gate again."""
        actor = Actor(caller.person.id, channel)

        def work(tx: Tx) -> None:
            ticket, approval = self.asked(tx, caller, wanted.ticket_id, wanted.approval_id)
            dispatch = current_dispatch(ticket)
            known = {one.code for one in approval.reasons}
            changed = False
            if (
                wanted.vendor_id is not None
                and dispatch is not None
                and wanted.vendor_id != dispatch.vendor_id
            ):
                self._perform(tx, actor, do.ChangeVendor(approval.id, approval.digest, wanted.vendor_id))
                approval, changed = _present(ticket), True
            dispatch = current_dispatch(ticket)
            amount = wanted.cost_estimate_usd
            if amount is not None and dispatch is not None and amount != dispatch.cost_estimate_usd:
                self._perform(tx, actor, do.ChangeAmount(approval.id, approval.digest, Money(amount, USD)))
                approval, changed = _present(ticket), True
            if changed and {one.code for one in approval.reasons} - known:
                return  # the gate has something to say that nobody has read yet: it is asked anew
            seconds = wanted.auto_escalate_after_seconds
            self._perform(tx, actor, do.Approve(approval.id, approval.digest, seconds))

        await self._act(caller, work)
        if wanted.wait_seconds:
            await self._await_taken(caller, wanted.ticket_id, wanted.wait_seconds, progress)

        return await self.standing(caller, wanted.ticket_id)

    async def standing(self, caller: Caller, ticket_id: str) -> dict[str, Any]:
        """core.clients.shapes.Dispatched"""

        def look(tx: Tx) -> dict[str, Any]:
            ticket = find_ticket(tx, ticket_id)
            dispatch = current_dispatch(ticket)
            return {
                "ticket": ticket_json(ticket),
                "dispatch": dispatch_json(dispatch) if dispatch is not None else None,
                "timers": reading.timers(tx, ticket.ticket_id),
            }

        return await self._look(caller, look)

    def asked(self, tx: Tx, caller: Caller, ticket_id: str, approval_id: str) -> tuple[Ticket, Approval]:
        """What `approval_id` asks about the ticket. Raises ClientError naming what is asked at present, Refused."""
        ticket = find_ticket(tx, ticket_id)
        approval = tx.get(Approval, approval_id)
        if approval is None or approval.ticket_id != ticket.ticket_id:
            raise _stale(ticket)
        if approval.status is ApprovalStatus.SUPERSEDED and caller.person.id in approval.deciders:
            raise _stale(ticket)
        return ticket, approval

    async def _await_taken(
        self, caller: Caller, ticket_id: str, seconds: int, progress: Progress | None
    ) -> None:
        """Until somebody has it, or the next one was told."""
        for passed in range(seconds * 4):
            dispatch = await self._look(caller, lambda tx: _standing(tx, ticket_id))
            if dispatch is None or dispatch["acknowledged"] or dispatch["escalated"]:
                return
            if progress is not None and passed % 4 == 0:
                await progress(passed // 4, seconds, str(dispatch["assignee"] or ""))
            await asyncio.sleep(0.25)

    async def acknowledge_dispatch(
        self, caller: Caller, wanted: shapes.AcknowledgeRequest, channel: str
    ) -> dict[str, Any]:
        await self.act(caller, channel, do.Acknowledge(wanted.ticket_id, wanted.eta_iso))

        def look(tx: Tx) -> dict[str, Any]:
            ticket = find_ticket(tx, wanted.ticket_id)
            dispatch = current_dispatch(ticket)
            return {
                "ticket": ticket_json(ticket),
                "dispatch": dispatch_json(dispatch) if dispatch is not None else None,
            }

        return await self._look(caller, look)

    async def resolve_ticket(
        self, caller: Caller, wanted: shapes.ResolveRequest, channel: str
    ) -> dict[str, Any]:
        amount = Money(wanted.actual_cost_usd, USD)
        note = escape(wanted.note or "").strip()
        await self.act(caller, channel, do.Resolve(wanted.ticket_id, amount, outcome=note))
        return await self.get_ticket(caller, shapes.OfTicket(ticket_id=wanted.ticket_id))

    async def reject_dispatch(
        self, caller: Caller, wanted: shapes.RejectRequest, channel: str
    ) -> dict[str, Any]:
        def work(tx: Tx) -> None:
            _, approval = self.asked(tx, caller, wanted.ticket_id, wanted.approval_id)
            why = escape(wanted.reason).strip()
            self._perform(tx, Actor(caller.person.id, channel), do.Reject(approval.id, approval.digest, why))

        await self._act(caller, work)
        return await self.get_ticket(caller, shapes.OfTicket(ticket_id=wanted.ticket_id))

    async def propose_new_rule(
        self, caller: Caller, wanted: shapes.ProposeRule, channel: str
    ) -> dict[str, Any]:
        def work(tx: Tx) -> dict[str, Any]:
            command = do.ProposeRule(wanted.text, wanted.ticket_id or "", wanted.property_id or "")
            rule = self._perform(tx, Actor(caller.person.id, channel), command)
            return {
                "rule_id": rule.rule_id,
                "status": rule.status,
                "text": rule.text,
                "diff": rule_view.diff_of(rule),
                "lightsprint_prompt": rule_view.brief_of(rule),
            }

        return await self._act(caller, work)

    async def act(self, caller: Caller, channel: str, command: Command) -> Any:
        """Do `command` with the rights of the caller's person. Raises ClientError."""
        return await self._act(
            caller, lambda tx: self._perform(tx, Actor(caller.person.id, channel), command)
        )

    def _perform(self, tx: Tx, actor: Actor, command: Command) -> Any:
        assert type(command) in self.acts, f"a program's door that does {command} without saying so"
        return perform(tx, actor, command)

    async def require(self, caller: Caller, channel: str, right: Right) -> None:
        """Of what is only shown. Raises ClientError."""
        await self._look(caller, lambda tx: require(tx, Actor(caller.person.id, channel), right))

    async def bid(self, caller: Caller, channel: str, command: do.OfLoop) -> str:
        """The control loop is bid `command`, and its answer awaited. Raises ClientError."""
        name = str(await self.act(caller, channel, command))
        until = asyncio.get_running_loop().time() + WITHIN
        while asyncio.get_running_loop().time() < until:
            row = await self.store.read(lambda session: session.get(LoopRequest, name))
            if row is None or row.state == "done":
                if row is None or row.code:
                    raise ClientError("stale", row.err if row is not None else N_("Not possible right now."))
                return row.out
            await asyncio.sleep(LOOK_EVERY)
        raise ClientError("try_later", N_("Not possible right now."), retry_after=5)

    async def search(self, caller: Caller, said: str) -> list[dict[str, str]]:
        near = await self._near(said)
        return await self._look(
            caller, lambda tx: reading.search(tx, caller.person, said, caller.words, near)
        )

    # --- how it is done

    async def _act(self, caller: Caller, work: Callable[[Tx], T]) -> T:
        try:
            return await self._write(work)
        except Refused as refused:
            raise self.refusal(caller, refused) from None

    async def _write(self, work: Callable[[Tx], T]) -> T:
        try:
            return await self.store.write(work, awaited=True)
        except TryLater:
            raise ClientError("try_later", N_("Not possible right now."), retry_after=2) from None

    async def _look(self, caller: Caller, work: Callable[[Tx], T]) -> T:
        now = self.services.clock.now()
        try:
            return await self.store.read(lambda session: work(self.services.unit(session, now)))
        except Refused as refused:
            raise self.refusal(caller, refused) from None

    def refusal(self, caller: Caller, refused: Refused) -> ClientError:
        return from_refusal(refused, caller.words, self.services.clock.now())


def _look_at(path: Path, claimed: str) -> tuple[str, str, int]:
    """(kind, media type, bytes) of a stored file. Raises MediaRefused."""
    with path.open("rb") as file:
        kind, media_type = sniff(file.read(HEAD), claimed)
    return kind, media_type, path.stat().st_size


def _voice(media_type: str, size: int, sha256: str) -> dict[str, Any]:
    kind = {"kind": SourceKind.VOICE.value, "media_type": media_type}
    return {**kind, "bytes": size, "sha256": sha256, "path": f"media/{sha256}"}


def _is_done(row: InboxRow | None) -> bool:
    return row is None or row.status is not InboxStatus.ACCEPTED


def _ingested(tx: Tx, row_id: str) -> dict[str, Any]:
    """core.clients.shapes.Ingested"""
    row = tx.session.get_one(InboxRow, row_id)
    if row.ticket_id is None:
        return {"ticket": None, "duplicate_of": None}
    ticket = find_ticket(tx, row.ticket_id)
    first = ticket.source["channel"] == row.channel and ticket.source["message_id"] == row.message_id
    return {"ticket": ticket_json(ticket), "duplicate_of": None if first else ticket.ticket_id}


def _judgement(judged: Any) -> dict[str, Any]:
    return {
        "category": judged.category.value,
        "severity": judged.severity,
        "language": judged.language,
        "property_id": judged.property_id,
        "risk_tags": [tag.value for tag in judged.risk_tags],
        "intent": judged.intent.value,
    }


def _present(ticket: Ticket) -> Approval:
    approval = latest_approval(ticket)
    assert approval is not None
    return approval


def _stale(ticket: Ticket) -> ClientError:
    asked = latest_approval(ticket)
    if asked is not None and asked.status is ApprovalStatus.PENDING:
        text = f"That is out of date. What is asked about {ticket.ticket_id} now is approval {asked.id}."
    else:
        text = f"Nothing is asked about {ticket.ticket_id} now."
    return ClientError("stale", text)


def _standing(tx: Tx, ticket_id: str) -> dict[str, Any] | None:
    dispatch = current_dispatch(find_ticket(tx, ticket_id))
    return dispatch_json(dispatch) if dispatch is not None else None
