"""A tapped button: found by its opaque id, checked against the state of today, answered always."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from core import phrases
from core.actors import Actor, Reader
from core.acts.table import perform
from core.buttons import forms
from core.buttons.readers import Pressed, read
from core.company.schema import Person, Vendor
from core.context import Tx
from core.errors import Refused
from core.i18n import N_
from core.inbound import Message, Tap
from core.model import Address
from core.outbox import card_publisher
from core.refusals import refused as count_refused
from core.store.tables import Approval, ButtonRow, CardCopy, CardRow
from core.team.people import reader_for
from core.workflow import approvals, offers

log = structlog.get_logger(__name__)

FOR_ANYBODY: Final = frozenset({"offer", "ask", forms.FORM})
"""Kinds of cards that are also put to people outside the team."""
DECIDING: Final = frozenset({"approve", "reject", "change", "vendor", "always"})
HINT: Final = N_("Only the buttons on a card can decide. The newest card for it is below.")


def tap(tx: Tx, tapped: Tap) -> None:
    """Do what the button says, or say why not. Every tap is answered: nobody presses twice for silence."""
    person = tx.services.person_at(tapped.channel, tapped.sender)
    vendor = tx.services.vendor_at(tapped.channel, tapped.sender) if person is None else None
    reader = reader_for(tx, person) if vendor is None else offers.reader_of(vendor)
    try:
        act = _found(tx, tapped, person, vendor, reader)
        # A refusal must leave nothing behind, not even what was done before it was noticed.
        with tx.nested():
            act()
    except Refused as refused:
        log.info(
            "tap_refused", why=refused.code, action=tapped.button.split(":")[0][:20], channel=tapped.channel
        )
        count_refused("tap", refused.code)
        address = Address(tapped.channel, tapped.conversation_id)
        text = phrases.refusal(refused, reader.words, tx.now)
        card_publisher.say(tx, address, text, quiet=True, only_for=tapped.sender)


def answered_in_words(tx: Tx, message: Message, reader: Reader) -> bool:
    """True where `message` was the answer to a field that is asked in this conversation."""
    taken, filled = forms.take_words(tx, message, reader)
    _press_filled(tx, filled)
    return taken


def _press_filled(tx: Tx, filled: Tap | None) -> None:
    """The last field was answered: now the button is pressed, with what was said."""
    if filled is not None:
        tap(tx, filled)


def _found(
    tx: Tx, tapped: Tap, person: Person | None, vendor: Vendor | None, reader: Reader
) -> Callable[[], None]:
    """What the button does, ready to be done. Reads only; most late taps are refused here."""
    button, copy, card = _button(tx, tapped)
    tapped = forms.filled(tx, tapped, copy)
    if person is None and card.kind not in FOR_ANYBODY:
        raise Refused("not_for_you", who=tx.services.company.founder.name)
    actor = Actor(person.id if person else vendor.id if vendor else "", tapped.channel)
    if card.ticket_id is not None and button.action in DECIDING:
        # Before a form is opened for somebody who may not decide, or about what is decided already.
        approval = tx.get(Approval, str(button.args["approval"]))
        if approval is None:
            raise Refused("unknown_button")
        approvals.require_open(tx, approval, str(button.args["digest"]), actor)
    elif not button.live and button.action != "ack":
        # An acknowledgement is answered by its own check, which knows who was first.
        raise Refused("old_button", lead=str(copy.content.get("lead", "")))
    if forms.needed(tx, tapped, copy):
        return lambda: forms.begin(tx, tapped, copy, reader)
    if card.kind == forms.FORM:
        subject = str(card.subject)
        return lambda: _press_filled(tx, forms.tap(tx, tapped, button, subject, reader))
    press = Pressed(str(card.ticket_id or card.subject), button.args, tapped.values, reader.language)

    def act() -> None:
        perform(tx, actor, read(card.kind, card.ticket_id is not None, button.action, press))

    return act


def _button(tx: Tx, tapped: Tap) -> tuple[ButtonRow, CardCopy, CardRow]:
    """Raises Refused("unknown_button") for one that is not ours, or not of this conversation."""
    button = tx.get(ButtonRow, tapped.button)
    copy = tx.get(CardCopy, button.copy_id) if button else None
    address = Address(tapped.channel, tapped.conversation_id)
    if button is None or copy is None or Address(copy.channel, copy.conversation_id) != address:
        raise Refused("unknown_button")
    card = tx.get(CardRow, copy.card_id)
    assert card is not None
    return button, copy, card
