"""`/v/TOKEN`: one small page, no script, in the vendor's language. It works on any phone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from html import escape as html
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web
from sqlalchemy import select
from sqlalchemy.orm import Session

from channels.ingress import COMMIT_WITHIN, refuse
from core.actors import Actor
from core.acts.commands import OpenOffer
from core.acts.table import perform
from core.cards.card import Button, Card, Field
from core.clock import Clock
from core.context import Store, Tx
from core.errors import Refused, TryLater
from core.i18n import N_, Words
from core.inbox import Arrival, accept
from core.model import InboxStatus
from core.money import parse_amount
from core.outbox.offer_links import offer_in
from core.phrases import refusal
from core.store.tables import CardCopy, InboxRow, Offer
from core.text import escape

MAX_FORM: Final = 16 * 1024
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
        offer_id = self._offer(request)
        found = await self._store.read(lambda session: _find(session, offer_id))
        if found is None:
            raise refuse(web.HTTPNotFound, "link")
        # A preview robot also looks: only a person's browser sends this, and silence counts from then on.
        if request.headers.get("Sec-Fetch-Mode") == "navigate":
            await self._store.write(lambda tx: perform(tx, Actor("", "link"), OpenOffer(offer_id)))
        return _page(found[1], waiting=found[2])

    async def answer(self, request: web.Request) -> web.Response:
        """Keep the answer, then show the page as it stands. Raises 404 for a link that is not ours."""
        offer_id = self._offer(request)
        found = await self._store.read(lambda session: _find(session, offer_id))
        if found is None:
            raise refuse(web.HTTPNotFound, "link")
        if (request.content_length or 0) > MAX_FORM:
            raise refuse(web.HTTPRequestEntityTooLarge, "form")
        vendor_id, card, _ = found
        form = {key: str(value) for key, value in (await request.post()).items()}
        button = next((one for one in card.buttons if one.id == form.get("button")), None)
        if button is None:
            return _page(card, waiting=False)
        values = {field.name: escape(form.get(field.name, "")).strip()[:200] for field in button.fields}
        words = Words(card.language, ZoneInfo("UTC"))
        try:
            for field in button.fields:
                if field.kind == "amount":
                    parse_amount(values[field.name])
        except Refused as unclear:
            return _page(card, waiting=False, note=refusal(unclear, words), typed=form)
        payload = {
            "offer": offer_id,
            "vendor": vendor_id,
            "button": button.id,
            "values": {key: value for key, value in values.items() if value},
            "at": self._clock.now().isoformat(),
        }

        def keep(tx: Tx) -> None:
            # The same answer twice is one answer: the button it was given with is what names it.
            accept(tx, [Arrival("link", f"{offer_id}:{button.id}", offer_id, payload)])

        try:
            async with asyncio.timeout(COMMIT_WITHIN):
                await self._store.write(keep, awaited=True)
        except (TimeoutError, TryLater):
            note = words(N_("That did not work. Please try again."))
            return _page(card, waiting=False, note=note, typed=form, status=503)
        raise web.HTTPSeeOther(request.path)

    def _offer(self, request: web.Request) -> str:
        offer_id = offer_in(self._secret, request.match_info["token"])
        if offer_id is None:
            raise refuse(web.HTTPNotFound, "link")
        return offer_id


def _find(session: Session, offer_id: str) -> tuple[str, Card, bool] | None:
    """(vendor, card as it stands, whether an answer is still being worked on)"""
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
    return offer.vendor_id, Card.model_validate(content), waiting is not None


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
