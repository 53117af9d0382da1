"""Commands about people: who is on, who may join, which account is whose, which group is about what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from bot.commands.call import Call
from core import phrases
from core.acts.commands import (
    BindGroup,
    ChooseLanguage,
    EndOnCall,
    Invite,
    MakeLinkCode,
    RemovePerson,
    SetOnCall,
    UnbindGroup,
    UnlinkAccount,
)
from core.company.schema import Person, Property
from core.dispatch.quiet_hours import is_quiet, next_working_moment
from core.errors import Refused
from core.model import LANGUAGES, Role
from core.staff import handover
from core.team.people import reader_for
from core.team.rights import Right
from core.text import escape, normal, shorten
from core.tickets.records import current_dispatch, open_tickets

_HOURS: Final = re.compile(r"^(\d{1,3})h$")
LINK_MINUTES: Final = 10
BACK: Final = frozenset({"me", "back", "off"})


def oncall(call: Call) -> None:
    """Who is on; `/oncall haru 8h` puts Haru on for what is mine, `/oncall haru bali_villa` for one property, `/oncall
    me` ends it."""
    said = call.words_after.split()
    if not said:
        _show_oncall(call)
        return
    tx, company, words = call.tx, call.tx.services.company, call.reader.words
    places = [place.id for one in said if (place := _place(call, one)) is not None]
    mine = [one.id for one in company.properties if _is_mine(call, one.id)]
    if said[0].casefold() in BACK:
        ended = call.do(EndOnCall(tuple(places or mine)))
        back = dict.fromkeys(
            one.name
            for place in ended
            if (one := call.tx.services.written.on_site(place)) is not None and one.id != call.person.id
        )
        if back:
            call.reply(words("{who} is on again.", who=words.join(list(back))))
        else:
            call.reply(words("You are on again.") if ended else words("Nobody was on instead of you."))
        return
    person = _person(company.team, said[0])
    if person is None:
        raise Refused("unknown_person", name=said[0][:40])
    if not places and not mine:
        raise Refused("which_property")
    hours = next((int(found[1]) for one in said if (found := _HOURS.match(one.casefold()))), None)
    until = tx.now + timedelta(hours=hours) if hours else None
    call.do(SetOnCall(person.id, tuple(places or mine), until))
    names = words.join([place.name for one in places or mine if (place := company.place(one)) is not None])
    if until is None:
        call.reply(words("{who} is on for {places} now.", who=person.name, places=names))
        return
    at = words.time(until, tx.now)
    call.reply(words("{who} is on for {places} until {at}.", who=person.name, places=names, at=at))


def _is_mine(call: Call, property_id: str) -> bool:
    """What the person is on for, now or by team.json."""
    now, written = (
        services.on_site(property_id) for services in (call.tx.services.company, call.tx.services.written)
    )
    return call.person.id in {one.id for one in (now, written) if one is not None}


def _person(team: Sequence[Person], said: str) -> Person | None:
    wanted = normal(said.removeprefix("@"))
    return next((one for one in team if wanted in {one.id, normal(one.name)}), None)


def _place(call: Call, said: str) -> Property | None:
    wanted = normal(said)
    every = call.tx.services.company.properties
    return next((one for one in every if wanted in {one.id, *map(normal, [one.name, *one.aliases])}), None)


def _show_oncall(call: Call) -> None:
    words, company, now = call.reader.words, call.tx.services.company, call.tx.now
    lines = []
    covers = handover.covers(call.tx)
    for place in company.properties:
        person = company.on_site(place.id) or company.founder
        line = f"{place.name}: {person.name}"
        if place.id in covers:
            until = covers[place.id].until
            line += " – " + (
                words("instead of {who}", who=owner.name)
                if (owner := call.tx.services.written.on_site(place.id)) is not None
                else ""
            )
            if until is not None:
                line += " " + words("until {at}", at=words.time(until, now))
        if is_quiet(person, now):
            line += " – " + words("off until {at}", at=words.time(next_working_moment(person, now, 1), now))
        backup = company.person(person.backup)
        if backup:
            line += " · " + words("backup {who}", who=backup.name)
        lines.append(line)
    for ticket in open_tickets(call.tx):
        dispatch = current_dispatch(ticket)
        holder = dispatch.acknowledged_by if dispatch else None
        has_it = company.name_of(holder) if holder else words("nobody yet")
        lines.append(f"{ticket.ticket_id} → {has_it}")
    call.reply("\n".join(lines))


def lang(call: Call) -> None:
    wanted = next((code for code in LANGUAGES if code.casefold() == call.words_after.casefold()), None)
    if wanted is None:
        call.reply(
            call.reader.words("Choose one: {choices}. For example /lang ja", choices=", ".join(LANGUAGES))
        )
        return
    call.do(ChooseLanguage(wanted))
    call.tx.session.flush()
    call.reply(reader_for(call.tx, call.person).words("From now on I write to you in English."))


def link(call: Call) -> None:
    """A code with which one more account becomes this person's."""
    if call.words_after:
        raise Refused("known_already")
    code = call.do(MakeLinkCode(LINK_MINUTES))
    call.reply_alone(
        call.reader.words(
            "Write this to me from your other account, within 10 minutes. It works once: /link {code}",
            code=code,
        )
    )


