"""A form in a chat that has none: the fields are asked one by one, by buttons or in words.

The tap that opened it is remembered with what was said so far; with the last answer it becomes the tap that a form
would have sent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final, assert_never

from sqlalchemy import select

from core import phrases
from core.actors import Reader
from core.amounts import parse_amount
from core.cards.card import Button, Field
from core.cards.form import CONFIRM, FormSnapshot
from core.cards.form import form as form_card
from core.cards.view import CardDraft
from core.context import Tx
from core.errors import Refused
from core.ids import new_id
from core.inbound import Message, Tap, heard_in
from core.model import Address
from core.money import USD
from core.outbox import card_publisher
from core.store.tables import ButtonRow, CardCopy, FormRequest
from core.text import normal, shorten, ticket_ids_in

FORM: Final = "prompt"
"""The kind of the card that asks one field."""
ANSWERED_WITHIN: Final = timedelta(minutes=15)
"""So long the next words in the conversation may be the answer; a reply to the question counts later too."""
MAX_SAID: Final = 3000
"""Characters of one field; what is longer is not cut but asked for again."""
WHICH: Final = ""
"""Stands for the question which of several optional fields is meant."""


def needed(tx: Tx, tapped: Tap, copy: CardCopy) -> bool:
    """The button wants values that this channel cannot ask for by itself."""
    channel = tx.services.channels.get(tapped.channel)
    if channel is None or channel.capabilities.forms:
        return False
    button = _button_on(copy, tapped.button)
    return button is not None and _next(button, _presets(button, tapped.values)) is not None


def filled(tx: Tx, tapped: Tap, copy: CardCopy) -> Tap:
    """The tap with what a form would have begun with, where the channel shows none."""
    channel = tx.services.channels.get(tapped.channel)
    button = _button_on(copy, tapped.button)
    if channel is None or channel.capabilities.forms or button is None:
        return tapped
    return replace(tapped, values=_presets(button, tapped.values))


def _button_on(copy: CardCopy, button_id: str) -> Button | None:
    asked = [one for question in copy.content.get("questions", ()) for one in question["buttons"]]
    for one in [*copy.content.get("buttons", ()), *asked]:
        if one["id"] == button_id:
            return Button.model_validate(one)
    return None


def _presets(button: Button, said: Mapping[str, str]) -> dict[str, str]:
    """What is known already: what was said, and the values that a form would begin with."""
    known = {field.name: field.value for field in button.fields if field.required and field.value}
    return {**known, **said}


def _next(button: Button, said: Mapping[str, str]) -> str | None:
    """The field to ask now; None when enough was said."""
    missing = [field.name for field in button.fields if field.required and field.name not in said]
    if missing:
        return missing[0]
    optional_only = bool(button.fields) and not any(field.required for field in button.fields)
    if not optional_only or said:
        return None
    return button.fields[0].name if len(button.fields) == 1 else WHICH


def begin(tx: Tx, tapped: Tap, copy: CardCopy, reader: Reader) -> None:
    """Ask the first field. The same button pressed before is asked anew; forms about something else stay open."""
    button = _button_on(copy, tapped.button)
    assert button is not None
    ticket_id = copy.content.get("ticket_id")
    if ticket_id:
        button = button.model_copy(update={"label": f"{ticket_id} · {button.label}"})
    said = _presets(button, tapped.values)
    for open_form in _open_forms(tx, tapped):
        if open_form.button["id"] == button.id:
            open_form.done_at = tx.now
    form = tx.add(
        FormRequest(
            id=new_id(),
            channel=tapped.channel,
            conversation_id=tapped.conversation_id,
            sender=tapped.sender,
            button=button.model_dump(mode="json"),
            said=said,
            field=_next(button, said) or WHICH,
            language=reader.language,
            created_at=tx.now,
        )
    )
    _ask(tx, form, reader)


def _open_forms(tx: Tx, said: Tap | Message) -> Sequence[FormRequest]:
    """Those of the same person in the same conversation, the newest first."""
    return tx.session.scalars(
        select(FormRequest)
        .where(
            FormRequest.channel == said.channel,
            FormRequest.conversation_id.in_(heard_in(said)),
            FormRequest.sender == said.sender,
            FormRequest.done_at.is_(None),
        )
        .order_by(FormRequest.created_at.desc(), FormRequest.id.desc())
    ).all()


def _ask(tx: Tx, form: FormRequest, reader: Reader) -> None:
    address = Address(form.channel, form.conversation_id)
    card_publisher.post_own(tx, FORM, _subject(form), _card(form), [(address, reader)])


def _subject(form: FormRequest) -> str:
    """One card per field that is asked."""
    return f"{form.id}{len(form.said)}"


def _card(form: FormRequest) -> Callable[[Reader], CardDraft]:
    said = next(reversed(form.said.values()), "")
    button, over = Button.model_validate(form.button), form.done_at is not None
    return partial(form_card, FormSnapshot(button=button, field=form.field, said=said, over=over))


def _field(button: Button, name: str) -> Field | None:
    return next((field for field in button.fields if field.name == name), None)


def tap(tx: Tx, tapped: Tap, button: ButtonRow, subject: str, reader: Reader) -> Tap | None:
    """One of the choices; returns the whole form once it is filled in."""
    form = tx.get(FormRequest, subject[:32])
    if form is None or form.done_at is not None or form.sender != tapped.sender:
        raise Refused("unknown_button")
    chosen = button.args
    if chosen.get("stop"):
        form.done_at = tx.now
        _redraw(tx, form, reader)
        return None
    if chosen.get("confirm") and form.field == CONFIRM:
        form.done_at = tx.now
        _redraw(tx, form, reader)
        values = dict(form.said)
        return Tap(form.channel, form.conversation_id, form.sender, form.button["id"], values, tx.now)
    if "field" in chosen:
        form.field = str(chosen["field"])
        _redraw(tx, form, reader)
        return None
    return _said(tx, form, str(chosen["value"]), reader)


def is_open(tx: Tx, message: Message) -> bool:
    """A field is asked of this person in this conversation. Reads only."""
    return bool(_open_forms(tx, message))


def ticket_asked_about(tx: Tx, message: Message) -> str | None:
    """The ticket that the field asked last is about, where the message does not say which question it answers."""
    if message.reply_to:
        return None
    asked = next(iter(_open_forms(tx, message)), None)
    if asked is None or asked.button["id"].startswith("correct"):  # what was really said is a report itself
        return None
    return next(iter(ticket_ids_in(str(asked.button["label"]))), None)


def take_words(tx: Tx, message: Message, reader: Reader) -> tuple[bool, Tap | None]:
    """(whether the message answers a field that is asked here, the form if it is filled in now)."""
    forms = [form for form in _open_forms(tx, message) if form.field not in {WHICH, CONFIRM}]
    if not forms or not message.text.strip():
        return False, None
    # A reply says which question it answers; plain words answer the one asked last.
    answered = message.reply_to and next((f for f in forms if _is_about(tx, f, str(message.reply_to))), None)
    form, is_reply = answered or forms[0], bool(answered)
    field = _field(Button.model_validate(form.button), form.field)
    if field is None or (form.created_at < tx.now - ANSWERED_WITHIN and not is_reply):
        return False, None
    match field.kind:
        case "text" if form.button["id"].startswith("reject") and not is_reply:
            _confirm(tx, form, message.text.strip(), reader)
            return True, None
        case "text" if len(message.text) > MAX_SAID:
            address = Address(message.channel, message.conversation_id)
            too_long = Refused("too_long", most=MAX_SAID)
            card_publisher.say(tx, address, phrases.refusal(too_long, reader.words, tx.now))
            return True, None
        case "text":
            return True, _said(tx, form, message.text.strip(), reader)
        case "choice":
            wanted = normal(message.text)
            found = next((one for one in field.options if normal(one.label) == wanted), None)
            return (False, None) if found is None else (True, _said(tx, form, found.value, reader))
        case "amount":
            return _take_amount(tx, form, message, reader, field.currency, is_reply=is_reply)
        case _:
            assert_never(field.kind)


def _take_amount(
    tx: Tx, form: FormRequest, message: Message, reader: Reader, currency: str, *, is_reply: bool
) -> tuple[bool, Tap | None]:
    try:
        parse_amount(message.text, currency or USD, reader.language)
    except Refused as unclear:
        if not is_reply and not (any(char.isdecimal() for char in message.text) and len(message.text) <= 20):
            return False, None  # something else that is to be said now
        address = Address(message.channel, message.conversation_id)
        card_publisher.say(tx, address, phrases.refusal(unclear, reader.words, tx.now))
        return True, None
    return True, _said(tx, form, message.text.strip(), reader)


def _confirm(tx: Tx, form: FormRequest, value: str, reader: Reader) -> None:
    """Plain words alone say no to nothing: they may have been meant for somebody else."""
    done_at, form.done_at = form.done_at, tx.now
    _redraw(tx, form, reader)
    form.done_at = done_at
    form.said, form.field = {**form.said, form.field: shorten(value, 2000)}, CONFIRM
    _ask(tx, form, reader)


def _is_about(tx: Tx, form: FormRequest, message_ref: str) -> bool:
    card = card_publisher.own_card(tx, FORM, _subject(form))
    if card is None:
        return False
    copies = tx.session.scalars(select(CardCopy.message_ref).where(CardCopy.card_id == card.id))
    return message_ref in set(copies)


def _said(tx: Tx, form: FormRequest, value: str, reader: Reader) -> Tap | None:
    button = Button.model_validate(form.button)
    asked = form.field
    said = {**form.said, asked: value[:MAX_SAID]}
    following = _next(button, said)
    form.done_at = tx.now  # while it is drawn: this question is answered
    _redraw(tx, form, reader)
    form.said = said
    if following is None:
        return Tap(form.channel, form.conversation_id, form.sender, button.id, dict(said), tx.now)
    form.done_at, form.field, form.created_at = None, following, tx.now
    _ask(tx, form, reader)
    return None


def _redraw(tx: Tx, form: FormRequest, reader: Reader) -> None:
    over = form.done_at is not None
    card_publisher.redraw_own(tx, FORM, _subject(form), _card(form), reader, silent=over)
