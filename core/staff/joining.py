"""Who is let in: strangers, codes for a new member or for one more account of somebody known."""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import Select, select, text, update

from core import lanes
from core.actors import Actor, Reader
from core.cards.view import CardDraft
from core.cards.visitor import NOWHERE, VisitorSnapshot
from core.cards.visitor import visitor as draw
from core.company.schema import Person
from core.context import Tx
from core.errors import Refused
from core.i18n import N_
from core.inbound import Message
from core.model import LANGUAGES, Address, InboxStatus, Role
from core.outbox import card_publisher, said_once
from core.outbox.said_once import count, first_time
from core.staff import leaving
from core.store.tables import IS_HELD, CodeRow, Departure, IdentityRow, InboxRow, Member, Notice, table
from core.team import roster
from core.team.people import reader_for
from core.text import escape, shorten

log = structlog.get_logger(__name__)

INVITE_LASTS: Final = timedelta(hours=48)
MAX_HELD: Final = 20
"""Messages of one stranger that are kept in a day."""
MAX_JOIN_CARDS: Final = 20
"""Strangers whom the founder is shown in a day."""
MAX_TAKEN: Final = 200
"""Kept messages of a stranger that are worked on once they are let in."""
SHOWN: Final = 5
"""Of a stranger's messages on the founder's card."""
MAX_TRIES: Final = 5
"""Wrong codes from one account in a day: 50 random bits cannot be guessed with five tries."""
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"
_CODE: Final = re.compile(r"^/(?:link|start|join)(?:@\S+)?\s+([a-z0-9-]{8,20})$", re.IGNORECASE)
_GREETING: Final = re.compile(r"^/(?:start|help|link|join)(?:@\S+)?$", re.IGNORECASE)


# --- strangers


def stranger_wrote(tx: Tx, row: InboxRow, message: Message, heard: str, name: str) -> None:
    """Somebody unknown wrote: their words are kept, they are told how to join, and the founder is asked. No ticket, and
    nothing authorised."""
    address = message.address
    words = reader_for(tx, None, heard).words
    if message.room is not None and not message.addressed:
        return
    visitor = visitor_id(message.channel, message.sender)
    row.status, row.processed_at, row.digest = InboxStatus.HELD, tx.now, visitor
    if tx.get(Notice, f"blocked:{visitor}") is not None:
        row.status = InboxStatus.DISCARDED
        return
    founder = tx.services.company.founder
    if first_time(tx, f"stranger:{visitor}:{tx.now:%Y-%m-%d}"):
        card_publisher.say(
            tx,
            address,
            words(
                N_(
                    "I do not know you yet. Your message is kept. Please ask {who} to let you in, or send me the code you were given: /link CODE"
                ),
                who=founder.name,
            ),
        )
    if _GREETING.match(message.text.strip()):
        return
    if not said_once.seldom(tx, f"held:{visitor}", MAX_HELD, timedelta(days=1)):
        # A flood: what is beyond the first of a day is not kept, and nothing is looked up for it.
        row.status, row.payload = InboxStatus.DISCARDED, {}
        return
    tx.session.flush()
    if card_publisher.own_card(tx, "join", visitor) is None and not _may_ask(tx, founder):
        return
    seen = _snapshot(tx, visitor, name)

    def drawn(reader: Reader) -> CardDraft:
        return draw(seen, reader.words)

    if card_publisher.own_card(tx, "join", visitor) is None:
        card_publisher.post_own(tx, "join", visitor, drawn, card_publisher.readers_of(tx, founder))
    else:
        card_publisher.redraw_own(tx, "join", visitor, drawn)


def _may_ask(tx: Tx, founder: Person) -> bool:
    """Whether the founder is shown one more stranger today; of the others he is told once."""
    if said_once.seldom(tx, "join_cards", MAX_JOIN_CARDS, timedelta(days=1)):
        return True
    if first_time(tx, f"join_flood:{tx.now:%Y-%m-%d}"):
        card_publisher.tell(
            tx,
            founder,
            lambda words: words(
                N_(
                    "More than {count} unknown accounts wrote today: I show no more of them until tomorrow. Whoever belongs "
                    "to you comes in with a code: /invite."
                ),
                count=MAX_JOIN_CARDS,
            ),
        )
    return False


def code_in(text: str) -> str | None:
    """The code that `text` shows, if it shows one."""
    found = _CODE.match(text.strip())
    return found[1] if found is not None else None


def visitor_id(channel: str, sender: str) -> str:
    return hashlib.sha256(f"{channel}:{sender}".encode()).hexdigest()[:32]


