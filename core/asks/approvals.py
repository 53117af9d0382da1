"""What the loop or a worker would do and cannot be undone: the founder is shown it to the byte, his tap alone lets it happen, and
it happens once. Silence is no yes: after a day it lapses."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.asks import asks
from core.context import Tx
from core.model import SYSTEM, LoopActionKind
from core.store import deadlines
from core.store.deadlines import Due
from core.store.loop_events import TOPIC, happened, journal
from core.store.loop_tables import AskRow, LoopApproval
from core.store.tables import table
from core.text import escape

LAPSE: Final = "loop_approval_lapse"
LAPSES_AFTER: Final = timedelta(hours=24)
LAPSED: Final = "lapsed"
"""The answer that silence comes to."""
OPEN: Final = ("pending", "approved", "running")
ALLOWED: Final = ("approved", "running", "done")
SHOWN: Final = 2500
"""Characters of a payload on its card; its hash is of all of it."""


def digest(payload: str) -> str:
    return hashlib.sha256(payload.encode("utf-8", "surrogatepass")).hexdigest()


def put(
    tx: Tx,
    kind: LoopActionKind,
    payload: str,
    worker: str,
    *,
    why: str,
    more: Mapping[str, Any],
    channel: str = "loop",
    shown: str = "",
) -> LoopApproval:
    """Ask the founder for `payload`; the same of the same worker while it waits is the same question. `why`: what about it needs
    him; `shown`: what stands on the card in its place (a diff of it)."""
    sha = digest(payload)
    same = select(LoopApproval).where(
        LoopApproval.worker == worker,
        LoopApproval.kind == kind,
        LoopApproval.sha256 == sha,
        LoopApproval.state.in_(OPEN),
    )
    known = tx.session.scalar(same.limit(1))
    if known is not None:
        return known
    said = escape(shown or payload)[:SHOWN]  # what is escaped is longer
    cut = "\n…" if len(shown or payload) > SHOWN else ""
    kept = {**more, **({"shown": shown} if shown else {})}
    row = asks.ask(
        tx,
        worker,
        f"{kind} · {escape(why)[:500]}\n{said}{cut}\nsha256 {sha}",
        irreversible=True,
        channel=channel,
        kind="approval",
    )
    deadlines.schedule(tx, LAPSE, row.id, tx.now + LAPSES_AFTER)
    approval = tx.add(
        LoopApproval(
            ask_id=row.id,
            kind=kind,
            worker=worker,
            payload=payload,
            sha256=sha,
            more=kept,
            state="pending",
            at=tx.now,
            decided_at=None,
            code=None,
        )
    )
    tx.session.flush()
    asks.show(tx, row)
    return approval


def decided(tx: Tx, row: AskRow) -> None:
    """Its ask was answered: what is approved is carried out by the loop, which hears of it."""
    approval = tx.get(LoopApproval, row.id)
    if approval is None or approval.state != "pending":
        return
    approval.state = "approved" if row.answer == asks.YES_NO[0] else "rejected"
    approval.decided_at = row.read_at = tx.now
    deadlines.cancel(tx, row.id, LAPSE)
    if approval.state == "rejected":
        journal(tx, row.answered_by or SYSTEM, f"rejected {row.id}")
    tx.publish(TOPIC)


def on_lapse(tx: Tx, deadline: Due) -> None:
    row, approval = tx.get(AskRow, deadline.subject), tx.get(LoopApproval, deadline.subject)
    if row is None or approval is None or approval.state != "pending":
        return
    approval.state, approval.decided_at = LAPSED, tx.now
    row.answer, row.answered_by, row.answered_on = LAPSED, SYSTEM, None
    row.answered_at = row.read_at = tx.now
    journal(tx, SYSTEM, f"lapsed {row.id}")
    deadlines.cancel(tx, row.id, asks.REMIND)
    happened(tx, "asks")


def state_of(session: Session, kind: LoopActionKind, payload: str) -> tuple[str, str]:
    """(how the last question about exactly this stands, its id) of what is allowed by its content: a sensor, a verification;
    ("", "") where nobody was asked."""
    wanted = (
        select(LoopApproval.state, LoopApproval.ask_id)
        .where(LoopApproval.kind == kind, LoopApproval.sha256 == digest(payload))
        .order_by(LoopApproval.at.desc())
    )
    found = session.execute(wanted.limit(1)).first()
    return (found[0], found[1]) if found is not None else ("", "")


def take(tx: Tx, ask_id: str) -> bool:
    """It begins to run: true for exactly one of those who try."""
    rows = table(LoopApproval)
    begun = update(rows).where(rows.c.ask_id == ask_id, rows.c.state == "approved").values(state="running")
    return tx.change(begun) == 1


def finished(tx: Tx, ask_id: str, code: int, output: str) -> None:
    approval = tx.get(LoopApproval, ask_id)
    if approval is not None:
        approval.state = "done" if code == 0 else "failed"
        approval.code, approval.output = code, output[-4000:]
    tx.publish(TOPIC)


def died(tx: Tx) -> list[LoopApproval]:
    """Those in whose middle the last process died: nobody knows how they ended, and none is tried again."""
    rows = list(tx.session.scalars(select(LoopApproval).where(LoopApproval.state == "running")))
    for row in rows:
        row.state = "unknown"
    tx.session.flush()
    return rows
