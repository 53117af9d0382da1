"""The workers: started, found again, ended. Each process stands under a supervisor of its own and outlives the service; rows say
what should be, files and the system what is."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import names
from core.asks import asks
from core.context import Services, Store, Tx
from core.errors import Refused
from core.files import put
from core.i18n import N_
from core.model import Role, WorkerState
from core.outbox import card_publisher
from core.phrases import refusal
from core.store.loop_events import happened
from core.store.loop_tables import AskRow
from core.store.worker_tables import WorkerRow
from core.workers import jobs, launching, leases, roster, tells
from core.workers.contract import brief_of_successor, prompt_of
from core.workers.health import LIVE

log = structlog.get_logger(__name__)

BUILTIN: Final = "builtin"
BY_COMMAND: Final = "command"
RESERVED: Final = frozenset({names.PULSE, "cli", "setup", "operator", "system", "loopos", "loop"})
"""Who asks without being a worker; so do people and roles."""
PROMPT_FILE: Final = "{{prompt_file}}"
LOST: Final = 255
"""The exit code of one whose supervisor is gone without a word."""
NOT_STARTED: Final = 127
STARTS_WITHIN: Final = timedelta(seconds=30)
REPORTS_KEPT: Final = 8000
"""Characters of the reports that a successor is given."""


@dataclass(frozen=True, slots=True)
class Setting:
    """As the configuration stands now."""

    env: Callable[[str], Mapping[str, str]]
    """What a worker's processes are given; writes the file that says which worker calls."""
    argv: Callable[[str], Sequence[str]]
    """The built-in worker's program."""
    command: str = ""
    """The template: {{prompt_file}} stands for its prompt, without it the prompt is its input."""
    runners: Mapping[str, str] = field(default_factory=dict)
    most: int = 8
    """Of them at once; 0: no bound."""
    stuck_after: float = 900.0
    keep_ended: timedelta = timedelta(days=3)
    keep_tells: timedelta = timedelta(days=7)
    budget_usd: Decimal = Decimal(5)
    """Of one run."""


@dataclass(frozen=True, slots=True)
class Order:
    id: str
    prompt: str
    by: str = "cli"
    runner: str = ""
    command: str = ""
    verify: str = ""
    ticket_id: str | None = None
    property_id: str | None = None
    answers: str = ""
    """The question with whose answer it goes on."""


