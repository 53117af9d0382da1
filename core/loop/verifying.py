"""Whether a worker that ended did what it was to do: its check, once, after its end."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.asks import approvals
from core.context import Tx
from core.files import put
from core.loop.config import LoopConfig
from core.loop.house import LoopHouse
from core.loop.sensing import run_program
from core.loop.shell_gate import judge
from core.store.loop_events import happened, journal
from core.store.worker_tables import WorkerRow
from core.striking import struck
from core.workers.health import LIVE

log = structlog.get_logger(__name__)
KEPT: Final = 2048
"""Bytes of what a check printed."""


def owed(session: Session) -> list[tuple[int, str, str]]:
    """(run, worker, command) of those that ended unjudged, oldest first."""
    wanted = select(WorkerRow.run, WorkerRow.id, WorkerRow.verify_command).where(
        WorkerRow.verify_command != "", WorkerRow.verify.is_(None), WorkerRow.state.not_in(LIVE)
    )
    return [
        (run, worker, command) for run, worker, command in session.execute(wanted.order_by(WorkerRow.run))
    ]


async def verify(house: LoopHouse, config: LoopConfig) -> None:
    """As many as there is time for in one beat; the others with the next."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for run, worker, command in await house.store.read(owed):
        budget = config.verify_beat_budget_secs
        if budget and loop.time() - began >= budget:
            return
        passed = await _judged(house, config, worker, command)
        if passed is not None:
            await house.store.write(partial(_keep, run, worker, passed))


async def _judged(house: LoopHouse, config: LoopConfig, worker: str, command: str) -> bool | None:
    """None: it waits for a yes."""
    verdict = await asyncio.to_thread(judge, command, config.shell_allow, config.fetch_allow)
    if verdict.kind == "refused":
        return False
    if verdict.kind == "ask":
        state, _ = await house.store.read(lambda session: approvals.state_of(session, "verify", command))
        if state == "pending":
            return None
        if state not in approvals.ALLOWED:
            return False
    try:
        done = await run_program(
            ["bash", "-c", command],
            house.folder.path,
            house.env(config),
            within=float(config.verify_timeout_secs),
            most=KEPT,
            tail=True,
        )
    except OSError as error:
        log.warning("verify_not_started", worker=worker, why=error.strerror)
        return False
    text = struck(done.out + done.err, house.secrets).decode("utf-8", "replace")
    await asyncio.to_thread(put, house.folder.path / "sessions" / worker / "verify.log", text)
    return done.code == 0


def _keep(run: int, worker: str, passed: bool, tx: Tx) -> None:
    row = tx.get(WorkerRow, run)
    if row is not None and row.verify is None:
        row.verify = "pass" if passed else "fail"
        happened(tx, "workers")
        journal(tx, "pulse", f"verify {worker}: {row.verify}", failed=not passed)
