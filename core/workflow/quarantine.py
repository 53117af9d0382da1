"""What could not be worked on: kept, shown to the founder, never in the way."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog

from core import lanes
from core.actors import Reader
from core.cards.quarantined import QuarantinedSnapshot, quarantined
from core.cards.view import CardDraft
from core.context import Tx
from core.errors import Refused
from core.inbound import Message
from core.model import Address, InboxStatus
from core.outbox import card_publisher
from core.store.frozen import frozen
from core.store.tables import InboxRow
from core.team.people import reader_for

log = structlog.get_logger(__name__)


def quarantine(tx: Tx, inbox_id: str, error: str) -> None:
    """Five attempts failed: out of the way of the next message, and in front of the founder (W4)."""
    row = tx.get(InboxRow, inbox_id)
    if row is None or row.status != InboxStatus.ACCEPTED:
        return
    row.status, row.error = InboxStatus.QUARANTINED, error
    log.error("message_quarantined", inbox=inbox_id, channel=row.channel)
    founder = card_publisher.readers_of(tx, tx.services.company.founder)
    card_publisher.post_own(tx, "quarantine", inbox_id, _card(tx, row), founder)
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


def _card(tx: Tx, row: InboxRow) -> Callable[[Reader], CardDraft]:
    seen = frozen(QuarantinedSnapshot, row, text=_words_of(row, tx))
    return partial(quarantined, seen, tx.now)


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


def discard(tx: Tx, inbox_id: str) -> None:
    """Leave it. Raises Refused("gone")."""
    row = _quarantined_row(tx, inbox_id)
    row.status = InboxStatus.DISCARDED


def _quarantined_row(tx: Tx, inbox_id: str) -> InboxRow:
    row = tx.get(InboxRow, inbox_id)
    if row is None or row.status != InboxStatus.QUARANTINED:
        raise Refused("gone")
    return row


def draw_later(tx: Tx, row: InboxRow) -> None:
    """Somebody has decided about it."""
    tx.before_commit(
        f"quarantine:{row.id}", lambda: card_publisher.redraw_own(tx, "quarantine", row.id, _card(tx, row))
    )
