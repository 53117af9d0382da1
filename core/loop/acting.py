"""Carrying out one move. Code says what may happen by itself; whatever cannot be undone, or is not known to be harmless, becomes a
question with the exact text in it, and happens once, from its row, after the founder's tap."""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import json
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, NoReturn

from core import names
from core.actors import ROUTINE
from core.acts import commands as do
from core.acts.table import perform
from core.asks import approvals, asks
from core.context import Tx
from core.errors import Refused
from core.files import put
from core.i18n import N_
from core.loop import interview, notices, schedules
from core.loop.config import LoopConfig
from core.loop.house import LoopHouse
from core.loop.judging import NotDone, judged
from core.loop.moves import (
    Act,
    ArchiveGoal,
    AskPeople,
    DropSchedule,
    KillWorker,
    Move,
    Noop,
    Notify,
    ProposeDispatch,
    RunShell,
    StartWorker,
    WriteGoal,
    WritePlaybook,
    WriteSchedule,
    WriteSensor,
    line_of,
)
from core.loop.sensing import TIMED_OUT, run_program
from core.loop.shell_gate import judge
from core.loop.starting import approved, start
from core.outbox import card_publisher
from core.outbox.said_once import seldom
from core.store.loop_events import journal
from core.store.loop_tables import LoopApproval, LoopIntent
from core.striking import struck
from core.workers.fleet import Order

OUTPUT: Final = 2048
"""Characters of what a command printed that are shown in the next decision."""
LOOK_AGAIN: Final = 5
"""Seconds after a command: what came of it is looked at soon."""
HOOK: Final = 30.0
"""Seconds that the command which is told of notices may take."""
SAID_ONCE: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Acted:
    line: str
    """What the journal says."""
    asked: str = ""
    """The question that stands in the place of the act."""
    output: str = ""
    look_again: int | None = None
    """Seconds."""


Finish = Callable[[Tx], Acted]
"""The half of a move that is rows: written together with the journal and what the loop remembers."""


