"""What every unit of work may use, joined once by the composition root; and the store's two ports as the house sees them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from sqlalchemy.orm import Session

from core.actors import Reader
from core.clock import Clock, SystemClock
from core.company.company import Company
from core.company.schema import Person, Vendor
from core.errors import TryLater
from core.health import Health
from core.knowledge.questions import NOTHING_NEAR, Near, Vectors
from core.llm.port import Models
from core.media import Pictures
from core.model import Address
from core.ports import Channel
from core.speech.port import Transcriber
from core.store import ports
from core.store.unit import Unit
from core.triage.port import BaselineEngine, Understanding

RowChanged = Callable[["Tx", object], None]


@dataclass(frozen=True, slots=True)
class Typed:
    """A chat command as it was typed."""

    person: Person
    address: Address
    reader: Reader
    text: str
    room: str | None = None
    """The group it was typed in."""
    near: Near = NOTHING_NEAR
    """To what is asked in it, where it is a question."""
    raw: str = ""
    """`text` with its lines."""


class Commands(Protocol):
    """The chat commands, as the core sees them. Both raise Refused with what to tell the person."""

    def looks(self, text: str) -> bool:
        """The command in `text` only reads: it needs no write, and must not hold one up."""

    def question_in(self, text: str) -> str:
        """What is asked of all that the company knows; empty where nothing is."""

    def look(self, tx: Tx, typed: Typed) -> Callable[[Tx], None]:
        """Read on a snapshot; returns what is to be said, for a later write."""

    def run(self, tx: Tx, typed: Typed) -> None:
        """Do what it says, and say so."""


@dataclass
class Services:
    company: Company
    """As it is now: the files of `written`, and who joined through chat."""
    jobs: Jobs
    baseline: BaselineEngine
    """The offline engine: it always answers, and at once."""
    emergency: dict[str, dict[str, str]]
    """Country code -> {fire_medical, police}; "" for any other country."""
    commands: Commands
    row_changed: RowChanged
    """What follows from a row that was written: core.row_changes."""
    models: Models | None = None
    """None: no model is configured; the house works by rule."""
    transcriber: Transcriber | None = None
    vectors: Vectors | None = None
    """None: nobody makes them, and everything is found by its words."""
    escalate_after: int | None = None
    clock: Clock = field(default_factory=SystemClock)
    company_folder: Path = Path("company")
    loop_folder: Path = Path("loop")
    media: Path = Path("media")
    """The folder of photos and voice notes."""
    pictures: Pictures = field(default_factory=Pictures)
    """Opens what lies there, one at a time."""
    budget_usd: Decimal = Decimal(500)
    """For models, embeddings and speech in a month."""
    keep_sent: timedelta | None = timedelta(days=1)
    """So long what was sent is kept; None: for ever."""
    keep_received: timedelta | None = None
    """So long what came in and was worked on is kept beside the tickets; None: for ever."""
    learn_at: time | None = None
    """By the founder's clock; None: only when it is asked to."""
    keep_media: timedelta | None = None
    """So long photos and voice notes are kept after their ticket has ended; None: for ever."""
    base_url: str | None = None
    """Where the world reaches us; None: it does not."""
    url: str = ""
    """Where we are reached, from this machine at least; no slash at its end."""
    channels: dict[str, Channel] = field(default_factory=dict)
    health: dict[str, Health] = field(default_factory=dict)
    """By channel, and of the database."""
    secret: bytes = b""
    """Signs the links that let a vendor answer; made once per home."""
    linked: Collection[str] = ()
    """Channels of our own on which a vendor's account is their id (the page behind such a link)."""
    played: Collection[str] = ()
    """Channels of our own on which a person's account is their id (the demo's chat page)."""
    proved: Collection[str] = ()
    """Channels of our own on which a credential has proved who speaks: an account is their id, and nothing is sent there."""
    written: Company = field(init=False)
    understanding: Understanding = field(init=False)
    """What reads messages: a model above the floor where one is configured."""

    def __post_init__(self) -> None:
        self.written = self.company
        self.understanding = self.baseline

    @property
    def metered(self) -> bool:
        """There is somebody to whom a call costs money."""
        return self.models is not None or self.transcriber is not None

    def channel(self, name: str) -> Channel:
        """Raises TryLater where it was configured once and is not now: what is for it is kept, should it come back."""
        found = self.channels.get(name)
        if found is None:
            raise TryLater(f"the channel {name} is not configured", timedelta(minutes=5))
        return found

    def person_at(self, channel: str, platform_id: str) -> Person | None:
        """The team member behind an account that the channel proved."""
        if (channel in self.played or channel in self.proved) and (
            person := self.company.person(platform_id)
        ) is not None:
            return person
        return self.company.person_at(channel, platform_id)

    def person_of(self, address: Address) -> Person | None:
        """Whoever is written to directly at `address`, in a thread there too."""
        account = address.conversation_id
        return self.person_at(address.channel, account) or self.person_at(
            address.channel, account.partition(":")[0]
        )

    def vendor_at(self, channel: str, platform_id: str) -> Vendor | None:
        if channel in self.linked:
            return self.company.vendor(platform_id)
        return self.company.vendor_at(channel, platform_id)

    def addresses_of(self, person: Person) -> list[Address]:
        """Every account of `person` on the channels that are there: a direct conversation bears its id."""
        played = [(channel, person.id) for channel in self.played]
        accounts = [*self.company.accounts_of(person), *played]
        return [Address(channel, one) for channel, one in accounts if channel in self.channels]

    def answered_at(self, wrote_at: Address, sender: str) -> Address:
        """Where somebody is answered: where they wrote, or in their chat where they spoke through a program, to which
        nothing can be sent."""
        person = self.company.person(sender) if wrote_at.channel in self.proved else None
        own = self.addresses_of(person) if person is not None else []
        return own[0] if own else wrote_at

    def address_of_vendor(self, vendor: Vendor | None) -> Address | None:
        """Where a vendor can be written to directly."""
        if vendor is None:
            return None
        accounts = ((channel, one) for channel, ids in vendor.identities.items() for one in ids)
        return next((Address(channel, one) for channel, one in accounts if channel in self.channels), None)

    def unit(self, session: Session, now: datetime) -> Tx:
        """A unit of work that may use all this (for Store.bind)."""
        return Tx(session, now, services=self)


@dataclass(kw_only=True)
class Tx(Unit):
    """One unit of work of the house."""

    services: Services

    def row_changed(self, row: object) -> None:
        self.services.row_changed(self, row)


Store = ports.Store[Tx]
Jobs = ports.Jobs[Tx]
Task = ports.Task[Tx]
Happened = ports.Happened[Tx]
Commit = Callable[[Tx], None]