class Fleet:
    def __init__(
        self,
        store: Store,
        services: Services,
        folder: Path,
        home: Path,
        secrets: frozenset[bytes],
        setting: Callable[[], Awaitable[Setting]],
    ) -> None:
        self._store = store
        self._services = services
        self._folder = folder
        self._home = home
        self._secrets = secrets
        self._setting = setting
        self._turn = asyncio.Lock()
        self._leases = asyncio.Lock()
        self._launching: set[int] = set()
        """Runs whose process is being started: it is not gone because it is not there yet."""

    @property
    def sessions(self) -> Path:
        return self._folder / "sessions"

    # --- starting

    async def start(self, order: Order) -> int:
        """Its run. Raises Refused("bad_id" | "worker_reserved" | "text_needed" | "worker_lives" | "too_many_workers" |
        "unknown_runner" | "no_runner")."""
        async with self._turn:
            return await self._start(order)

    async def _start(self, order: Order) -> int:
        setting = await self._setting()
        known = await self._store.read(lambda session: [one.id for one in roster.shown(session, every=True)])
        worker = names.checked(order.id, known)
        company = self._services.company
        people = {one.casefold() for person in company.team for one in (person.id, person.name)}
        if worker.casefold() in RESERVED | people or worker in set(Role):
            raise Refused("worker_reserved", worker=worker)
        if not order.prompt.strip():
            raise Refused("text_needed")
        runner, template = self._runner(order, setting)
        brief = jobs.brief_of(order.prompt)
        await self.settle_leases()  # what an earlier one of this name left is not this one's

        def enter(tx: Tx) -> int:
            living = roster.all_live(tx.session)
            if any(one.id == worker for one in living):
                raise Refused("worker_lives", worker=worker)
            if setting.most and len(living) >= setting.most:
                raise Refused(
                    "too_many_workers", most=setting.most, names=", ".join(one.id for one in living)
                )
            if order.answers:
                ask = tx.get(AskRow, order.answers)
                if ask is None or ask.read_at is not None:
                    raise Refused("gone")  # somebody goes on with it already
                ask.read_at = tx.now
            tells.drop(tx, worker)
            row = tx.add(
                WorkerRow(
                    id=worker,
                    state="starting",
                    runner=runner,
                    prompt=brief,
                    command=order.command,
                    verify_command=order.verify,
                    verify=None,
                    started_by=order.by,
                    at=tx.now,
                    ended_at=None,
                    launches=1,
                    pid=None,
                    began=None,
                    exit_code=None,
                    ticket_id=order.ticket_id,
                    property_id=order.property_id,
                    memory={},
                )
            )
            tx.session.flush()
            happened(tx, "workers")
            return row.run

        run = await self._store.write(enter)
        await asyncio.to_thread(launching.put_aside, self.sessions / worker)
        await self._launch(worker, run, 1, brief, runner, template, setting)
        return run

    def _runner(self, order: Order, setting: Setting) -> tuple[str, str]:
        """(its name, the template of its command; "" for the built-in one)"""
        if order.command:
            return BY_COMMAND, order.command
        match order.runner:
            case "" | "command" if setting.command:
                return BY_COMMAND, setting.command
            case "" | "builtin":
                if self._services.models is None:
                    raise Refused("no_runner")
                return BUILTIN, ""
            case "command":
                raise Refused("no_runner")
        template = setting.runners.get(order.runner, "")
        if not template:
            raise Refused("unknown_runner", runner=order.runner[:40])
        return order.runner[:40], template

    async def _launch(
        self, worker: str, run: int, launch: int, brief: str, runner: str, template: str, setting: Setting
    ) -> None:
        """Its process begins. Raises Refused("worker_not_started"): it has ended with NOT_STARTED."""
        self._launching.add(run)
        try:
            await self._begin(worker, run, launch, brief, runner, template, setting)
        finally:
            self._launching.discard(run)

    async def _begin(
        self, worker: str, run: int, launch: int, brief: str, runner: str, template: str, setting: Setting
    ) -> None:
        prompt = self._folder / "prompts" / f"{worker}.md"

        def begin() -> tuple[int, str]:
            put(prompt, prompt_of(worker, brief))
            env = setting.env(worker)
            if runner == BUILTIN:
                argv, given = list(setting.argv(worker)), None
            else:
                argv = ["bash", "-c", template.replace(PROMPT_FILE, shlex.quote(str(prompt)))]
                given = None if PROMPT_FILE in template else prompt
            job = launching.Job(
                argv, self._folder, env, self.sessions / worker, run, launch, self._secrets, given,
                self._home / "wake",
            )  # fmt: skip
            return launching.launch(job)

        try:
            pid, since = await asyncio.to_thread(begin)
        except OSError as error:
            log.warning("worker_not_started", worker=worker, why=str(error))
            await self._store.write(lambda tx: self._ended(tx, run, NOT_STARTED))
            raise Refused("worker_not_started", worker=worker, why=str(error)[:200]) from None

        def note(tx: Tx) -> bool:
            row = tx.get(WorkerRow, run)
            if row is None or row.state not in LIVE:
                return False
            row.state, row.pid, row.began = "running", pid, since
            happened(tx, "workers")
            return True

        if await self._store.write(note):
            await asyncio.to_thread(launching.let_go, self.sessions / worker, run, launch)
        else:  # somebody ended it meanwhile
            await asyncio.to_thread(launching.ask_to_end, pid, since, wished=False)

    # --- looking after them

    async def observe(self) -> bool:
        """What has ended is known to have ended; whether there was such."""
        rows = await self._store.read(
            lambda session: [
                _Fact.of(row)
                for row in roster.all_live(session)
                if not row.waits_for and row.run not in self._launching
            ]
        )
        if not rows:
            return False
        now = self._services.clock.now()

        def look() -> list[tuple[int, launching.Seen]]:
            return [
                (
                    one.run,
                    launching.look(self.sessions / one.id, one.run, one.launches, one.pid, one.began),
                )
                for one in rows
            ]

        seen = dict(await asyncio.to_thread(look))
        found, lost = [], []
        for one in rows:
            how = seen[one.run]
            if how.alive and one.pid is None:
                found.append((one, how))
            elif not how.alive and (how.code is not None or one.pid or now - one.at > STARTS_WITHIN):
                found.append((one, how))
                if how.code is None:
                    lost.append(one)
        if not found:
            return False
        for one in lost:  # its supervisor is gone: whatever it left is ended too
            log.warning("worker_lost", worker=one.id)
            await asyncio.to_thread(launching.end_child, self.sessions / one.id, one.run, one.launches)
            await asyncio.to_thread(launching.end_marked, one.id, self._home)

        def keep(tx: Tx) -> None:
            for one, how in found:
                row = tx.get(WorkerRow, one.run)
                if row is None or row.state not in LIVE or row.waits_for or row.launches != one.launches:
                    continue
                if how.alive:
                    row.state, row.pid, row.began = "running", how.pid, how.began
                    happened(tx, "workers")
                else:
                    self._ended(tx, one.run, LOST if how.code is None else how.code)

        await self._store.write(keep)
        return True

    def _ended(self, tx: Tx, run: int, code: int | None, state: WorkerState = "exited") -> None:
        """Its leases are free, what it was to be told is dropped, its questions say that nobody waits for them."""
        row = tx.get(WorkerRow, run)
        if row is None or row.state not in LIVE:
            return
        row.state, row.exit_code, row.ended_at, row.waits_for = state, code, tx.now, ""
        tx.session.flush()
        leases.free(tx, row.id)
        tells.drop(tx, row.id)
        self.lower_flag(tx, row)
        happened(tx, "workers")

    async def sweep(self) -> None:
        """With every beat: leases of files, what ended long ago."""
        setting = await self._setting()
        await self.settle_leases()
        if setting.keep_ended:
            await self.prune(setting.keep_ended)
        limit = self._services.clock.now() - setting.keep_tells
        if await self._store.read(lambda session: tells.any_taken_before(session, limit)):
            await self._store.write(lambda tx: tells.forget(tx, limit))

    async def settle_leases(self) -> None:
        """Rows and claims/NAME.json say the same."""
        async with self._leases:  # a list of files that is old by now would let go of a fresh lease
            await self._settle_leases()

    async def _settle_leases(self) -> None:
        folder = self._folder / "claims"
        files = await asyncio.to_thread(leases.written, folder)
        if not await self._store.read(lambda session: leases.owed(session, files)):
            return
        await self._store.write(lambda tx: leases.take_over(tx, files))
        texts = await self._store.read(leases.unwritten)
        kept = await self._store.read(leases.names)
        gone = {name: session for name, session in files.items() if name not in kept}
        await asyncio.to_thread(leases.write, folder, texts, gone)
        await self._store.write(lambda tx: leases.mark(tx, texts))

    async def unclaim(self, name: str, session: str) -> None:
        """Raises Refused("claimed"). Its file goes first: one without a row is a claim by hand."""
        async with self._leases:
            await self._store.read(lambda one: leases.may_unclaim(one, name, session))
            with contextlib.suppress(OSError):
                await asyncio.to_thread((self._folder / "claims" / f"{name}.json").unlink, missing_ok=True)
            await self._store.write(lambda tx: leases.unclaim(tx, name, session))

    async def prune(self, older: timedelta = timedelta()) -> list[str]:
        """Those that ended so long ago are gone from the lists, with what they printed; what is still to be judged stays."""
        limit = self._services.clock.now() - older

        def old(session: Session) -> list[tuple[int, str]]:
            wanted = select(WorkerRow.run, WorkerRow.id).where(
                WorkerRow.pruned.is_(False),
                WorkerRow.state.not_in(LIVE),
                WorkerRow.ended_at <= limit,
                (WorkerRow.verify_command == "") | WorkerRow.verify.is_not(None),
            )
            return [(run, worker) for run, worker in session.execute(wanted)]

        found = await self._store.read(old)
        if not found:
            return []

        def forget(tx: Tx) -> set[str]:
            for run, _ in found:
                row = tx.get(WorkerRow, run)
                if row is not None:
                    row.pruned = True
            happened(tx, "workers")
            tx.session.flush()
            return {one.id for one in roster.shown(tx.session)}

        kept = await self._store.write(forget)
        gone = sorted({worker for _, worker in found} - kept)
        for worker in gone:
            await asyncio.to_thread(_removed, self.sessions / worker)
        return gone

    # --- ending

    async def kill(self, worker: str, *, wished: bool = False, run: int = 0) -> str:
        """The name of what was ended. `wished`: by itself, and it ended well; `run`: only that one of this name, 0: whichever works.
        Raises Refused("unknown_worker")."""
        async with self._turn:
            ended = await self._store.write(partial(self._killed, worker, wished, run))
        return await self._end(ended, wished=wished)  # nobody else waits for one that is slow to go

    def _killed(self, worker: str, wished: bool, run: int, tx: Tx) -> _Fact:
        known = [one.id for one in roster.all_live(tx.session)]
        row = roster.live(tx.session, names.checked(worker, known))
        if row is None or (run and row.run != run):
            raise Refused("unknown_worker", worker=worker[:80])
        fact = _Fact.of(row)
        self._ended(tx, row.run, 0 if wished else None, "exited" if wished else "killed")
        return fact

    async def _end(self, one: _Fact, *, wished: bool) -> str:
        folder = self.sessions / one.id

        def end() -> int | None:
            if one.pid is None or one.began is None:
                return None
            if not launching.ask_to_end(one.pid, one.began, wished=wished):
                launching.end_child(folder, one.run, one.launches)
            if wished:
                return 0  # it reads our answer first
            if one.waits_for:  # its process has ended by itself, or does now
                launching.wait_for_end(folder, one.run, one.launches, one.pid, one.began)
                return None
            return launching.wait_for_end(folder, one.run, one.launches, one.pid, one.began)

        code = await asyncio.to_thread(end)

        def keep(tx: Tx) -> None:
            row = tx.get(WorkerRow, one.run)
            if row is not None and code is not None:
                row.exit_code = code

        await self._store.write(keep)
        return one.id

    async def kill_all(self) -> list[str]:
        living = await self._store.read(lambda session: [one.id for one in roster.all_live(session)])

        ended = []
        async with self._turn:
            for worker in living:
                with contextlib.suppress(Refused):
                    ended.append(await self._store.write(partial(self._killed, worker, False, 0)))
        return list(await asyncio.gather(*(self._end(one, wished=False) for one in ended)))

    async def after_a_crash(self) -> None:
        """Those that were to be ended when the last process died are ended now, those that were to go on do."""
        limit = self._services.clock.now() - timedelta(days=1)
        rows = await self._store.read(
            lambda session: [
                _Fact.of(row)
                for row in session.scalars(
                    select(WorkerRow).where(WorkerRow.state == "killed", WorkerRow.ended_at > limit)
                )
            ]
        )
        for one in rows:
            if one.pid is not None and one.began is not None:
                await asyncio.to_thread(launching.ask_to_end, one.pid, one.began, wished=False)
        for run in await self._store.read(_between):
            # It had its answers, and the process that would go on with them was never started.
            with contextlib.suppress(Refused):
                found = await self._store.write(partial(self._woken, run))
                await self._resume(found, await self._setting())

    # --- what an answer brings about

    async def go_on(self) -> list[str]:
        """Whoever rested until now goes on with its answers, or without them where its time is over; a successor begins where its
        worker has ended. Returns lines for the journal."""
        now = self._services.clock.now()
        if not await self._store.read(lambda session: _answered(session) or _overdue(session, now)):
            return []
        lines = []
        async with self._turn:
            setting = await self._setting()
            for ask_id in await self._store.read(_answered):
                try:
                    line = await self._go_on(ask_id, setting)
                except (OSError, MemoryError) as error:  # nobody else's answer waits for it
                    log.error("not_gone_on", ask=ask_id, why=type(error).__name__)
                    continue
                if line:
                    lines.append(line)
            for run in await self._store.read(lambda session: _overdue(session, now)):
                found = await self._store.write(partial(self._woken, run))
                lines.append(await self._resume(found, setting))
        return lines

    async def _resume(self, one: _Next, setting: Setting) -> str:
        if one.before is not None:  # the process that rested ends by itself; one that does not is ended
            await asyncio.to_thread(launching.ask_to_end, *one.before, wished=True)
        await self._launch(one.id, one.run, one.launch, one.prompt, one.runner, "", setting)
        return f"resume-worker {one.id}"

    def _woken(self, run: int, tx: Tx) -> _Next:
        """It has a process again."""
        row = tx.get(WorkerRow, run)
        assert row is not None
        before = (row.pid, row.began) if row.pid is not None and row.began is not None else None
        row.waits_for, row.launches, row.pid, row.began = "", row.launches + 1, None, None
        happened(tx, "workers")
        return _Next(
            row.id, row.run, row.launches, row.prompt, row.runner, row.command, row.verify_command, row.ticket_id,
            row.property_id, before=before,
        )  # fmt: skip

    async def _go_on(self, ask_id: str, setting: Setting) -> str:
        next_one = await self._store.write(lambda tx: self._taken(tx, ask_id))
        if next_one is None:
            return ""
        if next_one.launch:
            return await self._resume(next_one, setting)
        reports = await asyncio.to_thread(self._reports, next_one.id)
        order = Order(
            next_one.id,
            brief_of_successor(next_one.prompt, next_one.question, next_one.answer, reports),
            next_one.by,
            "" if next_one.command or next_one.runner == BY_COMMAND else next_one.runner,
            next_one.command,
            next_one.verify,
            next_one.ticket_id,
            next_one.property_id,
            ask_id,
        )
        try:
            await self._start(order)
        except Refused as refused:
            if refused.code == "too_many_workers":
                return ""  # when one of them has ended
            await self._store.write(partial(_not_succeeded, ask_id, next_one.id, refused))
            return f"failed · successor of {next_one.id}: {refused.code}"
        return f"start-worker {next_one.id} · {ask_id} was answered"

    def _taken(self, tx: Tx, ask_id: str) -> _Next | None:
        """What its answer is to bring about; None: nothing, or not by us."""
        ask = tx.get(AskRow, ask_id)
        row = roster.newest(tx.session, ask.worker) if ask is not None else None
        if ask is None or row is None or ask.read_at is not None or ask.answered_at is None:
            return None
        answer, by = ask.answer or "", ask.answered_by or ""
        if ask.kind == "flag":
            ask.read_at = tx.now
            row.flagged = False
            if row.state in LIVE:
                tells.tell(tx, row.id, answer, by)
            return None
        if row.state in LIVE:
            if not row.waits_for or ask.id not in row.memory.get("asked", ()):
                return None  # it waits by itself
            ask.read_at = tx.now
            others = (tx.get(AskRow, one) for one in row.memory["asked"])
            row.waits_for = next(
                (one.id for one in others if one is not None and one.answered_at is None), ""
            )
            happened(tx, "workers")
            return None if row.waits_for else self._woken(row.run, tx)
        ended_well = row.state == "killed" or row.exit_code == 0
        if ended_well and row.ended_at is not None and ask.answered_at < row.ended_at:
            ask.read_at = tx.now  # it could have had its answer, and was done or was ended all the same
            return None
        return _Next(
            row.id, row.run, 0, row.prompt, row.runner, row.command, row.verify_command, row.ticket_id,
            row.property_id, ask.prompt, answer, by,
        )  # fmt: skip

    def _reports(self, worker: str) -> str:
        """The beginnings of what it wrote: the files whose name begins with its own."""
        found, left = [], REPORTS_KEPT
        for path in sorted((self._folder / "reports").glob(f"{worker}*")):
            if path.is_file() and not path.is_symlink() and left > 0:
                try:
                    with path.open("rb") as file:
                        text = file.read(left).decode("utf-8", "replace")
                except OSError:
                    continue
                found.append(f"--- {path.name}\n{text}")
                left -= len(text)
        return "\n".join(found)

    # --- flags

    def raise_flag(self, tx: Tx, worker: str, note: str, by: str = "") -> str:
        """The founder is told once per flag, unless it is his own; his reply is told to the worker. Raises
        Refused("unknown_worker")."""
        known = [one.id for one in roster.all_live(tx.session)]
        row = roster.live(tx.session, names.checked(worker, known))
        if row is None:
            raise Refused("unknown_worker", worker=worker[:80])
        self.lower_flag(tx, row)
        row.flagged, row.note = True, note.strip()[:1000]
        tx.session.flush()
        if by != self._services.company.founder.id:
            asks.ask(tx, row.id, row.note or "–", channel="loop", kind="flag")
        happened(tx, "workers")
        return row.id

    def lower_flag(self, tx: Tx, row: WorkerRow) -> None:
        row.flagged = False
        for ask in tx.session.scalars(
            select(AskRow).where(AskRow.worker == row.id, AskRow.kind == "flag", AskRow.read_at.is_(None))
        ):
            ask.read_at = tx.now
            asks.close(tx, ask)


