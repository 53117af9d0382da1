"""The built-in worker: a loop of one action at a time by the strong tier. Its process only drives; each step is taken here, paid for
in the ledger and kept with what it did in one commit, so that a death in the middle repeats at most the asking.

Why no library takes its place stands in docs/decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from core.asks import asks
from core.context import Services, Store, Tx
from core.errors import LoopOSError, Refused
from core.i18n import Words
from core.llm.port import Ask, Unanswered
from core.metering import About
from core.phrases import refusal
from core.store.loop_events import happened
from core.store.loop_tables import AskRow
from core.store.worker_tables import WorkerRow
from core.workers import roster, tells, tools
from core.workers.health import LIVE
from core.workers.limits import go_on_question
from core.workers.steps import INSTRUCTIONS, Done, Memory, Outcome, Step, kept, limit_of, told
from core.workers.tools import Ground

WITHIN: Final = timedelta(seconds=120)
MISSES: Final = 10
"""So often in a row no model may answer."""
PAUSE: Final = 15.0
"""Seconds until it is tried again."""
NOBODY_THINKS: Final = 75
"""The exit code of a worker that no model answered."""
STOPPED: Final = 1
"""That of one that was told not to go on."""
READING: Final = frozenset({"company", "tickets", "ticket", "statement", "fetch"})
"""Of what they give the transcript says only how much it was."""
LONGEST_ANSWER: Final = 8_000
"""Tokens of one step: a report is one."""


@dataclass(frozen=True, slots=True)
class Builtin:
    store: Store
    services: Services
    folder: Path
    """The loop's."""
    fetch_allow: Sequence[str]
    budget_usd: Decimal
    """Of one run; 0: no bound."""
    secrets: frozenset[bytes] = frozenset()

    async def step(self, worker: str) -> Outcome:
        """Raises Refused("unknown_worker")."""
        begin = await self.store.write(lambda tx: self._begin(tx, worker))
        if isinstance(begin, Outcome):
            return begin
        row, memory = begin
        ground = Ground(
            self.store, self.services, self.folder, self.fetch_allow, worker, row.run, self.secrets
        )
        limit = limit_of(memory, row.spent, self.budget_usd)
        if limit:
            return await self.store.write(lambda tx: self._ask_to_go_on(tx, row.run, memory, limit))
        try:
            step = await self._decided(row, memory)
        except Unanswered as unanswered:
            spent, why = unanswered.why == "over_budget", str(unanswered)
            return await self.store.write(
                lambda tx: (
                    self._ask_to_go_on(tx, row.run, memory, "month_budget")
                    if spent
                    else self._missed(tx, row.run, memory, why)
                )
            )
        if step is None:  # only a lesser model is paid for any more
            return await self.store.write(lambda tx: self._ask_to_go_on(tx, row.run, memory, "month_budget"))
        memory = replace(memory, misses=0)
        finish = await tools.begin(ground, step)

        def take(tx: Tx) -> Outcome:
            known = self._live(tx, row.run)
            try:
                with tx.nested():
                    made = finish(tx)
            except Refused as refused:
                words = Words("en", self.services.company.founder.zone)
                made = tools.Made(f"refused: {refusal(refused, words, tx.now)}")
            except LoopOSError as error:
                made = tools.Made(f"failed: {error}")
            done = Done(step.action, step.said(), kept(made.result))
            after = replace(memory, steps=[*memory.steps, done])
            lines = [_line(after.taken, step, made.result)]
            if made.ticket_id and known.ticket_id is None:
                known.ticket_id, known.property_id = made.ticket_id, made.property_id
            if made.asked:
                after = replace(after, asked=made.asked, until=tx.now + timedelta(hours=made.hours))
                known.waits_for = _first_open(tx, made.asked)
            if made.ends:
                after = replace(after, ended=0)
            known.memory = after.to_json()
            if made.ends:
                return Outcome("end", lines)
            if known.waits_for:
                happened(tx, "workers")
                return Outcome("rest", [*lines, f"resting for {known.waits_for}"])
            return Outcome("go", lines)

        return await self.store.write(take)

    # --- before the model is asked

    def _live(self, tx: Tx, run: int) -> WorkerRow:
        row = tx.get(WorkerRow, run)
        if row is None or row.state not in LIVE:
            raise Refused("unknown_worker", worker=row.id if row is not None else "")
        return row

    def _begin(self, tx: Tx, worker: str) -> tuple[_Facts, Memory] | Outcome:
        """What came meanwhile is remembered: what it was told, and the answers that it rested for."""
        row = roster.live(tx.session, worker)
        if row is None:
            raise Refused("unknown_worker", worker=worker[:80])
        memory, lines = Memory.of(row.memory), []
        if memory.ended is not None:  # its process never heard that it is over
            return Outcome("end", code=memory.ended)
        if memory.asked:
            waits = _first_open(tx, memory.asked)
            if waits and (memory.until is None or tx.now < memory.until):
                row.waits_for = waits
                return Outcome("rest", [f"resting for {waits}"])
            memory, line = _answered(tx, memory, self.budget_usd)
            lines.append(line)
            if memory.ended is not None:
                row.memory = memory.to_json()
                return Outcome("end", [*lines, "stopped: it was told not to go on"], code=memory.ended)
        for text in tells.take(tx, worker):
            memory = replace(memory, steps=[*memory.steps, Done("told", {}, text)])
        row.memory, row.waits_for = memory.to_json(), ""
        spent = roster.spent(tx.session, row)
        return _Facts(row.run, row.id, row.prompt, row.ticket_id, row.property_id, spent), memory

    async def _decided(self, row: _Facts, memory: Memory) -> Step | None:
        """None: the month's money is spent, and nobody said that a lesser model may go on. Raises Unanswered."""
        models = self.services.models
        if models is None:
            raise Unanswered("off")
        now = self.services.clock.now().astimezone(self.services.company.founder.zone)
        ask = Ask(
            "strong",
            About("worker", row.property_id, row.ticket_id, worker_id=row.id, run_id=str(row.run)),
            f"{INSTRUCTIONS}\n\nYour task, from the founder or the loop:\n{row.prompt}",
            {
                "now": now.isoformat(timespec="minutes"),
                "steps_left": memory.allowed_steps - memory.taken,
                "you": row.id,
            },
            told(memory.steps),
            Step,
            most_tokens=LONGEST_ANSWER,
            most_said=20_000,
        )
        answer = await models.ask(ask, WITHIN)
        return None if answer.stepped_down == "over_budget" and not memory.past_month else answer.value

    # --- instead of a step

    def _ask_to_go_on(self, tx: Tx, run: int, memory: Memory, limit: str) -> Outcome:
        """Never beyond its bounds by itself: the founder says whether it goes on."""
        row = self._live(tx, run)
        question = go_on_question(tx, row, memory, limit, self.budget_usd)
        after = replace(memory, limit=limit, asked=[question.id], until=None)
        row.memory, row.waits_for = after.to_json(), question.id
        happened(tx, "workers")
        return Outcome("rest", [f"{limit}: asked {question.id}"])

    def _missed(self, tx: Tx, run: int, memory: Memory, why: str) -> Outcome:
        row = self._live(tx, run)
        misses = memory.misses + 1
        over = NOBODY_THINKS if misses >= MISSES else None
        row.memory = replace(memory, misses=misses, ended=over).to_json()
        if over is not None:
            return Outcome("end", [f"no model answered {MISSES} times: {why[:300]}"], code=over)
        return Outcome("wait", [f"no model answered: {why[:300]}"], seconds=PAUSE)


