"""What each kind of timer does when its moment has come: the one table (core.store.alarm rings)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import structlog

from core import housekeeping, lanes
from core.asks import approvals as asked_approvals
from core.asks import asks
from core.context import Services, Tx
from core.i18n import N_
from core.model import TimerKind
from core.outbox import card_publisher
from core.skills import runner
from core.staff import handover
from core.store import deadlines
from core.store.deadlines import Due, Handler
from core.tickets.records import read_tickets
from core.workflow import approvals, dispatching, filing, learning_clock, memos, offer_answers

log = structlog.get_logger(__name__)

HANDLERS: Final[dict[TimerKind, Handler[Tx]]] = {
    "escalate": dispatching.on_escalate,
    "follow_up": dispatching.on_follow_up,
    "follow_up_silent": dispatching.on_follow_up_silent,
    "approval_remind": approvals.on_remind,
    "approval_deputy": approvals.on_deputy,
    "approval_lapse": approvals.on_lapse,
    "question_silent": filing.on_question_silent,
    "place_remind": filing.on_place_remind,
    "place_lapse": filing.on_place_lapse,
    "offer_silent": offer_answers.on_silent,
    runner.TIMER: runner.on_waited,
    memos.LAPSE: memos.on_lapse,
    asks.REMIND: asks.on_remind,
    asks.DEPUTY: asks.on_deputy,
    asked_approvals.LAPSE: asked_approvals.on_lapse,
    learning_clock.NIGHTLY: learning_clock.on_nightly,
    "cover_ends": handover.on_cover_ends,
    lanes.JOB_DUE: lanes.on_job_due,
    housekeeping.DAILY: housekeeping.on_daily,
}


def given_up(tx: Tx, deadline: Due) -> None:
    """A timer whose handler fails for ever is not dropped in silence."""
    card_publisher.tell(
        tx,
        tx.services.company.founder,
        lambda words: words(
            N_("A timer ({kind}) keeps failing and was stopped: {why}"),
            kind=deadline.kind,
            why=deadline.error or "",
        ),
    )


def on_jump(tx: Tx, by: timedelta) -> None:
    """The wall clock was set by so much (EmbeddedStore.heed_jumps): what would fire only for that is held, and what would
    be late for that is not."""
    deadlines.shift(tx, by)
    tx.on_commit(lambda: _jumped(tx.services, by))
    card_publisher.tell(
        tx,
        tx.services.company.founder,
        lambda words: words(
            N_(
                "⚠️ The clock of this machine was moved by {minutes} minutes. Reminders and deadlines go by the time "
                "that really passes. Please check the clock (NTP)."
            ),
            minutes=f"{by / timedelta(minutes=1):+.0f}",
        ),
    )


def _jumped(services: Services, by: timedelta) -> None:
    log.warning("clock_jumped", seconds=round(by.total_seconds()))
    for health in services.health.values():
        health.shift(by)


def prepare(tx: Tx, due: list[Due]) -> None:
    """Read ahead the tickets of `due` with their cards: nine queries for all of them, not for each."""
    tickets = read_tickets(tx, [one.subject for one in due])
    card_publisher.read_shown(tx, [ticket.ticket_id for ticket in tickets])
