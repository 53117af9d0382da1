"""`/v/TOKEN`: one small page, no script, in the vendor's language. It works on any phone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape as html
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from channels.ingress import COMMIT_WITHIN, read_body, read_fields, refuse
from core.actors import Actor
from core.acts.commands import OpenOffer
from core.acts.table import perform
from core.amounts import parse_amount
from core.cards.card import Button, Card, Field
from core.clock import Clock
from core.context import Store, Tx
from core.errors import Refused, TryLater
from core.i18n import N_, Words
from core.inbox import Arrival, accept
from core.model import InboxStatus
from core.money import USD
from core.outbox.offer_links import is_over, offer_in
from core.phrases import refusal
from core.store.tables import CardCopy, InboxRow, Offer, OutboxRow
from core.text import escape

MAX_FORM: Final = 16 * 1024
FORM: Final = "application/x-www-form-urlencoded"
CSP: Final = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
_STYLE: Final = (
    "body{font:18px/1.5 system-ui,sans-serif;margin:0;background:#f4f5f7;color:#16202c}"
    "main{max-width:34rem;margin:0 auto;padding:1rem}article{background:#fff;border-radius:12px;padding:1.2rem}"
    "h1{font-size:1.15rem;margin:0 0 .6rem}p.lead{font-size:1.3rem;font-weight:600;margin:.4rem 0 1rem}"
    "dl{display:grid;grid-template-columns:auto 1fr;gap:.2rem .8rem}dt{color:#52606d}dd{margin:0}"
    "pre{white-space:pre-wrap;font:inherit;overflow-wrap:anywhere}form{border-top:1px solid #d9dee4;padding:1rem 0}"
    "label{display:block;margin:.4rem 0 .2rem}input,select,button{font:inherit;width:100%;box-sizing:border-box;"
    "min-height:48px;border-radius:8px;border:1px solid #7b8794;padding:.4rem .6rem;background:#fff;color:inherit}"
    "button{border:0;background:#0b5fff;color:#fff;font-weight:600;margin-top:.6rem}"
    "button.plain{background:#e4e7eb;color:#16202c}button.danger{background:#b42318}"
    "p.note{background:#fff4e5;padding:.6rem;border-radius:8px}"
)


class LinkRoutes:
    def __init__(self, store: Store, clock: Clock, secret: bytes) -> None:
        self._store = store
        self._clock = clock
        self._secret = secret

    def add_to(self, http: web.Application) -> None:
        http.router.add_get("/v/{token}", self.look)
        http.router.add_post("/v/{token}", self.answer)

    async def look(self, request: web.Request) -> web.Response:
        offer_id, found = await self._found(request)
        if found.over:
            return _over(found.card)
        # A preview robot also looks: only a person's browser sends this, and silence counts from then on.
        if request.headers.get("Sec-Fetch-Mode") == "navigate":
            await self._store.write(lambda tx: perform(tx, Actor("", "link"), OpenOffer(offer_id)))
        return _page(found.card, waiting=found.waiting, note=found.refused if found.card.buttons else "")

    async def answer(self, request: web.Request) -> web.Response:
        """Keep the answer, then show the page as it stands. Raises 404 for a link that is not ours."""
        offer_id, found = await self._found(request)
        card = found.card
        if found.over:
            return _over(card)
        words = Words(card.language, ZoneInfo("UTC"))
        try:
            form = read_fields(await read_body(request, [FORM], MAX_FORM))
            if "button" not in form:
                raise refuse(web.HTTPBadRequest, "not a form")
        except web.HTTPException as broken:
            status = 413 if isinstance(broken, web.HTTPRequestEntityTooLarge) else 400
            note = words(N_("That did not work. Please try again."))
            return _page(card, waiting=False, note=note, status=status)
        button = next((one for one in card.buttons if one.id == form["button"]), None)
        if button is None:
            return _page(card, waiting=False)
        try:
            values = _values(button, form, card.language)
        except Refused as unclear:
            return _page(card, waiting=False, note=refusal(unclear, words), typed=form)
        payload = {
            "offer": offer_id,
            "vendor": found.vendor_id,
            "button": button.id,
            "values": {key: value for key, value in values.items() if value},
            "at": self._clock.now().isoformat(),
        }

        def keep(tx: Tx) -> None:
            # The same answer twice is one answer, until it was worked on: a button that stands then was refused.
            name = f"{offer_id}:{button.id}:{_worked_on(tx.session, offer_id)}"
            accept(tx, [Arrival("link", name, offer_id, payload)])

        try:
            async with asyncio.timeout(COMMIT_WITHIN):
                await self._store.write(keep, awaited=True)
        except (TimeoutError, TryLater):
            note = words(N_("That did not work. Please try again."))
            return _page(card, waiting=False, note=note, typed=form, status=503)
        raise web.HTTPSeeOther(request.path)

    async def _found(self, request: web.Request) -> tuple[str, _Found]:
        offer_id, now = offer_in(self._secret, request.match_info["token"]), self._clock.now()
        found = await self._store.read(lambda session: _find(session, offer_id, now)) if offer_id else None
        if offer_id is None or found is None:
            raise refuse(web.HTTPNotFound, "link")
        return offer_id, found


@dataclass(frozen=True, slots=True)
class _Found:
    """What is behind a link."""

    vendor_id: str
    card: Card
    """As it stands."""
    waiting: bool
    """An answer is still being worked on."""
    refused: str
    """What was said to the last answer that was refused."""
    over: bool


def _find(session: Session, offer_id: str, now: datetime) -> _Found | None:
    offer = session.get(Offer, offer_id)
    content: dict[str, Any] | None = session.scalar(
        select(CardCopy.content).where(CardCopy.channel == "link", CardCopy.conversation_id == offer_id)
    )
    if offer is None or content is None or "kind" not in content:
        return None
    waiting = session.scalar(
        select(InboxRow.id)
        .where(
            InboxRow.channel == "link",
            InboxRow.conversation_id == offer_id,
            InboxRow.status == InboxStatus.ACCEPTED,
        )
        .limit(1)
    )
    said = session.scalar(
        select(OutboxRow.payload)
        .where(OutboxRow.channel == "link", OutboxRow.conversation_id == offer_id, OutboxRow.kind == "text")
        .order_by(OutboxRow.id.desc())
        .limit(1)
    )
    return _Found(
        offer.vendor_id,
        Card.model_validate(content),
        waiting is not None,
        str((said or {}).get("text", "")),
        is_over(session, offer, now),
    )


def _worked_on(session: Session, offer_id: str) -> int:
    """How many answers to this offer were worked on. By their names, which are indexed."""
    wanted = select(func.count()).where(
        InboxRow.channel == "link",
        InboxRow.event_id.between(f"{offer_id}:", f"{offer_id};"),
        InboxRow.status != InboxStatus.ACCEPTED,
    )
    return session.scalar(wanted) or 0


def _values(button: Button, form: Mapping[str, str], language: str) -> dict[str, str]:
    """What was filled in. Raises Refused("amount_unclear" | "unknown_option")."""
    values = {field.name: escape(form.get(field.name, "")).strip()[:200] for field in button.fields}
    for field in button.fields:
        if field.kind == "amount":
            parse_amount(values[field.name], field.currency or USD, language)
        if field.kind == "choice" and values[field.name] not in {one.value for one in field.options}:
            raise Refused("unknown_option")
    return values


def _over(card: Card) -> web.Response:
    words = Words(card.language, ZoneInfo("UTC"))
    lead = words(N_("This job ended a while ago, and this page is closed. Thank you!"))
    nothing = {"lead": lead, "facts": (), "sections": (), "buttons": ()}
    return _page(card.model_copy(update=nothing), waiting=False, status=410)


def _page(
    card: Card,
    *,
    waiting: bool,
    note: str = "",
    typed: Mapping[str, str] | None = None,
    status: int = 200,
) -> web.Response:
    """`typed`: a form that was refused comes back as it was filled in."""
    words = Words(card.language, ZoneInfo("UTC"))
    facts = "".join(f"<dt>{html(fact.label)}</dt><dd>{html(fact.value)}</dd>" for fact in card.facts)
    sections = "".join(f"<pre>{html(section.text)}</pre>" for section in card.sections)
    forms = "" if waiting else "".join(_form(button, typed or {}) for button in card.buttons)
    if waiting:
        note = words(N_("Thank you, one moment …"))
    body = (
        f'<!doctype html><html lang="{html(card.language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"{'<meta http-equiv=refresh content=2>' if waiting else ''}"
        f"<title>{html(card.title)}</title><style>{_STYLE}</style></head><body><main><article>"
        f"<h1>{html(card.title)}</h1>{f'<p class=note role=status>{html(note)}</p>' if note else ''}"
        f'<p class="lead">{html(card.lead)}</p><dl>{facts}</dl>{sections}{forms}</article></main></body></html>'
    )
    headers = {
        "Content-Security-Policy": CSP,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(text=body, content_type="text/html", charset="utf-8", headers=headers, status=status)


def _form(button: Button, typed: Mapping[str, str]) -> str:
    mine = typed if typed.get("button") == button.id else {}
    fields = "".join(_field(button, field, mine.get(field.name, field.value)) for field in button.fields)
    kind = {"primary": "", "danger": ' class="danger"', "plain": ' class="plain"'}[button.style]
    return (
        f'<form method="post">{fields}<button name="button" value="{html(button.id)}"{kind}>'
        f"{html(button.label)}</button></form>"
    )


def _field(button: Button, field: Field, value: str) -> str:
    name = f"{button.id.split(':')[0]}-{field.name}"
    needed = " required" if field.required else ""
    label = f'<label for="{html(name)}">{html(field.label)}</label>'
    if field.kind == "choice":
        options = "".join(
            f'<option value="{html(one.value)}"{" selected" if one.value == value else ""}>{html(one.label)}</option>'
            for one in field.options
        )
        return f'{label}<select id="{html(name)}" name="{html(field.name)}"{needed}>{options}</select>'
    mode = ' inputmode="decimal"' if field.kind == "amount" else ""
    return f'{label}<input id="{html(name)}" name="{html(field.name)}" value="{html(value)}"{mode}{needed}>'
