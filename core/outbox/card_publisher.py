"""Shows cards to people and keeps every copy true: one card, many copies, each in its reader's language.

A ticket whose rows changed (core.row_changes) has each copy drawn anew at the end of the unit of work, and an edit is owed
where that shows something new."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any

from sqlalchemy import select

from core import lanes
from core.actors import Reader
from core.cards.card import Button, Card, CardQuestion
from core.cards.draw import KINDS
from core.cards.snapshot import TicketSnapshot
from core.cards.view import ButtonDraft, CardDraft, View
from core.company.schema import Person
from core.context import Tx
from core.i18n import Words
from core.ids import button_id, new_id
from core.model import Address, CardKind, OutboxKind, OutboxStatus
from core.outbox import translations
from core.outbox.file_links import payload_of
from core.outbox.offer_links import link_to
from core.outbox.ticket_snapshot import snapshot_of
from core.store.tables import ButtonRow, CardCopy, CardRow, OutboxRow, Ticket
from core.team.people import reader_for
from core.tickets.records import current_dispatch, is_open

UNDRAWN = "undrawn"


class Urgency(IntEnum):
    """What overtakes what in a conversation that has to wait."""

    NORMAL = 1
    PRESSING = 2


PRESSING = frozenset({"approval", "job", "offer", "signin"})
"""Cards that somebody has to act on: they overtake what only informs."""


@dataclass
class _Shown:
    """Every card of one ticket and its copies, oldest first."""

    cards: dict[str, CardRow] = field(default_factory=dict)
    """By kind."""
    copies: list[tuple[CardRow, CardCopy]] = field(default_factory=list)
    buttons: dict[str, list[ButtonRow]] = field(default_factory=lambda: defaultdict(list))
    """By copy."""
    unsent: dict[str, OutboxRow] = field(default_factory=dict)
    """By copy: what has not gone out yet."""


def _shown(tx: Tx, ticket_id: str) -> _Shown:
    return tx.memo(f"shown:{ticket_id}", lambda: _find_shown(tx, [ticket_id])[ticket_id])


def read_shown(tx: Tx, ticket_ids: Iterable[str]) -> None:
    """Read ahead the cards of several tickets."""
    for ticket_id, shown in _find_shown(tx, list(ticket_ids)).items():
        tx.preload(f"shown:{ticket_id}", shown)


def _find_shown(tx: Tx, ticket_ids: list[str]) -> dict[str, _Shown]:
    found = {ticket_id: _Shown() for ticket_id in ticket_ids}
    rows = tx.session.execute(
        select(CardRow, CardCopy)
        .outerjoin(CardCopy, CardCopy.card_id == CardRow.id)
        .where(CardRow.ticket_id.in_(ticket_ids))
        .order_by(CardCopy.id)
    ).all()
    for card, copy in rows:
        shown = found[str(card.ticket_id)]
        shown.cards[card.kind] = card
        if copy is not None:
            shown.copies.append((card, copy))
    _fill(tx, {copy.id: found[str(card.ticket_id)] for card, copy in rows if copy is not None})
    return found


def _fill(tx: Tx, shown: dict[str, _Shown]) -> None:
    """Buttons and unsent drawings of the copies in `shown`."""
    if not shown:
        return
    for button in tx.session.scalars(select(ButtonRow).where(ButtonRow.copy_id.in_(shown))):
        shown[button.copy_id].buttons[button.copy_id].append(button)
    for row in tx.session.scalars(
        select(OutboxRow).where(
            OutboxRow.copy_id.in_(shown), OutboxRow.status.in_((OutboxStatus.PENDING, OutboxStatus.SENDING))
        )
    ):
        shown[str(row.copy_id)].unsent[str(row.copy_id)] = row


def nothing_shown(tx: Tx, ticket_id: str) -> None:
    """The ticket was made in this unit of work: there is no card of it to look for."""
    tx.preload(f"shown:{ticket_id}", _Shown())


def view_of(
    tx: Tx,
    ticket: Ticket,
    seen: TicketSnapshot,
    reader: Reader,
    address: Address,
    others: tuple[tuple[str, str], ...] = (),
) -> View:
    dispatch = current_dispatch(ticket)
    offer = dispatch.offers[-1] if dispatch is not None and dispatch.offers else None
    there = tx.services.person_of(address)
    alone = there is not None and there.id == reader.person_id
    return View(
        company=tx.services.company,
        ticket=seen,
        words=reader.words,
        reader_id=reader.person_id,
        conversation_id=address.conversation_id,
        now=tx.now,
        others=others,
        translations=translations.for_reader(tx, ticket, reader),
        quotes=translations.quotes_for_reader(tx, ticket, reader),
        offer_link=link_to(tx.services, offer) if offer is not None and alone else None,
        offer_reached=offer is not None
        and tx.services.address_of_vendor(tx.services.company.vendor(offer.vendor_id)) is not None,
        alone=alone,
    )


def _others(tx: Tx, ticket: Ticket) -> tuple[tuple[str, str], ...]:
    rows = tx.session.execute(
        select(Ticket.ticket_id, Ticket.category)
        .where(Ticket.property_id == ticket.property_id, is_open(), Ticket.ticket_id != ticket.ticket_id)
        .order_by(Ticket.number)
        .limit(10)
    )
    return tuple((row.ticket_id, row.category) for row in rows)


# --- posting


def show(
    tx: Tx,
    kind: CardKind,
    ticket: Ticket,
    to: Iterable[tuple[Address, Reader]],
    *,
    not_before: datetime | None = None,
    cancel_key: str | None = None,
    again: bool = False,
) -> None:
    """Show the card `kind` of `ticket` in each conversation of `to`. A conversation that has it already is
    not told twice, unless `again`: then it gets a fresh copy, and the old one loses its buttons.

    The copy is drawn at the end of the unit of work, as everything then stands."""
    shown = _shown(tx, ticket.ticket_id)
    if kind not in shown.cards:
        shown.cards[kind] = tx.add(
            CardRow(id=new_id(), kind=kind, ticket_id=ticket.ticket_id, subject=None, created_at=tx.now)
        )
    card = shown.cards[kind]
    when = {"not_before": _iso(not_before), "cancel_key": cancel_key}
    for address, reader in to:
        stands = any(c is card and Address(o.channel, o.conversation_id) == address for c, o in shown.copies)
        if again or not stands:
            shown.copies.append((card, _copy(tx, card, address, reader, when)))
    draw_later(tx, ticket.ticket_id)


def stands(tx: Tx, kind: CardKind, ticket: Ticket, address: Address) -> bool:
    """The card was shown in that conversation."""
    return any(
        card.kind == kind and Address(copy.channel, copy.conversation_id) == address
        for card, copy in _shown(tx, ticket.ticket_id).copies
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _copy(tx: Tx, card: CardRow, address: Address, reader: Reader, when: dict[str, Any]) -> CardCopy:
    """A copy that is not drawn yet: `content` holds only when it may go out."""
    return tx.add(
        CardCopy(
            id=new_id(),
            card=card,
            channel=address.channel,
            conversation_id=address.conversation_id,
            person_id=reader.person_id,
            language=reader.language,
            content={UNDRAWN: when},
            created_at=tx.now,
        )
    )


def post_own(
    tx: Tx,
    kind: CardKind,
    subject: str,
    draft_for: Callable[[Reader], CardDraft],
    to: Iterable[tuple[Address, Reader]],
    *,
    not_before: datetime | None = None,
) -> None:
    """A card that belongs to no ticket (a quarantined message, a stranger, an offer to a vendor)."""
    card = own_card(tx, kind, subject) or tx.add(
        CardRow(id=new_id(), kind=kind, ticket_id=None, subject=subject, created_at=tx.now)
    )
    for address, reader in to:
        copy = _copy(tx, card, address, reader, {"not_before": _iso(not_before), "cancel_key": None})
        _put(tx, card, copy, draft_for(reader), _Shown())


def own_card(tx: Tx, kind: CardKind, subject: str) -> CardRow | None:
    tx.session.flush()
    return tx.session.scalar(
        select(CardRow).where(CardRow.kind == kind, CardRow.ticket_id.is_(None), CardRow.subject == subject)
    )


def redraw_own(
    tx: Tx,
    kind: CardKind,
    subject: str,
    draft_for: Callable[[Reader], CardDraft],
    fallback: Reader | None = None,
    *,
    silent: bool = False,
) -> None:
    """Bring every copy of a card that belongs to no ticket up to date. `fallback`: how to speak to whoever is no
    member of the team; `silent`: not worth a message of its own where nothing can be edited."""
    card = own_card(tx, kind, subject)
    if card is None:
        return
    for copy in tx.session.scalars(select(CardCopy).where(CardCopy.card_id == card.id)).all():
        person = tx.services.company.person(copy.person_id)
        reader = reader_for(tx, person, copy.language) if person is not None or not fallback else fallback
        shown = _Shown()
        _fill(tx, {copy.id: shown})
        _put(tx, card, copy, draft_for(reader), shown, silent=silent)


def say(
    tx: Tx,
    address: Address,
    text: str,
    *,
    quiet: bool = False,
    only_for: str | None = None,
    urgency: Urgency = Urgency.NORMAL,
    instead_of: str | None = None,
) -> None:
    """Owe plain words to a conversation. `quiet`: a passing remark; `only_for`: to this account, where others
    can read along and the channel can speak to one of them; `instead_of`: the id of a card that could not be shown."""
    payload: dict[str, Any] = {"text": text, "quiet": quiet}
    if instead_of is not None:
        payload["instead_of"] = instead_of
    if only_for is not None:
        payload["only_for"] = only_for
    _owe(tx, address, "text", payload, urgency=urgency)


def send_file(
    tx: Tx,
    address: Address,
    *,
    path: str,
    name: str,
    media_type: str,
    caption: str,
    alt: str = "",
    not_before: datetime | None = None,
) -> None:
    """Owe a picture (PNG, JPEG) or a document (CSV, PDF, plain text, a recording) to a conversation. `path` is relative to
    LOOPOS_HOME: media/<sha256>, written before; `alt`: what a picture shows, for who cannot see it.

    Raises ValueError for another place or type, FileNotFoundError."""
    _owe(
        tx,
        address,
        "file",
        payload_of(tx.services, path, name, media_type, caption, alt),
        not_before=not_before,
    )


def hand_on(tx: Tx, row: OutboxRow, ways: Iterable[Address]) -> None:
    """Owe what `row` could not bring, words or a file, to the first of `ways` where it was not tried yet."""
    tried = [*row.payload.get("tried", ()), str(Address(row.channel, row.conversation_id))]
    way = next((one for one in ways if str(one) not in tried), None)
    if way is not None:
        kept = {key: value for key, value in row.payload.items() if key != "only_for"}
        _owe(tx, way, row.kind, {**kept, "tried": tried})


def tell(
    tx: Tx,
    person: Person | None,
    text_for: Callable[[Words], str],
    *,
    about: Ticket | None = None,
    urgency: Urgency = Urgency.NORMAL,
) -> None:
    """Owe `text_for(words)` to every account of `person`. With `about`, not to where that ticket's card says it in a
    message of its own."""
    if person is None:
        return
    reader = reader_for(tx, person)
    for address in tx.services.addresses_of(person):
        if about is None or not speaks_for_itself(tx, about, address):
            say(tx, address, text_for(reader.words), urgency=urgency)


def speaks_for_itself(tx: Tx, ticket: Ticket, address: Address) -> bool:
    """Where nothing can be edited every change of a card is a new message: words beside it would say it twice."""
    channel = tx.services.channels.get(address.channel)
    if channel is None or channel.capabilities.edits:
        return False
    return any(
        Address(copy.channel, copy.conversation_id) == address
        for _, copy in _shown(tx, ticket.ticket_id).copies
    )


def addresses_of(tx: Tx, person: Person | None) -> list[Address]:
    return tx.services.addresses_of(person) if person is not None else []


def _owe(
    tx: Tx,
    address: Address,
    kind: OutboxKind,
    payload: dict[str, Any],
    *,
    copy: CardCopy | None = None,
    not_before: datetime | None = None,
    cancel_key: str | None = None,
    urgency: Urgency = Urgency.NORMAL,
    only_once: bool = False,
) -> OutboxRow:
    when = max(not_before, tx.now) if not_before else tx.now
    row = tx.add(
        OutboxRow(
            id=new_id(),
            channel=address.channel,
            conversation_id=address.conversation_id,
            kind=kind,
            copy=copy,
            payload=payload,
            not_before=when,
            cancel_key=cancel_key,
            urgency=urgency,
            only_once=only_once,
            status=OutboxStatus.PENDING,
            created_at=tx.now,
        )
    )
    lanes.deliver(tx, row.id, address, when)
    return row


# --- keeping copies true


def draw_later(tx: Tx, ticket_id: str) -> None:
    """Draw every copy of every card of a ticket anew, once, at the end of this unit of work."""
    tx.before_commit(f"draw:{ticket_id}", lambda: _draw_all(tx, ticket_id))


def _draw_all(tx: Tx, ticket_id: str) -> None:
    ticket = tx.get(Ticket, ticket_id)
    assert ticket is not None, "a ticket is never deleted"
    shown = _shown(tx, ticket.ticket_id)
    rows = shown.copies
    newest = {(card.id, copy.channel, copy.conversation_id): copy.id for card, copy in rows}
    readers: dict[tuple[str | None, str], Reader] = {}
    busy = {(copy.channel, copy.conversation_id) for card, copy in rows if card.kind in PRESSING}
    seen = snapshot_of(ticket, history=any(card.kind == "ticket" for card, _ in rows))
    for card, copy in rows:
        who = (copy.person_id, copy.language)
        if who not in readers:
            readers[who] = reader_for(tx, tx.services.company.person(copy.person_id), copy.language)
        address = Address(copy.channel, copy.conversation_id)
        others = _others(tx, ticket) if card.kind == "ticket" else ()
        draft = KINDS[card.kind](view_of(tx, ticket, seen, readers[who], address, others))
        if newest[card.id, copy.channel, copy.conversation_id] != copy.id:
            # A later copy of the same card stands further down: this one loses its buttons.
            draft = CardDraft(draft.title, draft.lead, draft.state, draft.facts, draft.sections)
        silent = card.kind == "receipt" and (copy.channel, copy.conversation_id) in busy
        _put(tx, card, copy, draft, shown, silent=silent)


def _put(
    tx: Tx, card: CardRow, copy: CardCopy, draft: CardDraft, shown: _Shown, *, silent: bool = False
) -> None:
    """Let `copy` show `draft`: a post is owed the first time, then an edit wherever it is something new. `silent`:
    another card in the same conversation says it, which matters where nothing can be edited."""
    content = _finish(tx, card, copy, draft, shown.buttons[copy.id]).model_dump(mode="json")
    if content == copy.content:
        return
    when, before = copy.content.get(UNDRAWN), copy.content
    copy.content = content
    if when is not None:
        held = when.get("not_before")
        shown.unsent[copy.id] = _owe(
            tx,
            Address(copy.channel, copy.conversation_id),
            "post",
            content,
            copy=copy,
            not_before=datetime.fromisoformat(held) if held else None,
            cancel_key=when.get("cancel_key"),
            urgency=Urgency.PRESSING if card.kind in PRESSING or draft.state == "danger" else Urgency.NORMAL,
            only_once=card.kind == "offer",
        )
        return
    waiting = shown.unsent.get(copy.id)
    if waiting is not None and waiting.status in {OutboxStatus.PENDING, OutboxStatus.SENDING}:
        # Not sent yet: it goes out as it should look now (W20: merge before delaying).
        waiting.payload = content
        return
    if copy.message_ref is None or before.get("expects"):
        # Its page was cancelled before it left; or it put the cursor into the answer, and such a message cannot be
        # changed on every platform (Telegram: "message can't be edited").
        return
    if not edits(tx, copy) and (silent or same_news(before, content)):
        return  # a new message costs attention, and on some platforms money
    shown.unsent[copy.id] = owe_newer(tx, copy, before)


def edits(tx: Tx, copy: CardCopy) -> bool:
    """What this copy shows can be changed in place."""
    channel = tx.services.channels.get(copy.channel)
    return channel is None or channel.capabilities.edits


def same_news(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Nothing changed that a reader has to know or can act on."""

    def news(content: dict[str, Any]) -> tuple[Any, ...]:
        return content.get("lead"), content.get("state"), len(content.get("questions", ()))

    return news(before) == news(after)


