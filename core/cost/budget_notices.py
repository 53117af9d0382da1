"""What the founder hears about the month's money: once each, in the commit that made it so."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal

import structlog

from core.context import Tx
from core.cost.budget import THRESHOLDS, Step, reached
from core.cost.months import Span, month_name
from core.i18n import N_, Words
from core.outbox import card_publisher
from core.outbox.said_once import first_time
from core.store.tables import Notice

log = structlog.get_logger(__name__)

SO_FAR = N_("{percent} % of this month's budget for models is used: {spent} of {budget}.")
AHEAD = N_(
    "When it is used up, the strong model steps down to the fast one, then my own engine does the work. No report waits."
)
TO_FAST = N_("The strong model does not fit into what is left: the fast one does its work.")
TO_OFFLINE = N_(
    "No model fits into what is left: my own engine does the work until {at}. Every report is still taken and answered."
)
MORE = N_("For more, set LOOPOS_BUDGET_USD and start me again.")


def spent(tx: Tx, amount: Decimal, budget: Decimal, month: Span) -> None:
    """Tell the highest threshold that `amount` has reached, unless it was told this month."""
    fresh = [one for one in reached(amount, budget) if _first(tx, month, str(one))]
    if not fresh:
        return
    if fresh[-1] < 100:
        then = TO_FAST if _told(tx, month, "fast") else AHEAD
        _tell(tx, amount, budget, fresh[-1], month, then)
    elif _first(tx, month, "offline"):
        _first(tx, month, "fast")
        _tell(tx, amount, budget, 100, month, TO_OFFLINE)


def stepped_down(tx: Tx, used: Decimal, budget: Decimal, step: Step, month: Span) -> None:
    """A call was refused, with `used` spent or set aside. Said once a month for each step; with it goes the threshold."""
    if not _first(tx, month, step):
        return
    percent = int((used * 100 / budget).to_integral_value(ROUND_CEILING)) if budget else 100
    for one in THRESHOLDS:
        if percent >= one:
            _first(tx, month, str(one))
    if step == "offline":
        _first(tx, month, "fast")
    log.warning("over_budget", used=str(used), budget=str(budget), step=step)
    _tell(tx, used, budget, percent, month, TO_OFFLINE if step == "offline" else TO_FAST)


def _key(month: Span, what: str) -> str:
    return f"budget:{month_name(month)}:{what}"


def _told(tx: Tx, month: Span, what: str) -> bool:
    return tx.get(Notice, _key(month, what)) is not None


def _first(tx: Tx, month: Span, what: str) -> bool:
    return not _told(tx, month, what) and first_time(tx, _key(month, what))


def _tell(tx: Tx, amount: Decimal, budget: Decimal, percent: int, month: Span, then: str) -> None:
    def text(words: Words) -> str:
        so_far = words(SO_FAR, percent=percent, spent=words.money(amount), budget=words.money(budget))
        after = words(then, at=words.time(month.end, tx.now))
        return "\n".join([so_far, after, *([] if then is AHEAD else [words(MORE)])])

    card_publisher.tell(tx, tx.services.company.founder, text)
