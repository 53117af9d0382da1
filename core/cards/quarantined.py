"""A message that could not be worked on, as the founder sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from core.actors import Reader
from core.cards.card import Fact, Section
from core.cards.view import ButtonDraft, CardDraft
from core.i18n import N_
from core.model import InboxStatus
from core.text import escape, shorten


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantinedSnapshot:
    status: InboxStatus
    received_at: datetime
    error: str | None
    text: str
    """What the message says, as far as it can be read at all."""


def quarantined(seen: QuarantinedSnapshot, now: datetime, reader: Reader) -> CardDraft:
    words = reader.words
    text = shorten(escape(seen.text), 500)
    live = seen.status == InboxStatus.QUARANTINED
    match seen.status:
        case InboxStatus.QUARANTINED:
            lead = N_("I failed on this message five times. It is kept. Try again, or discard it?")
        case InboxStatus.DISCARDED:
            lead = N_("Discarded. The message itself is kept in the records.")
        case InboxStatus.ACCEPTED | InboxStatus.PROCESSED | InboxStatus.HELD:
            lead = N_("Taken up again.")
        case _:
            assert_never(seen.status)
    return CardDraft(
        title=words("A message I cannot work on"),
        lead=words(lead),
        state="asking" if live else "done",
        facts=(
            Fact(label=words("Received"), value=words.time(seen.received_at, now)),
            Fact(label=words("Error"), value=shorten(seen.error or "", 160)),
        ),
        sections=(Section(title=words("Message"), text=text),) if text else (),
        buttons=(
            ButtonDraft("retry", words("Try again"), "primary"),
            ButtonDraft("discard", words("Discard"), "danger"),
        )
        if live
        else (),
    )