def owe_newer(tx: Tx, copy: CardCopy, before: dict[str, Any] | None = None) -> OutboxRow:
    """Owe the present content of `copy` to its conversation: in place, or, where nothing can be changed, as a short
    new message with what is new since `before` and the buttons that are live now."""
    address = Address(copy.channel, copy.conversation_id)
    if edits(tx, copy):
        return _owe(tx, address, "edit", copy.content, copy=copy)
    known = before.get("facts", []) if before is not None else copy.content["facts"]
    facts = [fact for fact in copy.content["facts"] if fact not in known]
    return _owe(tx, address, "post", {**copy.content, "facts": facts, "sections": []}, copy=copy)


def post_anew(tx: Tx, copy: CardCopy) -> None:
    """The message of this copy is gone: if something on it can still be pressed, it stands again further down."""
    copy.message_ref = None
    if copy.content.get("buttons") or copy.content.get("questions"):
        _owe(tx, Address(copy.channel, copy.conversation_id), "post", copy.content, copy=copy)


def cancel_pages(tx: Tx, cancel_key: str) -> None:
    """Stop every page under `cancel_key` that has not left yet, in the same transaction as the reason."""
    tx.session.flush()
    rows = tx.session.scalars(
        select(OutboxRow).where(OutboxRow.cancel_key == cancel_key, OutboxRow.status == OutboxStatus.PENDING)
    )
    for row in rows:
        row.status = OutboxStatus.CANCELLED


