"""The chat commands: the same words on every platform. Each acts with the rights of who typed it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from core import phrases
from core.brain.recall import Query, recall
from core.company.schema import Person
from core.desk import board, closing, corrections, dispatching
from core.desk.people import Actor, Reader, reader_for, require_one_of, set_language
from core.desk.records import count_open, current_dispatch, find_ticket, latest_approval, open_tickets
from core.dispatch.quiet import is_quiet, next_working_moment
from core.errors import Refused
from core.i18n import N_
from core.model import LANGUAGES, Address
from core.money import parse_amount
from core.store.engine import Tx
from core.text import shorten


@dataclass(frozen=True)
class Call:
    tx: Tx
    person: Person
    address: Address
    reader: Reader
    words_after: str

    @property
    def actor(self) -> Actor:
        return Actor(self.person.id, self.address.channel)

    def reply(self, text: str) -> None:
        board.say(self.tx, self.address, text)

    def show(self, kind: str, ticket_id: str) -> None:
        ticket = find_ticket(self.tx, ticket_id)
        board.show(self.tx, kind, ticket, [(self.address, self.reader)], again=True)


def _help(call: Call) -> None:
    words = call.reader.words
    lines = [
        words("Write what is wrong and where. I find the vendor, ask whoever must decide, and keep at it.")
    ]
    lines += [f"{name} – {words(about)}" for name, (_, about) in COMMANDS.items()]
    call.reply("\n".join(lines))


def _tickets(call: Call) -> None:
    words = call.reader.words
    tickets = open_tickets(call.tx)
    if not tickets:
        call.reply(words("No open tickets. 🎉"))
        return
    lines = []
    for ticket in tickets[:20]:
        place = call.tx.office.company.place(ticket.property_id)
        what = phrases.label(phrases.CATEGORY, ticket.category, words)
        status = phrases.label(phrases.STATUS, ticket.status, words)
        lines.append(
            f"{ticket.ticket_id} · {ticket.severity} · {what} · {place.name if place else '–'} · {status}"
        )
    if len(tickets) > 20:
        lines.append(words("… and {count} more.", count=len(tickets) - 20))
    call.reply("\n".join(lines))


def _ticket(call: Call) -> None:
    if not call.words_after:
        raise Refused("unknown_ticket", ticket="–")
    call.show("ticket", call.words_after.split()[0])


def _approve(call: Call) -> None:
    """Shows the card again with live buttons; words alone never approve."""
    ticket = find_ticket(call.tx, call.words_after)
    approval = latest_approval(ticket)
    decides = approval is not None and approval.status == "pending" and call.person.id in approval.deciders
    call.show("approval" if decides else "ticket", ticket.ticket_id)


def _ack(call: Call) -> None:
    ticket = find_ticket(call.tx, call.words_after)
    try:
        dispatching.acknowledge(call.tx, ticket, call.actor)
    except Refused as refused:
        at = refused.params.get("at")
        if at is not None:
            raise Refused(
                refused.code, **{**refused.params, "at": call.reader.words.time(at, call.tx.now)}
            ) from None  # type: ignore[arg-type]
        raise
    call.reply(call.reader.words("{ticket} is yours.", ticket=ticket.ticket_id))


def _resolve(call: Call) -> None:
    parts = call.words_after.split(maxsplit=2)
    ticket = find_ticket(call.tx, parts[0] if parts else "")
    amount = parse_amount(parts[1]) if len(parts) > 1 else None
    closing.resolve(call.tx, ticket, call.actor, amount, outcome=parts[2] if len(parts) > 2 else "")
    call.reply(call.reader.words("{ticket} is done. Thank you.", ticket=ticket.ticket_id))


def _brain(call: Call) -> None:
    words = call.reader.words
    if not call.words_after:
        call.reply(words("What do you want to know? For example: /brain AC Taipei"))
        return
    place = next(iter(call.person.properties), None) if len(call.person.properties) == 1 else None
    knowledge = recall(call.tx.office.company, Query(call.words_after, place))
    found = [f"• {source.quote} [{source.id}]" for source in knowledge.sources]
    call.reply("\n".join(found) if found else words("I found nothing about that."))


def _status(call: Call) -> None:
    words, office = call.reader.words, call.tx.office
    lines = [
        words("Open tickets: {count}", count=count_open(call.tx)),
        words(
            "Channels: {names}",
            names=", ".join(phrases.label(phrases.CHANNEL, name, words) for name in office.channels),
        ),
        words("Engine: {name}", name=office.understanding.name),
    ]
    call.reply("\n".join(lines))


def _oncall(call: Call) -> None:
    words, company, now = call.reader.words, call.tx.office.company, call.tx.now
    lines = []
    for place in company.properties:
        person = company.on_site(place.id) or company.founder
        line = f"{place.name}: {person.name}"
        if is_quiet(person, now):
            line += " – " + words("off until {at}", at=words.time(next_working_moment(person, now, 1), now))
        backup = company.person(person.backup)
        if backup:
            line += " · " + words("backup {who}", who=backup.name)
        lines.append(line)
    for ticket in open_tickets(call.tx):
        dispatch = current_dispatch(ticket)
        holder = dispatch.acknowledged_by if dispatch else None
        owner = company.name_of(holder) if holder else words("nobody yet")
        lines.append(f"{ticket.ticket_id} → {owner}")
    call.reply("\n".join(lines))


def _corrections(call: Call) -> None:
    """What was taught lately, newest first; `/corrections undo 2` takes the second back."""
    words, company = call.reader.words, call.tx.office.company
    require_one_of(call.tx, call.actor, [])
    lately = corrections.lately(call.tx)
    verb, _, number = call.words_after.partition(" ")
    if verb.casefold() == "undo":
        if not number.isdecimal() or not 1 <= int(number) <= len(lately):
            raise Refused("unknown_option")
        corrections.undo(call.tx, lately[int(number) - 1])
        call.reply(words("Taken back. From the next message on I read as if it had not been said."))
        return
    if not lately:
        call.reply(words("Nothing was corrected yet."))
        return
    lines = [
        f"{at}. {row.old or '–'} → {row.new} · {company.name_of(row.person_id)}, "
        f"{words.time(row.at, call.tx.now)} · {shorten(row.text, 60)}"
        for at, row in enumerate(lately, 1)
    ]
    lines.append(words("To take one back: /corrections undo 1"))
    call.reply("\n".join(lines))


def _lang(call: Call) -> None:
    wanted = next((code for code in LANGUAGES if code.casefold() == call.words_after.casefold()), None)
    if wanted is None:
        call.reply(
            call.reader.words("Choose one: {choices}. For example /lang ja", choices=", ".join(LANGUAGES))
        )
        return
    set_language(call.tx, call.person, wanted)
    call.tx.session.flush()
    call.reply(reader_for(call.tx, call.person).words("From now on I write to you in English."))


COMMANDS: Final[dict[str, tuple[Callable[[Call], None], str]]] = {
    "/help": (_help, N_("what I can do")),
    "/tickets": (_tickets, N_("the open tickets")),
    "/ticket": (_ticket, N_("one ticket with its history: /ticket T-1001")),
    "/approve": (_approve, N_("show a card again with its buttons: /approve T-1001")),
    "/ack": (_ack, N_("“I have it”: /ack T-1001")),
    "/resolve": (_resolve, N_("“it is done”, with what it cost in USD: /resolve T-1001 132 new drain pan")),
    "/brain": (_brain, N_("ask what we know: /brain AC Taipei")),
    "/oncall": (_oncall, N_("who is on, and who has what")),
    "/status": (_status, N_("how I am")),
    "/corrections": (_corrections, N_("what I was taught, and how to take it back")),
    "/lang": (_lang, N_("my language for you: /lang en, zh-TW, ja, id or es")),
}


def run_command(tx: Tx, person: Person, address: Address, reader: Reader, text: str) -> None:
    """Do the command in `text`. Raises Refused with what to tell the person."""
    name, _, rest = text.strip().partition(" ")
    command = COMMANDS.get(name.casefold().split("@")[0])
    if command is None:
        board.say(
            tx,
            address,
            reader.words("I do not know {name}. /help shows what I can do.", name=shorten(name, 30)),
        )
        return
    command[0](Call(tx, person, address, reader, " ".join(rest.split())))
