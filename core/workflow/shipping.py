"""What was adopted is owed as a file of the company and a commit; carried out by bot.shipping."""

from __future__ import annotations

from typing import Final, Literal

from sqlalchemy import select

from core.context import Tx
from core.lanes import JOB_DUE
from core.store.tables import Deadline, JobRow

SHIP: Final = "ship"
"""The job, and its lane: one at a time, since each is a commit."""
PUBLISH: Final = "publish"
"""The job that brings it to the company's remote, where there is one."""
What = Literal["skill", "rule", "memo"]


def owe(tx: Tx, what: What, name: str) -> None:
    """The file of `name` as it is adopted now; twice does nothing the second time."""
    tx.services.jobs.defer(tx, SHIP, {"what": what, "name": name}, lane=SHIP)


def publish(tx: Tx, what: What, name: str, version: int | None = None) -> None:
    """Its branch and pull request at the remote; `version`: of a skill's version that runs no more."""
    args = {"what": what, "name": name, "version": version}
    tx.services.jobs.defer(tx, PUBLISH, args, lane=f"publish:{name}")


def is_owed(tx: Tx, name: str) -> bool:
    """The job that ships it has not ended."""
    timers = select(Deadline.args).where(
        Deadline.kind == JOB_DUE, Deadline.fired_at.is_(None), Deadline.cancelled_at.is_(None)
    )
    owed = [one["args"] for one in tx.session.scalars(timers) if one.get("task") == SHIP]
    owed += tx.session.scalars(select(JobRow.args).where(JobRow.task == SHIP))
    return any(one.get("name") == name for one in owed)
