"""A tapped button: found by its opaque id, checked against the state of today, answered always."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import structlog

from core import phrases
from core.actors import Actor, Reader
from core.buttons import forms
from core.cards.press import StandalonePress
from core.company.schema import Person
from core.context import Tx
from core.errors import Refused
from core.i18n import N_
from core.inbound import Message, Tap
from core.model import Address
from core.money import parse_amount
from core.outbox import card_publisher, check_button
from core.refusals import refused as refused_count
from core.staff import handover, joining
from core.store.tables import Approval, ButtonRow, CardCopy, CardRow, Question, Report, Ticket
from core.team.people import reader_for
from core.text import escape
from core.tickets.records import find_ticket
from core.workflow import (
    approvals,
    closing,
    corrections,
    dispatching,
    draft_changes,
    offer_answers,
    offers,
    quarantine,
    questions,
    transcript_fixes,
)

log = structlog.get_logger(__name__)

MAX_MINUTES: Final = 10_000
"""Of our own people for one ticket, about a week by the clock: above it is a typing mistake."""


@dataclass(frozen=True)
class Pressed:
    """A tap that was found to be a button of ours."""

    actor: Actor
    ticket: Ticket
    args: dict[str, Any]
    values: dict[str, str]

    def said(self, name: str) -> str:
        return escape(self.values.get(name, "")).strip()[:1000]

    def amount(self) -> Decimal:
        return parse_amount(self.values.get("amount", ""))

    def credit(self) -> Decimal | None:
        """None where nothing was said. Raises Refused("amount_unclear")."""
        return parse_amount(said) if (said := self.said("credit")) else None

    def minutes(self) -> int | None:
        """None where nothing was said. Raises Refused("minutes_unclear")."""
        said = self.said("minutes")
        if not said:
            return None
        # int() alone would take "4_5", "+45" and a number of a million digits.
        if not (said.isdecimal() and len(said) <= 5 and int(said) <= MAX_MINUTES):
            raise Refused("minutes_unclear", text=said[:40], most=MAX_MINUTES)
        return int(said)


def _approval(tx: Tx, press: Pressed) -> tuple[Approval, str]:
    approval = tx.get(Approval, press.args["approval"])
    if approval is None:
        raise Refused("unknown_button")
    return approval, str(press.args["digest"])


def _approve(tx: Tx, press: Pressed) -> None:
    approval, digest = _approval(tx, press)
    approvals.decide(tx, press.ticket, approval, digest, press.actor, "approved", None)


def _reject(tx: Tx, press: Pressed) -> None:
    approval, digest = _approval(tx, press)
    if not press.said("reason"):
        raise Refused("text_needed")
    approvals.decide(tx, press.ticket, approval, digest, press.actor, "rejected", press.said("reason"))


def _change(tx: Tx, press: Pressed) -> None:
    approval, digest = _approval(tx, press)
    draft_changes.change(tx, press.ticket, approval, digest, press.actor, amount=press.amount())


def _vendor(tx: Tx, press: Pressed) -> None:
    approval, digest = _approval(tx, press)
    draft_changes.change(
        tx, press.ticket, approval, digest, press.actor, vendor_id=press.values.get("vendor", "")
    )


def _resolve(tx: Tx, press: Pressed) -> None:
    rating, charge = press.values.get("rating", ""), press.values.get("charge_to", "")
    if (rating and rating not in {"1", "2", "3", "4", "5"}) or (charge and charge not in phrases.CHARGE):
        raise Refused("unknown_option")
    closing.resolve(
        tx,
        press.ticket,
        press.actor,
        press.amount(),
        outcome=press.said("outcome"),
        rating=int(rating) if rating else None,
        charge_to=charge or None,
        guest_credit=press.credit(),
        staff_minutes=press.minutes(),
    )


def _choose(tx: Tx, press: Pressed) -> None:
    question = tx.get(Question, press.args["question"])
    if question is None:
        raise Refused("unknown_button")
    questions.answer(tx, press.ticket, question, str(press.args["option"]), press.actor)


def _split(tx: Tx, press: Pressed) -> None:
    report = tx.get(Report, press.args["report"])
    if report is None:
        raise Refused("unknown_button")
    fresh = closing.split(tx, press.ticket, report, press.actor)
    source = report.source
    reader = reader_for(tx, tx.services.company.person(report.reporter), report.language)
    card_publisher.show(
        tx, "receipt", fresh, [(Address(source["channel"], source["conversation_id"]), reader)]
    )


def _merge(tx: Tx, press: Pressed) -> None:
    into = find_ticket(tx, press.values.get("into", ""))
    closing.merge_by_hand(tx, press.ticket, into, press.actor)


def _correct(tx: Tx, press: Pressed) -> None:
    """What was read wrongly; or, of a voice note, what was misheard."""
    if "report" not in press.args:
        corrections.correct(tx, press.ticket, press.actor, press.values)
        return
    report = tx.get(Report, press.args["report"])
    if report is None or report.ticket_id != press.ticket.ticket_id:
        raise Refused("unknown_button")
    transcript_fixes.misheard(tx, press.ticket, report, press.actor, press.said("words"))


ACTIONS: Final[dict[str, Callable[[Tx, Pressed], None]]] = {
    "approve": _approve,
    "reject": _reject,
    "change": _change,
    "vendor": _vendor,
    "ask": lambda tx, press: questions.ask_reporter(tx, press.ticket, press.said("question"), press.actor),
    "ack": lambda tx, press: dispatching.acknowledge(tx, press.ticket, press.actor),
    "unack": lambda tx, press: dispatching.give_back(tx, press.ticket, press.actor),
    "later": lambda tx, press: dispatching.ask_later(tx, press.ticket, press.actor),
    "resolve": _resolve,
    "choose": _choose,
    "cancel": lambda tx, press: closing.cancel(tx, press.ticket, press.actor),
    "reopen": lambda tx, press: closing.reopen(tx, press.ticket, press.actor),
    "merge": _merge,
    "split": _split,
    "correct": _correct,
    "unmerge": lambda tx, press: closing.unmerge(tx, press.ticket, press.actor),
}


OWN: Final[dict[str, Callable[[Tx, StandalonePress], None]]] = {
    "quarantine": lambda tx, own: quarantine.tap(tx, own.button.action, own.subject, own.actor()),
    "join": joining.tap,
    "prompt": lambda tx, own: _finish_form(tx, forms.tap(tx, own)),
    "offer": offer_answers.tap,
    "unsure": offer_answers.tap_unsure,
    "handover": handover.tap,
    "check": check_button.tap,
}
"""Cards that belong to no ticket, by kind. Each checks for itself who may press."""


def tap(tx: Tx, tapped: Tap) -> None:
    """Do what the button says, or say why not. Every tap is answered: nobody presses twice for silence."""
    person = tx.services.person_at(tapped.channel, tapped.sender)
    reader = reader_for(tx, person)
    vendor = tx.services.vendor_at(tapped.channel, tapped.sender)
    if person is None and vendor is not None:
        reader = offers.reader_of(vendor)
    try:
        act = _found(tx, tapped, person, reader)
        # A refusal must leave nothing behind, not even what was done before it was noticed.
        with tx.nested():
            act()
    except Refused as refused:
        log.info(
            "tap_refused", why=refused.code, action=tapped.button.split(":")[0][:20], channel=tapped.channel
        )
        refused_count("tap", refused.code)
        address = Address(tapped.channel, tapped.conversation_id)
        card_publisher.say(tx, address, _said(tx, refused, reader), quiet=True, only_for=tapped.sender)


def _finish_form(tx: Tx, filled: Tap | None) -> None:
    """The last field was answered: now the button is pressed, with what was said."""
    if filled is not None:
        tap(tx, filled)


def answered_in_words(tx: Tx, message: Message, reader: Reader) -> bool:
    """True where `message` was the answer to a field that is asked in this conversation."""
    taken, filled = forms.take_words(tx, message, reader)
    _finish_form(tx, filled)
    return taken


def _found(tx: Tx, tapped: Tap, person: Person | None, reader: Reader) -> Callable[[], None]:
    """What the button does, ready to be done. Reads only; most late taps are refused here."""
    address = Address(tapped.channel, tapped.conversation_id)
    button = tx.get(ButtonRow, tapped.button)
    copy = tx.get(CardCopy, button.copy_id) if button else None
    if button is None or copy is None or Address(copy.channel, copy.conversation_id) != address:
        raise Refused("unknown_button")
    card = tx.get(CardRow, copy.card_id)
    assert card is not None
    tapped = forms.filled(tx, tapped, copy)
    if person is None and card.kind not in FOR_ANYBODY:
        raise Refused("not_for_you", who=tx.services.company.founder.name)
    if card.ticket_id is None:
        if not button.live:
            raise Refused("old_button", lead=str(copy.content.get("lead", "")))
        if forms.needed(tx, tapped, copy):
            return lambda: forms.begin(tx, tapped, copy, reader)
        own = StandalonePress(tapped, button, str(card.subject), person, reader)
        return lambda: OWN[card.kind](tx, own)
    assert person is not None
    actor = Actor(person.id, tapped.channel)
    ticket = find_ticket(tx, card.ticket_id)
    press = Pressed(actor, ticket, button.args, tapped.values)
    if button.action in {"approve", "reject", "change", "vendor"}:
        approvals.require_open(tx, *_approval(tx, press), actor)
    elif not button.live and button.action != "ack":
        # An acknowledgement is answered by its own check, which knows who was first.
        raise Refused("old_button", lead=str(copy.content.get("lead", "")))
    if forms.needed(tx, tapped, copy):
        return lambda: forms.begin(tx, tapped, copy, reader)
    return lambda: ACTIONS[button.action](tx, press)


def _said(tx: Tx, refused: Refused, reader: Reader) -> str:
    params = {
        key: reader.words.time(value, tx.now) if isinstance(value, datetime) else value
        for key, value in refused.params.items()
    }
    return phrases.refusal(Refused(refused.code, **params), reader.words)


FOR_ANYBODY: Final = frozenset({"offer", "prompt"})
"""Kinds of cards that are also put to people outside the team."""
HINT: Final = N_("Only the buttons on a card can decide. The newest card for it is below.")
