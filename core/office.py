"""What every unit of work may use: joined once by the composition root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.company.company import Company
from core.company.schema import Person
from core.model import Address
from core.ports import Channel
from core.store.jobs import Jobs
from core.triage.port import Understanding

if TYPE_CHECKING:
    from core.desk.people import Reader
    from core.store.engine import Tx

CommandRunner = Callable[["Tx", Person, Address, "Reader", str], None]


@dataclass
class Office:
    company: Company
    jobs: Jobs
    understanding: Understanding
    emergency: dict[str, dict[str, str]]
    """Country code -> {fire_medical, police}; "" for any other country."""
    run_command: CommandRunner
    escalate_after: int | None = None
    channels: dict[str, Channel] = field(default_factory=dict)

    def addresses_of(self, person: Person) -> list[Address]:
        """Every identity of `person` on the channels that are up."""
        return [
            Address(channel.name, conversation)
            for channel in self.channels.values()
            for conversation in channel.conversations_of(person)
        ]
