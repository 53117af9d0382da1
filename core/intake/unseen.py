"""Somebody whom the platform does not name speaks to us: an anonymous admin of a group on Telegram, a member of a group on
LINE who has not agreed to be known."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from core.context import Tx
from core.i18n import N_
from core.inbound import Message
from core.model import Triage
from core.outbox import card_publisher
from core.outbox.said_once import seldom
from core.store.tables import Binding
from core.team.people import reader_for
from core.text import escape, shorten
from core.workflow import filing

HOW: Final = {
    "telegram": N_(
        "I cannot see who you are: you write as the group. Please turn off “Remain anonymous” in your admin rights, or write to me directly; then I can help."
    ),
    "line": N_(
        "LINE does not tell me who you are. Please add me as a friend and write to me once, then write here again; then I can help."
    ),
}
"""How to be known, by channel."""
OTHERWISE: Final = N_("I cannot see who you are. Please write to me directly; then I can help.")
TOLD: Final = (3, timedelta(hours=1))
"""So often in so long is it said in one conversation."""


def wrote(tx: Tx, message: Message, triage: Triage) -> None:
    """They are told how to be known. Nothing is filed for somebody who is nobody; a danger is warned of, and the founder is
    told at once."""
    address = message.address
    reader = reader_for(tx, None, triage.language)
    if triage.dangerous:
        filing.warn(tx, address, reader, triage)
        bound = tx.get(Binding, (message.channel, message.room or ""))
        place = tx.services.company.place(bound.property_id if bound is not None else triage.property_id)
        text = shorten(escape(message.text), 500)
        card_publisher.tell(
            tx,
            tx.services.company.founder,
            lambda words: words(
                N_("⚠️ Somebody whom I cannot see writes ({where}): “{text}”"),
                where=place.name if place is not None else message.channel,
                text=text,
            ),
            urgency=card_publisher.Urgency.PRESSING,
        )
    if seldom(tx, f"unseen:{address}"[:160], *TOLD):
        card_publisher.say(tx, address, reader.words(HOW.get(message.channel, OTHERWISE)))