@dataclass(frozen=True, slots=True)
class _Fact:
    """A row, outside of its session."""

    run: int
    id: str
    launches: int
    pid: int | None
    began: str | None
    at: Any
    waits_for: str

    @classmethod
    def of(cls, row: WorkerRow) -> _Fact:
        return cls(row.run, row.id, row.launches, row.pid, row.began, row.at, row.waits_for)


@dataclass(frozen=True, slots=True)
class _Next:
    id: str
    run: int
    launch: int
    """Which process of the same run begins; 0: a successor does."""
    prompt: str
    runner: str
    command: str
    verify: str
    ticket_id: str | None
    property_id: str | None
    question: str = ""
    answer: str = ""
    by: str = ""
    before: tuple[int, str] | None = None
    """The supervisor of its process before."""


def _removed(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink(missing_ok=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _between(session: Session) -> list[int]:
    """Built-in workers that were about to be started again."""
    wanted = select(WorkerRow.run).where(
        WorkerRow.state == "running",
        WorkerRow.runner == BUILTIN,
        WorkerRow.pid.is_(None),
        WorkerRow.waits_for == "",
    )
    return list(session.scalars(wanted))


def _overdue(session: Session, now: datetime) -> list[int]:
    """Runs that rest, and whose time for the answers is over."""
    found = []
    for row in session.scalars(select(WorkerRow).where(WorkerRow.state.in_(LIVE), WorkerRow.waits_for != "")):
        until = row.memory.get("until")
        if until and datetime.fromisoformat(until) <= now:
            found.append(row.run)
    return found


def is_busy(session: Session) -> bool:
    """There is somebody to look after: a worker that is not forgotten, a lease, an answer that somebody goes on with."""
    known = session.scalar(select(WorkerRow.run).where(WorkerRow.pruned.is_(False)).limit(1))
    return known is not None or bool(leases.names(session)) or bool(_answered(session))


def _answered(session: Session) -> list[str]:
    """Questions of workers that were answered and whose answer nobody has fetched: those that wait in a blocked call among them,
    which fetch it by themselves."""
    wanted = select(AskRow.id).where(
        AskRow.answered_at.is_not(None),
        AskRow.read_at.is_(None),
        AskRow.kind.in_(("ask", "flag")),
        AskRow.worker.in_(select(WorkerRow.id)),
    )
    return list(session.scalars(wanted.order_by(AskRow.answered_at)))


def _not_succeeded(ask_id: str, worker: str, refused: Refused, tx: Tx) -> None:
    """Nobody goes on with an answer: whoever gave it believes otherwise, until the founder is told."""
    _read(ask_id, tx)
    card_publisher.tell(
        tx,
        tx.services.company.founder,
        lambda words: words(
            N_("{ask} was answered, and nobody goes on with it: {why}"),
            ask=ask_id,
            why=refusal(refused, words, tx.now),
        ),
    )


def _read(ask_id: str, tx: Tx) -> None:
    ask = tx.get(AskRow, ask_id)
    if ask is not None:
        ask.read_at = tx.now