def bring_forward(tx: Tx, cancel_key: str) -> None:
    """What was held back for somebody's quiet hours goes out now."""
    tx.session.flush()
    held = select(OutboxRow).where(
        OutboxRow.cancel_key == cancel_key,
        OutboxRow.status == OutboxStatus.PENDING,
        OutboxRow.not_before > tx.now,
    )
    for row in tx.session.scalars(held).all():
        row.not_before = tx.now
        lanes.at_once(tx, row.id)
        lanes.deliver(tx, row.id, Address(row.channel, row.conversation_id))


# --- buttons


def _finish(tx: Tx, card: CardRow, copy: CardCopy, draft: CardDraft, buttons: list[ButtonRow]) -> Card:
    """The draft with button ids. A button that was on this copy before keeps its id."""
    known = {(row.action, _key(row.args)): row for row in buttons}
    kept: set[str] = set()

    def button(press: ButtonDraft) -> Button:
        row = known.get((press.action, _key(press.args)))
        if row is None:
            row = tx.add(
                ButtonRow(
                    id=button_id(press.action),
                    copy=copy,
                    action=press.action,
                    args=press.args,
                    live=True,
                )
            )
            buttons.append(row)
        row.live = True
        kept.add(row.id)
        return Button(id=row.id, label=press.label, style=press.style, fields=press.fields)

    questions = tuple(
        CardQuestion(text=text, buttons=tuple(button(press) for press in buttons))
        for text, buttons in draft.questions
    )
    pressed = tuple(button(press) for press in draft.buttons)
    for row in known.values():
        row.live = row.id in kept
    return Card(
        kind=card.kind,
        title=draft.title,
        lead=draft.lead,
        state=draft.state,
        ticket_id=card.ticket_id,
        language=copy.language,
        facts=draft.facts,
        sections=draft.sections,
        questions=questions,
        buttons=pressed,
        expects=draft.expects,
    )


def _key(args: dict[str, Any]) -> str:
    return repr(sorted(args.items()))


def readers_of(tx: Tx, person: Person | None) -> list[tuple[Address, Reader]]:
    """Every conversation with `person`, with how to speak there."""
    if person is None:
        return []
    reader = reader_for(tx, person)
    return [(address, reader) for address in tx.services.addresses_of(person)]
