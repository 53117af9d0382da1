"""The chat commands: the same words on every platform. Each acts with the rights of who typed it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from bot.commands import cost, people, system, tickets
from bot.commands.call import Call
from core.actors import Reader
from core.company.schema import Person
from core.context import Tx
from core.errors import Refused
from core.i18n import N_, Words
from core.model import Address
from core.text import shorten


def _help(call: Call) -> None:
    words = call.reader.words
    lines = [
        words("Write what is wrong and where. I find the vendor, ask whoever must decide, and keep at it.")
    ]
    for name, command in COMMANDS.items():
        examples = f" ({', '.join(command.examples)})" if command.examples else ""
        lines.append(f"{name} – {words(command.about)}{examples}")
    call.reply("\n".join(lines))


@dataclass(frozen=True)
class Command:
    run: Callable[[Call], None]
    about: str
    examples: tuple[str, ...] = ()
    """As they are typed; the same in every language."""


COMMANDS: Final = {
    "/help": Command(_help, N_("what I can do")),
    "/tickets": Command(tickets.tickets, N_("the open tickets")),
    "/ticket": Command(tickets.ticket, N_("one ticket with its history"), ("/ticket T-1001",)),
    "/approve": Command(tickets.approve, N_("show a card again with its buttons"), ("/approve T-1001",)),
    "/ack": Command(tickets.ack, N_("“I have it”"), ("/ack T-1001",)),
    "/resolve": Command(
        tickets.resolve, N_("“it is done”, with what it cost in USD"), ("/resolve T-1001 132 new drain pan",)
    ),
    "/brain": Command(system.brain, N_("ask what we know"), ("/brain AC Taipei",)),
    "/oncall": Command(
        people.oncall, N_("who is on, and who is on instead of me"), ("/oncall haru 8h", "/oncall me")
    ),
    "/status": Command(system.status, N_("how I am")),
    "/cost": Command(
        cost.cost,
        N_("what the models cost, in sums and as a picture"),
        ("/cost week", "/cost month Bali Villa"),
    ),
    "/report": Command(
        cost.statement,
        N_("what a property really cost, to be sent to its owner"),
        ("/report Bali Villa 2026-11",),
    ),
    "/corrections": Command(system.corrections, N_("what I was taught, and how to take it back")),
    "/lang": Command(
        people.lang,
        N_("my language for you"),
        ("/lang en", "/lang zh-TW", "/lang ja", "/lang id", "/lang es"),
    ),
    "/link": Command(people.link, N_("one more account of yours, with a code that works once")),
    "/invite": Command(people.invite, N_("a code for somebody new"), ("/invite Dewi bali_villa",)),
    "/bind": Command(people.bind, N_("this group is about one property"), ("/bind bali_villa", "/bind off")),
}


ALIASES: Final = {"/start": "/help"}
"""What platforms send by themselves when somebody opens the chat."""


def menu(language: str) -> list[tuple[str, str]]:
    """(command without its slash, what it does) for a platform's own menu."""
    words = Words(language, ZoneInfo("UTC"))
    return [(name.removeprefix("/"), words(command.about)) for name, command in COMMANDS.items()]


def run_command(
    tx: Tx, person: Person, address: Address, reader: Reader, text: str, room: str | None = None
) -> None:
    """Do the command in `text`, typed in the group `room` if any. Raises Refused with what to tell the person."""
    name, _, rest = text.strip().partition(" ")
    said = name.casefold().split("@")[0]
    command = COMMANDS.get(ALIASES.get(said, said))
    if command is None:
        raise Refused("unknown_command", name=shorten(name, 30))
    command.run(Call(tx, person, address, reader, " ".join(rest.split()), room))