def invite(call: Call) -> None:
    """`/invite Dewi bali_villa [lead]`: a code that makes somebody new a member of the team."""
    said = call.words_after.split()
    if not said:
        call.require(Right.INVITE)
        raise Refused("text_needed")
    places = [place for one in said[1:] if (place := _place(call, one)) is not None]
    role = Role.LEAD if "lead" in {one.casefold() for one in said[1:]} else Role.OPS
    place = places[0] if places else None
    name = shorten(escape(said[0]), 60)
    code = call.do(
        Invite(
            name,
            role.value,
            languages=(place.language if place is not None else call.reader.language,),
            properties=tuple(one.id for one in places),
            timezone=place.timezone if place is not None else call.person.timezone,
        )
    )
    call.reply_alone(
        call.reader.words(
            "Give this to {name}: it works once, within two days. They write it to me on Slack, Telegram or LINE: /link {code}",
            name=name,
            code=code,
        )
    )


def team(call: Call) -> None:
    """Who is of the team; `/team remove haru`, `/team unlink telegram 1002` take back what was given."""
    said = call.words_after.split()
    words, company = call.reader.words, call.tx.services.company
    if not said:
        _show_team(call)
        return
    match [said[0].casefold(), *said[1:]]:
        case ["remove", *name] if name:
            person = _person(company.team, " ".join(name))
            if person is None:
                raise Refused("unknown_person", name=" ".join(name)[:40])
            call.do(RemovePerson(person.id))
            call.reply(words("{name} is of the team no more.", name=person.name))
        case ["unlink", channel, account]:
            call.do(UnlinkAccount(channel.casefold(), account))
            call.reply(words("That account is nobody's any more."))
        case _:
            raise Refused("team_how")


def _show_team(call: Call) -> None:
    words, company = call.reader.words, call.tx.services.company
    is_founder = call.person.id == company.founder.id
    lines = []
    for person in company.team:
        places = [place.name for one in person.properties if (place := company.place(one)) is not None]
        mine = [
            f"{channel} {account}" if is_founder else channel
            for channel, account in company.accounts_of(person)
        ]
        parts = [f"{person.name} ({person.id})", phrases.label(phrases.ROLE, person.role, words)]
        parts += [one for one in (words.join(places), words.join(list(dict.fromkeys(mine)))) if one]
        lines.append(" · ".join(parts))
    call.reply_alone("\n".join(lines)) if is_founder else call.reply("\n".join(lines))


def bind(call: Call) -> None:
    """This group is about one property: there every message counts, and nobody has to name it. `/bind off` ends it."""
    words = call.reader.words
    call.require(Right.BIND)
    if call.room is None:
        raise Refused("only_in_group")
    if call.words_after.casefold() == "off":
        call.do(UnbindGroup(call.address.channel, call.room))
        call.reply(words("From now on I only listen here when I am mentioned."))
        return
    place = _place(call, call.words_after)
    if place is None:
        raise Refused("which_property")
    call.do(BindGroup(call.address.channel, call.room, place.id))
    call.reply(words("This group is about {place} now: I read every message here.", place=place.name))
