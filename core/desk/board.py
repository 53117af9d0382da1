"""Shows cards to people and keeps every copy true: one card, many copies, each in its reader's language.

Whoever changes a ticket calls `refresh`: it draws each copy anew and owes an edit where that changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select

from core.cards.card import Button, Card, Question
from core.cards.draw import KINDS
from core.cards.view import Press, Sketch, View
from core.company.schema import Person
from core.desk.people import Reader, reader_for
from core.desk.records import current_dispatch, latest_approval
from core.i18n import Words
from core.ids import button_id, new_id
from core.model import OPEN, Address
from core.store.engine import Tx
from core.store.tables import ButtonRow, CardCopy, CardRow, OutboxRow, Ticket

DELIVER = "deliver"
UNDRAWN = "undrawn"


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
    return tx.once(f"shown:{ticket_id}", lambda: _find_shown(tx, [ticket_id])[ticket_id])


def read_shown(tx: Tx, ticket_ids: Iterable[str]) -> None:
    """Read ahead the cards of several tickets."""
    for ticket_id, shown in _find_shown(tx, list(ticket_ids)).items():
        tx.know(f"shown:{ticket_id}", shown)


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
        select(OutboxRow).where(OutboxRow.copy_id.in_(shown), OutboxRow.status == "pending")
    ):
        shown[str(row.copy_id)].unsent[str(row.copy_id)] = row


def nothing_shown(tx: Tx, ticket_id: str) -> None:
    """The ticket was made in this unit of work: there is no card of it to look for."""
    tx.know(f"shown:{ticket_id}", _Shown())


def view_of(
    tx: Tx, ticket: Ticket, reader: Reader, address: Address, others: tuple[tuple[str, str], ...] = ()
) -> View:
    return View(
        company=tx.office.company,
        ticket=ticket,
        dispatch=current_dispatch(ticket),
        approval=latest_approval(ticket),
        words=reader.words,
        reader_id=reader.person_id,
        conversation_id=address.conversation_id,
        now=tx.now,
        others=others,
    )


def _others(tx: Tx, ticket: Ticket) -> tuple[tuple[str, str], ...]:
    rows = tx.session.execute(
        select(Ticket.ticket_id, Ticket.category)
        .where(
            Ticket.property_id == ticket.property_id,
            Ticket.status.in_(OPEN),
            Ticket.ticket_id != ticket.ticket_id,
        )
        .order_by(Ticket.number)
        .limit(10)
    )
    return tuple((row.ticket_id, row.category) for row in rows)


# --- posting


def show(
    tx: Tx,
    kind: str,
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
    refresh(tx, ticket)


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
    tx: Tx, kind: str, subject: str, sketch_for: Callable[[Reader], Sketch], people: Iterable[Person]
) -> None:
    """A card that belongs to no ticket (a quarantined message, a stranger at the door)."""
    wanted = select(CardRow).where(
        CardRow.kind == kind, CardRow.ticket_id.is_(None), CardRow.subject == subject
    )
    card = tx.session.scalar(wanted) or tx.add(
        CardRow(id=new_id(), kind=kind, ticket_id=None, subject=subject, created_at=tx.now)
    )
    for person in people:
        reader = reader_for(tx, person)
        for address in tx.office.addresses_of(person):
            copy = _copy(tx, card, address, reader, {})
            _put(tx, card, copy, sketch_for(reader), _Shown())


def redraw_own(tx: Tx, card: CardRow, copy: CardCopy, sketch_for: Callable[[Reader], Sketch]) -> None:
    """Bring a copy of a card that belongs to no ticket up to date."""
    reader = reader_for(tx, tx.office.company.person(copy.person_id), copy.language)
    shown = _Shown()
    _fill(tx, {copy.id: shown})
    _put(tx, card, copy, sketch_for(reader), shown)


def say(tx: Tx, address: Address, text: str, *, quiet: bool = False) -> None:
    """Owe plain words to a conversation. `quiet`: a passing remark that a channel may show to one person."""
    _owe(tx, address, "text", {"text": text, "quiet": quiet})


def tell(tx: Tx, person: Person | None, text_for: Callable[[Words], str]) -> None:
    """Owe `text_for(words)` to every identity of `person`."""
    if person is None:
        return
    reader = reader_for(tx, person)
    for address in tx.office.addresses_of(person):
        say(tx, address, text_for(reader.words))


def _owe(
    tx: Tx,
    address: Address,
    kind: str,
    payload: dict[str, Any],
    *,
    copy: CardCopy | None = None,
    not_before: datetime | None = None,
    cancel_key: str | None = None,
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
            status="pending",
            created_at=tx.now,
        )
    )
    tx.office.jobs.defer(tx, DELIVER, {"outbox": row.id}, lane=f"out:{address}", run_at=when)
    return row


# --- keeping copies true


def refresh(tx: Tx, ticket: Ticket) -> None:
    """Draw every copy of every card of `ticket` anew, once, at the end of this unit of work."""
    tx.finally_do(f"draw:{ticket.ticket_id}", lambda: _draw_all(tx, ticket))


def _draw_all(tx: Tx, ticket: Ticket) -> None:
    shown = _shown(tx, ticket.ticket_id)
    rows = shown.copies
    newest = {(card.id, copy.channel, copy.conversation_id): copy.id for card, copy in rows}
    readers: dict[tuple[str | None, str], Reader] = {}
    for card, copy in rows:
        who = (copy.person_id, copy.language)
        if who not in readers:
            readers[who] = reader_for(tx, tx.office.company.person(copy.person_id), copy.language)
        address = Address(copy.channel, copy.conversation_id)
        others = _others(tx, ticket) if card.kind == "ticket" else ()
        sketch = KINDS[card.kind](view_of(tx, ticket, readers[who], address, others))
        if newest[card.id, copy.channel, copy.conversation_id] != copy.id:
            # A later copy of the same card stands further down: this one loses its buttons.
            sketch = Sketch(sketch.title, sketch.lead, sketch.state, sketch.facts, sketch.sections)
        _put(tx, card, copy, sketch, shown)


def _put(tx: Tx, card: CardRow, copy: CardCopy, sketch: Sketch, shown: _Shown) -> None:
    """Let `copy` show `sketch`: a post is owed the first time, then an edit wherever it is something new."""
    content = _finish(tx, card, copy, sketch, shown.buttons[copy.id]).model_dump(mode="json")
    if content == copy.content:
        return
    when = copy.content.get(UNDRAWN)
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
        )
        return
    waiting = shown.unsent.get(copy.id)
    if waiting is not None and waiting.status == "pending":
        # Not sent yet: it goes out as it should look now (WANTED W20: merge before delaying).
        waiting.payload = content
        return
    if copy.message_ref is None:
        return  # its page was cancelled before it left: there is nothing to edit
    shown.unsent[copy.id] = owe_edit(tx, copy)


def owe_edit(tx: Tx, copy: CardCopy) -> OutboxRow:
    """Owe the present content of `copy` to its conversation."""
    return _owe(tx, Address(copy.channel, copy.conversation_id), "edit", copy.content, copy=copy)


def cancel_pages(tx: Tx, cancel_key: str) -> None:
    """Stop every page under `cancel_key` that has not left yet, in the same transaction as the reason."""
    tx.session.flush()
    rows = tx.session.scalars(
        select(OutboxRow).where(OutboxRow.cancel_key == cancel_key, OutboxRow.status == "pending")
    )
    for row in rows:
        row.status = "cancelled"


# --- buttons


def _finish(tx: Tx, card: CardRow, copy: CardCopy, sketch: Sketch, buttons: list[ButtonRow]) -> Card:
    """The sketch with button ids. A button that was on this copy before keeps its id."""
    known = {(row.action, _key(row.args)): row for row in buttons}
    kept: set[str] = set()

    def button(press: Press) -> Button:
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
        Question(text=text, buttons=tuple(button(press) for press in presses))
        for text, presses in sketch.questions
    )
    pressed = tuple(button(press) for press in sketch.presses)
    for row in known.values():
        row.live = row.id in kept
    return Card(
        kind=card.kind,
        title=sketch.title,
        lead=sketch.lead,
        state=sketch.state,
        ticket_id=card.ticket_id,
        language=copy.language,
        facts=sketch.facts,
        sections=sketch.sections,
        questions=questions,
        buttons=pressed,
    )


def _key(args: dict[str, Any]) -> str:
    return repr(sorted(args.items()))


def readers_of(tx: Tx, person: Person | None) -> list[tuple[Address, Reader]]:
    """Every conversation with `person`, with how to speak there."""
    if person is None:
        return []
    reader = reader_for(tx, person)
    return [(address, reader) for address in tx.office.addresses_of(person)]
