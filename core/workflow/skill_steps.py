"""What the steps of a skill do. Each returns its outcome: done, or asked where a person has to answer first."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from core import phrases
from core.actors import LOOPOS
from core.company.schema import Step as EscalationStep
from core.context import Tx
from core.dispatch.escalation import plan
from core.errors import Refused
from core.i18n import N_, Words
from core.model import Event, Rank, SkillText, Status
from core.outbox import card_publisher
from core.store.tables import Ticket
from core.tickets.records import answered_at, current_dispatch, note
from core.workflow import asking, filing

Said = tuple[tuple[str, str], ...]
"""(language, words); ("", key) for one of core.model.SkillText; () for none."""
Outcome = Literal["done", "asked"]


def tell_reporter(tx: Tx, ticket: Ticket, said: Said) -> Outcome:
    """Beside the receipt, which they get anyway."""
    reader = asking.reader_of(tx, ticket.reporter, ticket.language)
    text = _in(said, reader.words, ticket)
    if text:
        card_publisher.say(tx, answered_at(tx, ticket), text)
    return "done"


def ask_in_words(tx: Tx, ticket: Ticket, said: Said) -> Outcome:
    """Their answer is a message like any other."""
    tell_reporter(tx, ticket, said)
    return "asked"


def send_vendor(tx: Tx, ticket: Ticket, vendor_id: str) -> Outcome:
    """Drafted with whom the skill names, and put before the gate. Raises Refused("unknown_vendor")."""
    filing.draft_and_ask(tx, ticket)
    dispatch = current_dispatch(ticket)
    if dispatch is None or dispatch.vendor_id != vendor_id:
        raise Refused("unknown_vendor")
    return "done" if ticket.status == Status.DISPATCHED else "asked"


def tell_guest(tx: Tx, ticket: Ticket, said: Said) -> Outcome:
    """Nobody writes to guests from here: the words go to whoever stands before them. Without any, those on the card do."""
    place = tx.services.company.place(ticket.property_id)
    reader = asking.reader_of(tx, ticket.reporter, ticket.language)
    theirs = Words(place.language, reader.words.zone) if place is not None else reader.words
    text = _in(said, theirs, ticket)
    if text:
        words = reader.words(N_("For the guest: {text}"), text=text)
        card_publisher.say(tx, answered_at(tx, ticket), words)
    return "done"


def offer_compensation(tx: Tx, ticket: Ticket, up_to: Decimal, said: Said) -> Outcome:
    """It may be offered; what was given is booked by whoever closes the ticket."""
    reader = asking.reader_of(tx, ticket.reporter, ticket.language)
    company = tx.services.company
    money = company.rate_for(ticket.property_id).of_usd(min(up_to, company.about.guest_credit_cap_usd))
    text = reader.words(
        N_("You may offer the guest up to {amount} for {ticket}."),
        amount=reader.words.amount(money),
        ticket=ticket.ticket_id,
    )
    card_publisher.say(tx, answered_at(tx, ticket), f"{text} {_in(said, reader.words, ticket)}".strip())
    return "done"


def note_acknowledgement(tx: Tx, ticket: Ticket) -> Outcome:
    """Somebody has it. Raises Refused("not_acknowledged")."""
    dispatch = current_dispatch(ticket)
    if dispatch is None or not dispatch.acknowledged:
        raise Refused("not_acknowledged")
    return "done"


def plan_follow_up(tx: Tx, ticket: Ticket) -> Outcome:
    """Whoever took the job is asked when the vendor should have been there: that timer began when they took it. Raises
    Refused("not_acknowledged")."""
    return note_acknowledgement(tx, ticket)


def ask_whether_done(tx: Tx, ticket: Ticket) -> Outcome:
    """Only a person closes: who has it is asked. Raises Refused("not_acknowledged")."""
    note_acknowledgement(tx, ticket)
    dispatch = current_dispatch(ticket)
    who = tx.services.company.person(dispatch.acknowledged_by if dispatch is not None else None)
    card_publisher.show(tx, "follow_up", ticket, card_publisher.readers_of(tx, who))
    return "asked"


def ask_whether_it_holds(tx: Tx, ticket: Ticket, said: Said) -> Outcome:
    tell_reporter(tx, ticket, said or (("", SkillText.HOLDS.value),))
    return "asked"


def escalate(tx: Tx, ticket: Ticket, to: Rank) -> Outcome:
    """Show it to who has that rank for its place. Raises Refused("not_for_you") where nobody has."""
    company = tx.services.company
    steps = plan(company, ticket.property_id, [EscalationStep(who=to, wait=1)])
    person = company.person(steps[0].person_id) if steps else None
    if person is None:
        raise Refused("not_for_you", who="")
    card_publisher.show(tx, "ticket", ticket, card_publisher.readers_of(tx, person))
    note(tx, ticket, Event.NOTIFIED, LOOPOS, who=person.id)
    return "done"


def _in(said: Said, words: Words, ticket: Ticket) -> str:
    """In the language of `words`, else in English, else as it is there."""
    texts = dict(said)
    key = texts.get("")
    if key == SkillText.MEANWHILE:
        return phrases.meanwhile(ticket.category, ticket.risk_tags, words)
    if key:
        return words(phrases.SKILL_TEXT[key])
    return texts.get(words.language) or texts.get("en") or next(iter(texts.values()), "")
