"""Where a worker has used up what it was given, a person says whether it goes on."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from core.asks import asks
from core.context import Tx
from core.i18n import N_, Words
from core.money import usd
from core.store.loop_tables import AskRow
from core.store.worker_tables import WorkerRow
from core.workers import roster
from core.workers.steps import Memory

REACHED: Final = {
    "steps": N_("{worker} has taken {steps} steps and is not done. Shall it go on? So far {spent} USD. Its last step: {last}"),
    "worker_budget": N_("{worker} has spent {spent} USD, as much as it was given. Shall it go on with as much again? Its last step: {last}"),
    "month_budget": N_("This month's money for models is spent, so {worker} rests. Shall it try again? Its last step: {last}"),
}  # fmt: skip
GO_ON: Final = N_("Go on")
STOP: Final = N_("Stop it")


def go_on_question(tx: Tx, row: WorkerRow, memory: Memory, limit: str, budget: Decimal) -> AskRow:
    """Put to the founder in his language; the first answer lets it go on."""
    founder = tx.services.company.founder
    words = Words(founder.languages[0], founder.zone)
    last = memory.steps[-1].action if memory.steps else "–"
    text = words(
        REACHED[limit], worker=row.id, steps=memory.taken, spent=usd(roster.spent(tx.session, row)), last=last
    )
    return asks.ask(tx, row.id, text, options=[words(GO_ON), words(STOP)], channel="loop")
