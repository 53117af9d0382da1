"""The dashboard: one handler for each page, all of them guarded the same, none of them changing anything."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from aiohttp import web
from pydantic import ValidationError
from sqlalchemy import select

from bot.callers import Callers
from bot.pages import known, looping, views
from bot.pages.render import asset, render
from bot.pages.signing_in import SigningIn
from channels.connections import Handler
from channels.file_response import ANY_AUDIO, hand_out
from core.access.credentials import Caller
from core.clients import feed, reading, shapes
from core.clients.errors import ClientError
from core.clients.operations import Operations
from core.context import Tx
from core.errors import Refused
from core.i18n import N_, Words
from core.model import Status
from core.phrases import refusal
from core.store.tables import Attachment, Ticket

T = TypeVar("T")
_SHA: Final = re.compile(r"[0-9a-f]{64}")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
PAGE: Final = 50
MAX_ROWS: Final = 10_000
"""Of a CSV."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One page being looked at by one person."""

    request: web.Request
    caller: Caller
    words: Words


class Pages:
    def __init__(
        self, desk: Operations, callers: Callers, signing_in: SigningIn, play: Handler | None
    ) -> None:
        """`play`: the demo's chat page, shown at / while nobody is signed in."""
        self._desk = desk
        self._callers = callers
        self._signing_in = signing_in
        self._play = play

    def add_to(self, app: web.Application) -> None:
        router = app.router
        router.add_get("/assets/{name}", asset)
        router.add_get("/", self._front)
        for path, page in (
            ("/tickets", self.tickets),
            ("/tickets.csv", self.tickets_csv),
            ("/tickets/{ticket_id}", self.ticket),
            ("/approvals", self.approvals),
            ("/approvals.csv", self.approvals_csv),
            ("/costs", self.costs),
            ("/costs.csv", self.costs_csv),
            ("/times", self.times),
            ("/times.csv", self.times_csv),
            ("/skills", self.skills),
            ("/skills.csv", self.skills_csv),
            ("/skills/{skill_id}", self.skill),
            ("/properties/{property_id}", self.place),
            ("/rules", self.rules),
            ("/rules.csv", self.rules_csv),
            ("/loop", self.loop),
            ("/people", self.people),
            ("/people.csv", self.people_csv),
            ("/search", self.search),
            ("/clients", self.clients),
            ("/clients.csv", self.clients_csv),
            ("/media/{sha}", self.media),
        ):
            router.add_get(path, self._guarded(page))

    # --- who looks

    async def _front(self, request: web.Request) -> web.StreamResponse:
        if self._play is not None and await self._callers.by_cookie(request) is None:
            return await self._play(request)
        return await self._guarded(self.board)(request)

    def _guarded(self, page: Callable[[Visit], Any]) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if not self._callers.known_host(request):
                raise web.HTTPMisdirectedRequest(text="This page is not known by that name.")
            caller = await self._callers.by_cookie(request)
            if caller is None:
                where = "/signin?" + urlencode({"next": request.raw_path})
                raise web.HTTPSeeOther(where, headers={"Cache-Control": "no-store"})
            visit = Visit(request, caller, caller.words)
            try:
                response: web.StreamResponse = await page(visit)
            except Refused as refused:
                text = refusal(refused, visit.words, self._desk.services.clock.now())
                return await self._show(visit, "missing", status=404, text=text)
            except (ClientError, ValidationError):
                return await self._show(
                    visit, "missing", status=404, text=visit.words(N_("That address names nothing here."))
                )
            return response

        return guarded

    async def _look(self, work: Callable[[Tx], T]) -> T:
        services, now = self._desk.services, self._desk.services.clock.now()
        return await self._desk.store.read(lambda session: work(services.unit(session, now)))

    async def _show(self, visit: Visit, name: str, status: int = 200, **shown: Any) -> web.Response:
        caller, services = visit.caller, self._desk.services
        ticker, cursor = await self._look(
            lambda tx: (reading.ticker(tx, caller.person), feed.newest(tx.session))
        )
        here = "/" + visit.request.path.strip("/").split("/")[0]
        return render(
            name,
            visit.words,
            services.clock.now(),
            status=status,
            me=caller.person,
            company=services.company.about.name,
            csrf=self._callers.csrf(caller),
            ticker=ticker,
            cursor=cursor,
            here=here,
            **shown,
        )

    # --- tickets

    async def board(self, visit: Visit) -> web.Response:
        query, company = visit.request.query, self._desk.services.company
        place, least = query.get("property", ""), query.get("severity", "1")
        if (place and company.place(place) is None) or least not in {"1", "2", "3", "4", "5"}:
            raise ClientError("not_found", N_("There is no such filter."))
        shown = await self._look(lambda tx: views.board(tx, visit.caller, place, int(least)))
        return await self._show(visit, "board", **shown)

    async def tickets(self, visit: Visit) -> web.Response:
        query, company = visit.request.query, self._desk.services.company
        chosen = {name: query.get(name, "")[:200] for name in ("status", "property", "q")}
        wanted = _wanted(chosen, query.get("cursor"), PAGE)
        found = await self._look(lambda tx: views.tickets(tx, visit.caller, wanted))
        kept = urlencode({key: value for key, value in chosen.items() if value})
        cursor = found["next_cursor"]
        return await self._show(
            visit,
            "tickets",
            rows=found["rows"],
            total=found["total"],
            chosen=chosen,
            statuses=[one.value for one in Status],
            places=company.properties,
            query=kept,
            next=f"{kept}&cursor={cursor}".strip("&") if cursor else "",
        )

    async def ticket(self, visit: Visit) -> web.Response:
        named = visit.request.match_info["ticket_id"]
        shown = await self._look(lambda tx: views.ticket(tx, visit.caller, named, visit.words.language))
        return await self._show(visit, "ticket", **shown)

    async def approvals(self, visit: Visit) -> web.Response:
        def look(tx: Tx) -> list[dict[str, Any]]:
            asked = reading.pending_approvals(tx.session)
            return [views.card(tx, visit.caller, tx.session.get_one(Ticket, one.ticket_id)) for one in asked]

        return await self._show(visit, "approvals", rows=await self._look(look))

    # --- money and time

    async def costs(self, visit: Visit) -> web.Response:
        wanted = shapes.CostSummary.model_validate({"period": visit.request.query.get("period", "month")})
        try:
            cost, refused = await self._look(lambda tx: views.costs(tx, visit.caller, wanted)), ""
        except ClientError:
            cost, refused = {}, visit.words(N_("What things cost is for the founder and leads."))
        return await self._show(visit, "costs", cost=cost, refused=refused, period=wanted.period)

    async def times(self, visit: Visit) -> web.Response:
        return await self._show(visit, "times", **await self._look(views.response_times))

    # --- what the company is and knows

    async def skills(self, visit: Visit) -> web.Response:
        return await self._show(visit, "skills", skills=await self._look(known.skills))

    async def skill(self, visit: Visit) -> web.Response:
        named = visit.request.match_info["skill_id"]
        try:
            found = await self._look(lambda tx: known.skill(tx, named))
        except Refused:
            raise ClientError("not_found", N_("There is no such skill.")) from None
        return await self._show(visit, "skill", **found)

    async def place(self, visit: Visit) -> web.Response:
        named = visit.request.match_info["property_id"]
        found = await self._look(lambda tx: known.place(tx, visit.caller, named, visit.words))
        return await self._show(visit, "place", **found)

    async def rules(self, visit: Visit) -> web.Response:
        return await self._show(
            visit, "rules", rows=await self._look(lambda tx: known.rules(tx, visit.caller.words))
        )

    async def loop(self, visit: Visit) -> web.Response:
        found = await looping.page(self._desk.store, self._desk.services, visit.caller)
        return await self._show(visit, "loop", **found)

    async def people(self, visit: Visit) -> web.Response:
        return await self._show(
            visit, "people", **await self._look(lambda tx: views.people(tx, visit.caller))
        )

    async def search(self, visit: Visit) -> web.Response:
        said = visit.request.query.get("q", "").strip()[:200]
        found = await self._desk.search(visit.caller, said) if said else []
        base = self._desk.services.url
        hits = [{**one, "url": one["url"].removeprefix(base)} for one in found]
        return await self._show(visit, "search", q=said, hits=hits)

    async def clients(self, visit: Visit) -> web.Response:
        rows = await self._look(lambda tx: views.clients(tx, visit.caller))
        return await self._show(visit, "clients", rows=rows)

    async def media(self, visit: Visit) -> web.StreamResponse:
        """A photo or a voice note of a ticket, or of a memo that they may read; nothing else that lies in the folder."""
        sha = visit.request.match_info["sha"]
        kept = select(Attachment).where(Attachment.sha256 == sha).limit(1)
        row = (
            await self._desk.store.read(lambda session: session.scalar(kept)) if _SHA.fullmatch(sha) else None
        )
        kind, media_type = (row.kind, row.media_type) if row is not None else ("voice", ANY_AUDIO)
        if row is None and not reading.is_audio_of_memo(
            self._desk.services.company, visit.caller.person, sha
        ):
            raise web.HTTPNotFound(text="Not found")
        headers = {"Cache-Control": "private, max-age=3600", "Content-Security-Policy": "default-src 'none'"}
        return await hand_out(self._desk.services.media / sha, media_type, f"{kind}-{sha[:8]}", headers)

    # --- as tables for a spreadsheet

    async def tickets_csv(self, visit: Visit) -> web.Response:
        query = visit.request.query
        chosen = {name: query.get(name, "")[:200] for name in ("status", "property", "q")}

        def look(tx: Tx) -> list[dict[str, Any]]:
            rows: list[dict[str, Any]] = []
            cursor: str | None = None
            while len(rows) < MAX_ROWS:
                page = reading.list_tickets(tx.session, tx.services, _wanted(chosen, cursor, 100))
                ids = [one["ticket_id"] for one in page["tickets"]]
                said = select(Ticket.ticket_id, Ticket.raw_input).where(Ticket.ticket_id.in_(ids))
                words = {row.ticket_id: row.raw_input for row in tx.session.execute(said)}
                rows += [{**one, "raw_input": words[one["ticket_id"]]} for one in page["tickets"]]
                cursor = page["next_cursor"]
                if cursor is None:
                    break
            return rows

        return _csv("tickets", await self._look(look), [*shapes.Brief.model_fields, "raw_input"])

    async def approvals_csv(self, visit: Visit) -> web.Response:
        services = self._desk.services
        found = await self._desk.store.read(lambda session: reading.approvals(session, services))
        rows = [
            {
                **one,
                "ticket": one["ticket"]["ticket_id"],
                "reasons": " ".join(str(reason["code"]) for reason in one["reasons"]),
                "deciders": " ".join(one["deciders"]),
            }
            for one in found
        ]
        fields = ("approval_id", "ticket", "vendor_id", "cost_estimate_usd", "cap_usd", "reasons", "deciders")
        return _csv("approvals", rows, fields)

    async def costs_csv(self, visit: Visit) -> web.Response:
        wanted = shapes.CostSummary.model_validate({"period": visit.request.query.get("period", "month")})
        try:
            found = await self._look(lambda tx: reading.cost(tx, visit.caller.person, wanted))
        except ClientError:
            raise web.HTTPForbidden(text="What things cost is for the founder and leads.") from None
        rows = [
            {"by": group, "name": name, "usd": amount}
            for group in ("by_property", "by_tier", "by_model")
            for name, amount in found[group].items()
        ]
        rows += [{"by": "total", "name": name, "usd": found[name]} for name in ("total_usd", "vendor_usd")]
        return _csv("costs", rows, ("by", "name", "usd"))

    async def times_csv(self, visit: Visit) -> web.Response:
        found = await self._look(views.response_times)
        rows = [
            {"by": group, "name": row["name"], "stage": stage, **spread}
            for group, every in found["groups"].items()
            for row in every
            for stage, spread in row["stages"].items()
            if spread is not None
        ]
        return _csv("times", rows, ("by", "name", "stage", "median", "p90", "count"))

    async def skills_csv(self, visit: Visit) -> web.Response:
        rows = await self._look(known.skills)
        return _csv("skills", rows, ("skill_id", "name", "version", "status", "vendor", "cap", "description"))

    async def rules_csv(self, visit: Visit) -> web.Response:
        return _csv(
            "rules",
            await self._look(lambda tx: known.rules(tx, visit.caller.words)),
            ("id", "text", "who", "at", "ticket_id", "status"),
        )

    async def people_csv(self, visit: Visit) -> web.Response:
        found = await self._look(lambda tx: views.people(tx, visit.caller))
        rows = [
            {**one, **{key: " ".join(one[key]) for key in ("languages", "places", "on", "accounts")}}
            for one in found["team"]
        ]
        fields = ("id", "name", "role", "languages", "places", "on", "backup", "timezone", "accounts")
        return _csv("people", rows, fields)

    async def clients_csv(self, visit: Visit) -> web.Response:
        rows = await self._look(lambda tx: views.clients(tx, visit.caller))
        fields = (
            "client_id",
            "name",
            "kind",
            "who",
            "scope",
            "audience",
            "created_at",
            "used_at",
            "used_from",
        )
        return _csv("clients", rows, fields)


def _wanted(chosen: Mapping[str, str], cursor: str | None, limit: int) -> shapes.ListTickets:
    """Raises ValidationError for a status that there is not."""
    return shapes.ListTickets.model_validate(
        {
            "status": [chosen["status"].upper()] if chosen["status"] else None,
            "property_id": chosen["property"] or None,
            "query": chosen["q"] or None,
            "limit": limit,
            "cursor": cursor,
        }
    )


def _csv(name: str, rows: Sequence[Mapping[str, Any]], fields: Sequence[str]) -> web.Response:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(fields)
    writer.writerows([cell(row.get(field)) for field in fields] for row in rows)
    return web.Response(
        body=b"\xef\xbb\xbf" + out.getvalue().encode(),
        content_type="text/csv",
        charset="utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="loopos-{name}.csv"',
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        },
    )


def cell(value: Any) -> str:
    """What a spreadsheet shows and never calculates: whoever wrote it was no friend of the reader's, perhaps."""
    text = (
        " ".join(map(str, value)) if isinstance(value, (list, tuple)) else "" if value is None else str(value)
    )
    return f"'{text}" if text.lstrip().startswith(_FORMULA) or text.startswith(_FORMULA) else text