@dataclass(frozen=True, slots=True)
class _Facts:
    run: int
    id: str
    prompt: str
    ticket_id: str | None
    property_id: str | None
    spent: Decimal


def _first_open(tx: Tx, asked: Sequence[str]) -> str:
    """The first of these questions that nobody has answered; "": none."""
    rows = [tx.get(AskRow, one) for one in asked]
    return next((row.id for row in rows if row is not None and row.answered_at is None), "")


def _answered(tx: Tx, memory: Memory, budget: Decimal) -> tuple[Memory, str]:
    """Its questions and what came of them, as a step; a bound that was asked about is moved, or it ends."""
    rows = [row for one in memory.asked if (row := tx.get(AskRow, one)) is not None]
    said = []
    for row in rows:
        row.read_at = row.read_at or (tx.now if row.answer is not None else None)
        who = asks.name_of(tx, row.answered_by) if row.answer is not None else ""
        said.append(
            f"{row.prompt}\n-> {who}: {row.answer}"
            if row.answer is not None
            else f"{row.prompt}\n-> nobody answered in time"
        )
    step = Done("answers", {"to": [row.id for row in rows]}, kept("\n\n".join(said)))
    after = replace(memory, steps=[*memory.steps, step], asked=[], until=None, limit="")
    line = f"answered: {'; '.join(f'{row.id} {row.answer or chr(8211)}' for row in rows)}"
    if not memory.limit:
        return after, line
    yes = bool(rows) and rows[0].answer == rows[0].options[0]
    if not yes:
        return replace(after, ended=STOPPED), line
    if memory.limit == "steps":
        return replace(after, allowed_steps=memory.allowed_steps * 2), line
    if memory.limit == "worker_budget":
        allowed = memory.allowed_usd if memory.allowed_usd is not None else budget
        return replace(after, allowed_usd=allowed + budget), line
    return replace(after, past_month=True), line


def _line(number: int, step: Step, result: str) -> str:
    first = result.strip().splitlines()[0][:200] if result.strip() else "-"
    if step.action in READING and not first.startswith(("refused: ", "failed: ")):
        first = f"{len(result)} characters"
    why = f" ({step.why[:200]})" if step.why else ""
    return f"{number}. {step.action}{why}: {first}"