class Acting:
    def __init__(self, house: LoopHouse) -> None:
        self._house = house
        self._hooks: set[asyncio.Task[None]] = set()

    async def begin(self, move: Move, config: LoopConfig, run_id: str, worker: str = names.PULSE) -> Finish:
        """Do what of `move` lies outside of the database, and return the rest. Raises NotDone."""
        folder, line = self._house.folder, line_of(move)
        now = self._house.services.clock.now()
        try:
            match move:
                case Noop():
                    return lambda tx: Acted(line)
                case Notify():
                    self.hook(move.message, config)
                    return lambda tx: self._notify(tx, move, line)
                case AskPeople():
                    attachment = await self._house.attachment(move.reference or "")
                    return lambda tx: self._ask(tx, move, worker, attachment)
                case WriteGoal():
                    await asyncio.to_thread(folder.write_goal, move.id, move.body)
                case ArchiveGoal():
                    await asyncio.to_thread(folder.archive_goal, move.id)
                case WriteSchedule():
                    plan = schedules.new_schedule(now, move.in_s, move.every_s, move.note)
                    await asyncio.to_thread(schedules.write, folder.path / "schedules", move.name, plan)
                case DropSchedule():
                    await asyncio.to_thread(schedules.drop, folder.path / "schedules", move.name)
                case WriteSensor():
                    await self._write_sensor(move, config)
                case RunShell():
                    return await self._shell(move, config, run_id, worker)
                case WritePlaybook():
                    return await self._playbook(move, worker)
                case Act():
                    return self._act(move, config, worker)
                case ProposeDispatch():
                    return lambda tx: self._propose(tx, move, line)
                case StartWorker():
                    return await self._start_worker(move, config, worker)
                case KillWorker():
                    await self._house.fleet.kill(move.id)
        except Refused as refused:
            _fail(refused)
        return lambda tx: Acted(line)

    def hook(self, text: str, config: LoopConfig) -> None:
        """The operator's command that is told of notices, on its input. Nobody waits for it."""
        if not config.notification:
            return
        task = asyncio.get_running_loop().create_task(self._hooked(text, config))
        self._hooks.add(task)
        task.add_done_callback(self._hooks.discard)

    async def _hooked(self, text: str, config: LoopConfig) -> None:
        house = self._house
        with contextlib.suppress(OSError):
            await run_program(
                ["bash", "-c", config.notification],
                house.folder.path,
                house.env(config),
                within=HOOK,
                most=OUTPUT,
                given=text.encode("utf-8", "replace"),
            )

    def _notify(self, tx: Tx, move: Notify, line: str) -> Acted:
        notify(tx, move.message, move.to)
        return Acted(line)

    def _ask(self, tx: Tx, move: AskPeople, worker: str, attachment: dict[str, Any] | None) -> Acted:
        try:
            row = asks.ask(
                tx,
                worker,
                move.prompt,
                options=move.options,
                reference=move.reference or "",
                to=move.to,
                channel="loop",
                attachment=attachment,
            )
        except Refused as refused:
            _fail(refused)
        return Acted(f"asked {row.id}", asked=row.id)

    def _propose(self, tx: Tx, move: ProposeDispatch, line: str) -> Acted:
        command = do.ProposeDispatch(move.ticket_id, move.vendor_id, move.amount_usd, move.message)
        try:
            perform(tx, ROUTINE, command)
        except Refused as refused:
            _fail(refused)
        return Acted(line)

    async def _write_sensor(self, move: WriteSensor, config: LoopConfig) -> None:
        """It is written; whether it may run is looked at with every sense, by what stands in it."""
        verdict = await asyncio.to_thread(judge, move.script, config.shell_allow, config.fetch_allow)
        if verdict.kind == "refused":
            raise NotDone("refused", verdict.why)
        await asyncio.to_thread(self._house.folder.write_sensor, move.name, move.script)

    async def _shell(self, move: RunShell, config: LoopConfig, run_id: str, worker: str) -> Finish:
        verdict = await judged(move.cmd, config)
        if verdict.kind == "ask":
            more = {"reason": move.reason, "journal": line_of(move), "why": verdict.why}

            def ask(tx: Tx) -> Acted:
                row = approvals.put(tx, "shell", move.cmd, worker, why=move.reason, more=more)
                return Acted(f"asked {row.ask_id}", asked=row.ask_id)

            return ask
        code, output = await self.run(move.cmd, config, run_id)
        if code != 0:
            raise NotDone("timeout" if code == TIMED_OUT else f"exit {code}", failed_text(code, output))
        line = line_of(move)
        return lambda tx: Acted(line, output=output, look_again=LOOK_AGAIN)

    async def run(self, cmd: str, config: LoopConfig, run_id: str) -> tuple[int, str]:
        """(how it ended, the end of what it printed). That it runs is a row first: a death in the middle is told of."""
        house, within = self._house, config.shell_timeout_secs

        def intend(tx: Tx) -> None:
            row = tx.get(LoopIntent, run_id)
            if row is None:
                tx.add(LoopIntent(id=run_id, text=cmd[:2000], at=tx.now, within=within))

        await house.store.write(intend)
        try:
            done = await run_program(
                ["bash", "-c", cmd],
                house.folder.path,
                house.env(config),
                within=float(within),
                most=OUTPUT * 4,
                tail=True,
            )
        except OSError as error:
            await house.store.write(lambda tx: _forget(tx, run_id))
            return 127, error.strerror or "it cannot be started"
        await house.store.write(lambda tx: _forget(tx, run_id))
        text = struck(done.out + done.err, house.secrets).decode("utf-8", "replace")
        return done.code, text[-OUTPUT:]

    async def _start_worker(self, move: StartWorker, config: LoopConfig, worker: str) -> Finish:
        order = Order(move.id, move.prompt, worker, "", move.command or "", move.verify or "")
        began, line = await start(self._house, order, config, worker), line_of(move)
        if began.asked:
            return lambda tx: Acted(f"asked {began.asked}", asked=began.asked)
        return lambda tx: Acted(line)

    async def _playbook(self, move: WritePlaybook, worker: str) -> Finish:
        """Decided by a model it is a question that shows what would change."""
        before = await asyncio.to_thread(self._house.folder.playbook)
        lines = difflib.unified_diff(
            before.splitlines(), move.body.splitlines(), "PLAYBOOK", "proposed", lineterm="", n=1
        )
        shown = "\n".join(lines) or "(nothing changes)"

        def ask(tx: Tx) -> Acted:
            row = approvals.put(
                tx,
                "playbook",
                move.body,
                worker,
                why=move.journal or "another PLAYBOOK",
                more={"reason": move.journal or "", "journal": line_of(move)},
                shown=shown,
            )
            return Acted(f"asked {row.ask_id}", asked=row.ask_id)

        return ask

    def _act(self, move: Act, config: LoopConfig, worker: str) -> Finish:
        """Always a question; what it shows is the very command that would run."""
        template = config.acts.get(move.name)
        if template is None:
            raise NotDone("refused", f"{move.name} is not one of the configured acts")
        amount = "" if move.amount_usd is None else f"{move.amount_usd:f}"
        command = template.replace("{{target}}", shlex.quote(move.target)).replace("{{amount_usd}}", amount)
        if judge(command).kind == "refused":
            raise NotDone("refused", judge(command).why)

        def ask(tx: Tx) -> Acted:
            row = approvals.put(
                tx,
                "act",
                command,
                worker,
                why=f"{move.name} {move.target}: {move.detail}"[:500],
                more={"reason": move.detail, "journal": line_of(move), "name": move.name},
            )
            return Acted(f"asked {row.ask_id}", asked=row.ask_id)

        return ask

    # --- what was approved

    async def carry_out(self, approval: LoopApproval, config: LoopConfig) -> None:
        """Once, byte for byte, whoever else tries too."""
        house = self._house
        if not await house.store.write(lambda tx: approvals.take(tx, approval.ask_id)):
            return
        line = str(approval.more.get("journal") or f"{approval.kind} {approval.ask_id}")
        code, output = 0, ""
        match approval.kind:
            case "shell" | "act":
                code, output = await self.run(approval.payload, config, approval.ask_id)
            case "command":
                code, output = await self._start_approved(approval)
            case "playbook":
                now = house.services.clock.now()
                await asyncio.to_thread(house.folder.write_playbook, approval.payload, now)
                if approval.worker == interview.SETUP:
                    await asyncio.to_thread(self._begin_work, approval.more.get("interval"))
                    await house.store.write(notices.welcome)

        def finish(tx: Tx) -> None:
            approvals.finished(tx, approval.ask_id, code, output)
            text = line if code == 0 else f"{line}: {failed_text(code, output)}"
            journal(tx, approval.worker, text, run_id=approval.ask_id, failed=code != 0)

        await house.store.write(finish)

    async def _start_approved(self, approval: LoopApproval) -> tuple[int, str]:
        try:
            return await approved(self._house, approval.more)
        except Refused as refused:
            return 1, " ".join([refused.code, *(str(one) for one in refused.params.values())])

    def _begin_work(self, interval: Any) -> None:
        """The interview is over: its goal is reached, and he said how often to look."""
        folder = self._house.folder
        with contextlib.suppress(Refused):
            folder.archive_goal(interview.SETUP)
        path = folder.path / "config.json"
        with contextlib.suppress(OSError, ValueError):
            config = json.loads(path.read_text(encoding="utf-8"))
            put(path, json.dumps({**config, "interval": int(interval)}, indent=2))


def notify(tx: Tx, message: str, to: str | None = None) -> bool:
    """Tell a person, or the founder; the same words within ten minutes once. Raises NotDone."""
    company = tx.services.company
    person = company.founder if to is None else company.person(to)
    if person is None:
        raise NotDone("refused", f"there is nobody {to}")
    key = f"loop:{person.id}:{approvals.digest(message)[:32]}"
    if not seldom(tx, key, 1, SAID_ONCE):
        return False
    card_publisher.tell(tx, person, lambda words: words(N_("From the loop: {text}"), text=message))
    return True


def failed_text(code: int, output: str) -> str:
    said = output.strip().rsplit("\n", 1)[-1][:300]
    if code == TIMED_OUT:
        return f"it did not end in time, and may be half done{': ' if said else ''}{said}"
    return f"exit {code}{': ' if said else ''}{said}"


def _forget(tx: Tx, run_id: str) -> None:
    row = tx.get(LoopIntent, run_id)
    if row is not None:
        tx.session.delete(row)


def _fail(refused: Refused) -> NoReturn:
    raise NotDone(
        "refused", " ".join([refused.code, *(str(one) for one in refused.params.values())])
    ) from None
