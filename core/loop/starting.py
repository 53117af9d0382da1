"""Starting a worker through the gate: what is run in its place, and what judges it afterwards, is shell text like any other."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from core.asks import approvals
from core.context import Tx
from core.loop.config import LoopConfig
from core.loop.house import LoopHouse
from core.loop.judging import NotDone, judged
from core.model import LoopActionKind
from core.workers.fleet import PROMPT_FILE, Order


@dataclass(frozen=True, slots=True)
class Started:
    asked: str = ""
    """The question that stands in the place of the start."""
    verify_asked: str = ""
    """It runs; whether its check may is asked."""


async def start(house: LoopHouse, order: Order, config: LoopConfig, by: str) -> Started:
    """Raises Refused as core.workers.fleet.Fleet.start, and NotDone."""
    verify_asked = ""
    if order.verify:
        verify_asked = await _asked(house, config, "verify", order.verify, order, by)
    if order.command:
        text = order.command.replace(PROMPT_FILE, "prompts/prompt.md")
        asked = await _asked(house, config, "command", order.command, order, by, shown=text)
        if asked:
            return Started(asked)
    await house.fleet.start(order)
    return Started("", verify_asked)


async def _asked(
    house: LoopHouse,
    config: LoopConfig,
    kind: LoopActionKind,
    text: str,
    order: Order,
    by: str,
    shown: str = "",
) -> str:
    """The question that `text` waits for; "": it may run. Once per content."""
    verdict = await judged(shown or text, config)
    if verdict.kind == "reversible":
        return ""

    def put(tx: Tx) -> str:
        state, ask_id = approvals.state_of(tx.session, kind, text)
        if state in approvals.ALLOWED:
            return ""
        more: dict[str, Any] = {
            "reason": order.id,
            "why": verdict.why,
            "journal": f"start-worker {order.id}" if kind == "command" else f"check of {order.id} may run",
            "order": asdict(order),
        }
        if state == "pending" and kind == "verify":
            return ask_id
        return approvals.put(tx, kind, text, by, why=f"{order.id}: {verdict.why}", more=more).ask_id

    return await house.store.write(put)


async def approved(house: LoopHouse, more: dict[str, Any]) -> tuple[int, str]:
    """The founder said yes to the command of a worker that was to be started: (exit code, what went wrong)."""
    try:
        await house.fleet.start(Order(**more["order"]))
    except (NotDone, TypeError, KeyError) as error:
        return 1, str(error)
    return 0, ""
