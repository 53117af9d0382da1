"""The test button's tap has come back."""

from __future__ import annotations

from functools import partial

from core.cards.check import check
from core.context import Tx
from core.outbox import card_publisher
from core.outbox.said_once import first_time


def confirm(tx: Tx, subject: str) -> None:
    """The tap has come back."""
    first_time(tx, f"checked:{subject}")
    card_publisher.redraw_own(tx, "check", subject, partial(check, pressed=True))
