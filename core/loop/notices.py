"""What the loop tells the founder of itself: what he must know to trust it, each once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import names
from core.actors import LOOPOS
from core.context import Tx
from core.i18n import N_
from core.loop import remembering
from core.outbox import card_publisher
from core.outbox.said_once import first_time
from core.store.loop_events import journal
from core.store.loop_tables import LoopIntent

GRACE: Final = timedelta(seconds=60)
"""A command that is still marked as running so long after its time died in the middle."""


def _tell(tx: Tx, sentence: str, /, **params: str) -> None:
    card_publisher.tell(tx, tx.services.company.founder, lambda words: words(sentence, **params))


def dead(session: Session, now: datetime) -> list[tuple[str, str]]:
    """(run, command) of those that died in the middle."""
    rows = session.scalars(select(LoopIntent)).all()
    return [(row.id, row.text) for row in rows if now - row.at > timedelta(seconds=row.within) + GRACE]


def died(name: str, text: str, tx: Tx) -> None:
    row = tx.get(LoopIntent, name)
    if row is not None:
        tx.session.delete(row)
        outcome_unknown(tx, name, text)


def outcome_unknown(tx: Tx, what: str, cmd: str) -> None:
    """Somebody died in the middle of it: it is told once, and tried by nobody."""
    journal(tx, LOOPOS.person_id, f"outcome unknown: {what} · {cmd}", failed=True)
    _tell(
        tx,
        N_("I stopped in the middle of this and do not know how it ended. I will not try it again: {text}"),
        text=cmd[:500],
    )


def commands(now: Mapping[str, str], tx: Tx) -> None:
    """config.json is the operator's word; what it lets run and did not before is told."""
    before = remembering.record(tx.session, remembering.COMMANDS)
    remembering.keep_record(tx, remembering.COMMANDS, now)
    changed = sorted(key for key in {**before, **now} if before.get(key) != now.get(key))
    if changed:
        _tell(tx, N_("What the loop may run was changed in config.json: {what}."), what=", ".join(changed))


def unreadable(tx: Tx) -> None:
    """Nothing is decided any more until a person says so."""
    if first_time(tx, remembering.DAMAGED):
        _tell(
            tx, N_("The loop's record of its last look is damaged, so it decides nothing. /up begins anew.")
        )


def restored(tx: Tx) -> None:
    journal(tx, names.PULSE, "PLAYBOOK was empty or gone and is as it was before", failed=True)
    _tell(tx, N_("PLAYBOOK.md of the loop was empty or could not be read. I put the last good one back."))


def welcome(tx: Tx) -> None:
    """The interview is over."""
    _tell(
        tx,
        N_(
            "Thank you, that is how I decide from now on. /playbook shows it; a goal begins with /goal write."
        ),
    )
