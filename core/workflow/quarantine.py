"""What could not be worked on: kept, shown to the founder, never in the way."""

from __future__ import annotations

from typing import assert_never

import structlog

from core import lanes
from core.actors import Reader
from core.cards.card import Fact, Section
from core.cards.view import ButtonDraft, CardDraft
from core.context import Tx
from core.errors import Refused
from core.i18n import N_
from core.inbound import Message
from core.model import Address, InboxStatus
from core.outbox import card_publisher
from core.store.tables import InboxRow
from core.team.people import reader_for
from core.text import escape, shorten

log = structlog.get_logger(__name__)


def quarantine(tx: Tx, inbox_id: str, error: str) -> None:
    """Five attempts failed: out of the way of the next message, and in front of the founder (W4)."""
    row = tx.get(InboxRow, inbox_id)
    if row is None or row.status != InboxStatus.ACCEPTED:
        return
    row.status, row.error = InboxStatus.QUARANTINED, error
    log.error("message_quarantined", inbox=inbox_id, channel=row.channel)
    founder = card_publisher.readers_of(tx, tx.services.company.founder)
    card_publisher.post_own(tx, "quarantine", inbox_id, lambda reader: _quarantined(row, reader, tx), founder)
    # The sender may be anybody in any language here: the row itself was what could not be read.
    reader = reader_for(tx, tx.services.company.person(row.person_id))
    card_publisher.say(
        tx,
        Address(row.channel, row.conversation_id),
        reader.words(
            "I could not work on this message. It is kept, and {who} has been told.",
            who=tx.services.company.founder.name,
        ),
    )


def _quarantined(row: InboxRow, reader: Reader, tx: Tx) -> CardDraft:
    words = reader.words
    text = shorten(escape(_words_of(row, tx)), 500)
    live = row.status == InboxStatus.QUARANTINED
    match row.status:
        case InboxStatus.QUARANTINED:
            lead = N_("I failed on this message five times. It is kept. Try again, or discard it?")
        case InboxStatus.DISCARDED:
            lead = N_("Discarded. The message itself is kept in the records.")
        case InboxStatus.ACCEPTED | InboxStatus.PROCESSED | InboxStatus.HELD:
            lead = N_("Taken up again.")
        case _:
            assert_never(row.status)
    return CardDraft(
        title=words("A message I cannot work on"),
        lead=words(lead),
        state="asking" if live else "done",
        facts=(
            Fact(label=words("Received"), value=words.time(row.received_at, tx.now)),
            Fact(label=words("Error"), value=shorten(row.error or "", 160)),
        ),
        sections=(Section(title=words("Message"), text=text),) if text else (),
        buttons=(
            ButtonDraft("retry", words("Try again"), "primary"),
            ButtonDraft("discard", words("Discard"), "danger"),
        )
        if live
        else (),
    )


def _words_of(row: InboxRow, tx: Tx) -> str:
    """What the message says, as far as it can be read at all."""
    try:
        inbound = tx.services.channels[row.channel].parse(row.payload)
    except Exception:  # reading it may be what fails
        return str(row.payload)
    return inbound.text if isinstance(inbound, Message) else ""


def retry(tx: Tx, inbox_id: str) -> None:
    """Work on it once more. Raises Refused("gone")."""
    row = _quarantined_row(tx, inbox_id)
    row.status, row.error = InboxStatus.ACCEPTED, None
    lanes.read(tx, row.id, Address(row.channel, row.conversation_id))
    _redraw(tx, row)


def discard(tx: Tx, inbox_id: str) -> None:
    """Leave it. Raises Refused("gone")."""
    row = _quarantined_row(tx, inbox_id)
    row.status = InboxStatus.DISCARDED
    _redraw(tx, row)


def _quarantined_row(tx: Tx, inbox_id: str) -> InboxRow:
    row = tx.get(InboxRow, inbox_id)
    if row is None or row.status != InboxStatus.QUARANTINED:
        raise Refused("gone")
    return row


def _redraw(tx: Tx, row: InboxRow) -> None:
    card_publisher.redraw_own(tx, "quarantine", row.id, lambda reader: _quarantined(row, reader, tx))
