"""A pressed button on a card that belongs to no ticket."""

from __future__ import annotations

from dataclasses import dataclass

from core.actors import Actor, Reader
from core.company.schema import Person
from core.errors import Refused
from core.inbound import Tap
from core.store.tables import ButtonRow


@dataclass(frozen=True)
class StandalonePress:
    tapped: Tap
    button: ButtonRow
    subject: str
    """What the card is about."""
    person: Person | None
    reader: Reader

    def actor(self) -> Actor:
        """Raises Refused for somebody who is no member of the team."""
        if self.person is None:
            raise Refused("unknown_button")
        return Actor(self.person.id, self.tapped.channel)