def _held(tx: Tx, visitor: str) -> list[InboxRow]:
    return list(tx.session.scalars(_held_by(visitor).order_by(InboxRow.id).limit(MAX_TAKEN)))


def _held_by(visitor: str) -> Select[InboxRow]:
    return select(InboxRow).where(InboxRow.digest == visitor, text(IS_HELD))


def _message_of(tx: Tx, row: InboxRow) -> Message | None:
    inbound = tx.services.channels[row.channel].parse(row.payload)
    return inbound if isinstance(inbound, Message) else None


def _snapshot(tx: Tx, visitor: str, name: str = "") -> VisitorSnapshot:
    company = tx.services.company
    last = tx.session.scalars(_held_by(visitor).order_by(InboxRow.id.desc()).limit(SHOWN)).all()
    said = [found for row in reversed(last) if (found := _message_of(tx, row)) is not None]
    return VisitorSnapshot(
        channel=said[-1].channel if said else "",
        sender=said[-1].sender if said else "",
        name=name,
        texts=tuple(one.text for one in said),
        places=tuple((place.id, place.name) for place in company.properties),
        people=tuple((one.id, one.name) for one in company.team),
    )


def block(tx: Tx, visitor: str, actor: Actor) -> None:
    """Nothing of theirs is looked at any more. Raises Refused("gone")."""
    rows, _ = _waiting(tx, visitor)
    tx.add(Notice(key=f"blocked:{visitor}", at=tx.now, count=1))
    for row in rows:
        row.status = InboxStatus.DISCARDED
    who = tx.services.company.name_of(actor.person_id)
    _close(tx, visitor, N_("{who} blocked them. Their words are kept in the records."), who=who)


def recognize(tx: Tx, visitor: str, actor: Actor, person_id: str) -> None:
    """It is an account of somebody who is known. Raises Refused("gone" | "unknown_option")."""
    rows, said = _waiting(tx, visitor)
    if _let_in_already(tx, visitor, rows, said):
        return
    person = tx.services.company.person(person_id)
    if person is None:
        raise Refused("unknown_option")
    _let_in(tx, visitor, actor, person, rows, said)


def admit(tx: Tx, visitor: str, actor: Actor, name: str, property_id: str, language: str) -> None:
    """They are new, and of the team from now on. Raises Refused("gone" | "unknown_option")."""
    rows, said = _waiting(tx, visitor)
    if not _let_in_already(tx, visitor, rows, said):
        _let_in(tx, visitor, actor, _new_member(tx, actor, name, property_id, language, said), rows, said)


def _waiting(tx: Tx, visitor: str) -> tuple[list[InboxRow], Message]:
    """What they wrote, and the first of it that can be read. Raises Refused("gone")."""
    rows = _held(tx, visitor)
    said = next((found for row in rows if (found := _message_of(tx, row)) is not None), None)
    if said is None:
        raise Refused("gone")
    return rows, said


def _let_in_already(tx: Tx, visitor: str, rows: list[InboxRow], said: Message) -> bool:
    """Let in a moment ago, while this message was on its way: it only has to be taken up."""
    if tx.get(IdentityRow, (said.channel, said.sender)) is None:
        return False
    _take_up(tx, rows)
    _close(tx, visitor, N_("They were let in already. What they wrote is being worked on."))
    return True


def _let_in(tx: Tx, visitor: str, actor: Actor, person: Person, rows: list[InboxRow], said: Message) -> None:
    add_account(tx, person, said.channel, said.sender, actor.person_id)
    welcome(tx, Address(said.channel, said.conversation_id), person)
    _take_up(tx, rows)
    who = tx.services.company.name_of(actor.person_id)
    text = N_("{who} let {name} in. What they wrote is being worked on.")
    _close(tx, visitor, text, who=who, name=person.name)


def _take_up(tx: Tx, rows: list[InboxRow]) -> None:
    for row in rows:
        row.status, row.digest = InboxStatus.ACCEPTED, None
        lanes.read(tx, row.id, Address(row.channel, row.conversation_id))
    tx.session.flush()


def _close(tx: Tx, visitor: str, text: str, **params: str) -> None:
    seen = _snapshot(tx, visitor)
    card_publisher.redraw_own(
        tx, "join", visitor, lambda reader: draw(seen, reader.words, reader.words(text, **params))
    )


# --- members and their accounts


