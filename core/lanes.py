"""Whose turn it is: the one place that knows the lane of a conversation and the name of its task.

Jobs of one lane run one at a time and in order; that promise hangs on every part of the house naming the lane alike."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from core.context import Tx
from core.model import Address
from core.store import deadlines
from core.store.deadlines import Due

READ: Final = "process"
"""The job that works on an inbox row (core.intake.job)."""
LOOK: Final = "look"
"""The job that answers a reading command (core.intake.looking)."""
DELIVER: Final = "deliver"
"""The job that makes one call to a conversation (core.outbox.delivery)."""
JOB_DUE: Final = "job"
"""The timer that owes a job when it fires."""


def read(tx: Tx, inbox_id: str, source: Address, at: datetime | None = None) -> None:
    """Owe the reading of an inbox row, behind whatever came from `source` before; not before `at`."""
    _owe(tx, READ, {"inbox": inbox_id}, f"in:{source}", inbox_id, at)


def read_apart(tx: Tx, inbox_id: str) -> None:
    """Owe the reading of an inbox row that waits behind nothing: somebody may be in danger."""
    _owe(tx, READ, {"inbox": inbox_id}, f"danger:{inbox_id}", inbox_id, None)


def look(tx: Tx, inbox_id: str, source: Address) -> None:
    """Owe the answer to a reading command, behind whatever came from `source` before."""
    _owe(tx, LOOK, {"inbox": inbox_id}, f"in:{source}", inbox_id, None)


def deliver(tx: Tx, outbox_id: str, to: Address, at: datetime | None = None) -> None:
    """Owe the delivery of an outbox row, behind whatever goes to `to` before it; not before `at`. It is a permission for
    that conversation alone: two lanes never write to the same one."""
    args = {"outbox": outbox_id, "to": to.conversation_id}
    _owe(tx, DELIVER, args, f"out:{to}", outbox_id, at)


def later(tx: Tx, task: str, args: dict[str, Any], *, lane: str, subject: str, at: datetime | None) -> None:
    """Owe `task` about `subject` from `at` on (None: at once)."""
    _owe(tx, task, args, lane, subject, at)


def at_once(tx: Tx, subject: str) -> None:
    """What was owed about `subject` for later is not waited for any more: it is owed anew."""
    deadlines.cancel(tx, subject, JOB_DUE)


def _owe(tx: Tx, task: str, args: dict[str, Any], lane: str, subject: str, at: datetime | None) -> None:
    """Nothing waits inside a lane: a job for later is a timer's row until then, or it would hold up every job of its
    lane that comes after it."""
    if at is None or at <= tx.now:
        tx.services.jobs.defer(tx, task, args, lane=lane)
    else:
        deadlines.schedule(tx, JOB_DUE, subject, at, task=task, args=args, lane=lane)


def on_job_due(tx: Tx, due: Due) -> None:
    """Its time has come: now it is owed at once."""
    tx.services.jobs.defer(tx, due.args["task"], due.args["args"], lane=due.args["lane"])