def _new_member(tx: Tx, actor: Actor, name: str, property_id: str, language: str, said: Message) -> Person:
    company = tx.services.company
    name = shorten(escape(name), 60) or said.sender
    place = company.place(property_id)
    if place is None and property_id != NOWHERE:
        raise Refused("unknown_option")
    language = language or (place.language if place is not None else company.founder.languages[0])
    if language not in LANGUAGES:
        raise Refused("unknown_option")
    return add_member(
        tx,
        actor.person_id,
        {
            "name": name,
            "role": Role.OPS.value,
            "languages": [language],
            "properties": [place.id] if place is not None else [],
            "timezone": place.timezone if place is not None else company.founder.timezone,
        },
    )


def add_member(tx: Tx, by: str, about: dict[str, Any]) -> Person:
    """A new member of the team, with an id of their own."""
    company = tx.services.company
    base = re.sub(r"[^a-z0-9]+", "_", about["name"].casefold()).strip("_")[:40] or "member"
    taken = {person.id for person in company.team} | set(tx.session.scalars(select(Member.person_id)))
    taken |= {vendor.id for vendor in company.vendors}
    taken |= set(
        tx.session.scalars(select(Departure.person_id))
    )  # nobody inherits what somebody who left did
    person_id = next(one for n in range(1, 1000) if (one := base if n == 1 else f"{base}_{n}") not in taken)
    person = Person.model_validate({"id": person_id, **about})
    tx.add(Member(person_id=person_id, person=person.model_dump(mode="json"), added_by=by, added_at=tx.now))
    return person


def add_account(tx: Tx, person: Person, channel: str, platform_id: str, by: str) -> None:
    earlier = tx.get(IdentityRow, (channel, platform_id))
    if earlier is not None:  # of somebody who left
        tx.session.delete(earlier)
        tx.session.flush()
    tx.add(
        IdentityRow(
            channel=channel, platform_id=platform_id, person_id=person.id, added_by=by, added_at=tx.now
        )
    )
    roster.renew(tx)
    log.info("account_added", person=person.id, channel=channel, by=by)


def welcome(tx: Tx, address: Address, person: Person) -> None:
    words = reader_for(tx, person).words
    card_publisher.say(
        tx,
        address,
        words(
            N_(
                "Welcome, {name}. Write what is wrong and where, or send a photo or a voice note. /help shows more."
            ),
            name=person.name,
        ),
    )


# --- codes


def _hash(code: str) -> str:
    return hashlib.sha256(code.strip().casefold().replace("-", "").encode()).hexdigest()


def new_code(
    tx: Tx, by: str, lasts: timedelta, *, person_id: str | None = None, person: dict[str, Any] | None = None
) -> str:
    """A code for one more account of `person_id`, or for a new member described by `person`."""
    code = "".join(secrets.choice(_ALPHABET) for _ in range(10))
    tx.add(
        CodeRow(
            hash=_hash(code),
            person_id=person_id,
            person=person,
            created_by=by,
            created_at=tx.now,
            expires_at=tx.now + lasts,
        )
    )
    return f"{code[:5]}-{code[5:]}"


WHY_NOT: Final = {
    "code_wrong": N_(
        "That code is not valid. It may have been used already or be too old: please ask for a new one."
    ),
    "code_tries": N_("That was tried too often. Please come back tomorrow, or ask for help."),
}


def use_code(tx: Tx, code: str, channel: str, sender: str) -> Person:
    """Let the account in. Raises Refused("code_wrong" | "code_tries")."""
    tries = f"tries:{visitor_id(channel, sender)}:{tx.now:%Y-%m-%d}"
    row = tx.get(CodeRow, _hash(code))
    if count(tx, tries) > MAX_TRIES:
        raise Refused("code_tries")
    if row is None:
        raise Refused("code_wrong")
    codes = table(CodeRow)
    tx.session.flush()
    won = tx.change(
        update(codes)
        .where(codes.c.hash == row.hash, codes.c.used_at.is_(None), codes.c.expires_at > tx.now)
        .values(used_at=tx.now, used_by=f"{channel}:{sender}"[:200])
    )
    maker = tx.services.company.person(row.created_by)
    if not won or maker is None:
        raise Refused("code_wrong")
    if row.person_id is not None:
        person = tx.services.company.person(row.person_id)
        if person is None:
            raise Refused("code_wrong")
    else:
        person = add_member(tx, row.created_by, dict(row.person or {}))
    add_account(tx, person, channel, sender, row.created_by)
    leaving.tell_founder(tx, person, channel, sender, row.created_by, new=row.person_id is None)
    return person
