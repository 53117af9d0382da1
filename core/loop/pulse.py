"""The beat: sense, compare, decide one move, act, write it down. One at a time; a crash heals on the next, since everything is
decided from how things stand and nothing from what happened."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import names
from core.asks import approvals
from core.context import Tx
from core.errors import LoopOSError
from core.files import put
from core.i18n import Words
from core.loop import (
    guards,
    interview,
    journal,
    notices,
    reflexes,
    remembering,
    schedules,
)
from core.loop.acting import Acted, Acting
from core.loop.brief import Brief, Goal, text_of
from core.loop.config import LoopConfig
from core.loop.deciding import CommandDecider, Undecided
from core.loop.gatekeeping import Gatekeeper
from core.loop.guards import Memory
from core.loop.house import LoopHouse, is_down
from core.loop.judging import NotDone
from core.loop.looking import Look, Looking
from core.loop.moves import BadMove, Move, Noop, RunShell, line_of, read_move
from core.loop.sensing import sensors_in
from core.loop.verifying import verify
from core.loop.world import World, changes
from core.store import loop_events
from core.store.loop_tables import LoopApproval
from core.workers.fleet import is_busy

log = structlog.get_logger(__name__)

Result = Literal["unchanged", "moved", "asked", "backing_off", "capped", "unreadable", "stopped", "failed"]
AFTER_A_START: Final = 15
"""Seconds until the first beat: whoever waited through a restart comes first."""


class Decides(Protocol):
    """A model that decides."""

    async def decide(self, brief: str, run: Path) -> str:
        """The text of its decision. Raises Undecided."""


@dataclass(frozen=True, slots=True)
class Beat:
    """How one went."""

    result: Result
    changed: Sequence[str] = ()
    move: Mapping[str, Any] | None = None
    journal: str = ""
    run_id: str = ""
    world_hash: str = ""
    asked: str = ""
    wait: int = 0
    """Seconds until it may decide again, where it waits."""
    error: str = ""

    @property
    def ran(self) -> bool:
        """Something was decided, or tried to be."""
        return self.result in {"moved", "asked", "failed"}

    @property
    def line(self) -> str:
        match self.result:
            case "moved":
                return f"moved: {self.journal}"
            case "asked":
                return f"asked: {self.asked}"
            case "backing_off":
                return f"backing off {self.wait} s"
            case "capped":
                return f"capped {self.wait} s"
            case "failed":
                return f"failed: {self.error}"
            case "unreadable":
                return (
                    "the record of the last look is damaged, so nothing is decided; `loopos up` begins anew"
                )
        return self.result

    def to_json(self) -> dict[str, Any]:
        return {
            "ran": self.ran,
            "outcome": self.result,
            "changed": list(self.changed),
            "move": dict(self.move) if self.move is not None else None,
            "journal": self.journal,
            "run_id": self.run_id,
            "world_hash": self.world_hash,
        }


@dataclass
class Pulse:
    house: LoopHouse
    model: Decides | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _first: bool = False
    """Nobody has decided since this process began: what it does not remember may have happened."""
    _scheduler: AsyncIOScheduler | None = None
    _soon: set[asyncio.Task[Any]] = field(default_factory=set)
    _tracked: tuple[tuple[str, int, int], ...] = ()
    _commands: Mapping[str, str] | None = None
    """What config.json lets run, as of the last look."""

    def __post_init__(self) -> None:
        self.acting = Acting(self.house)
        self._gate = Gatekeeper(self.house)
        self.looking = Looking(self.house, self._gate)

    # --- its clock

    async def start(self) -> None:
        """Beat from now on, until `stop`; `prepare` was called."""
        config = await self.house.config()
        self._first = True
        self._scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )
        self._scheduler.start()
        self._leave = self.house.store.subscribe(loop_events.TOPIC, self._stirred)
        soon = timedelta(seconds=min(AFTER_A_START, config.interval))
        self._again_at(self.house.services.clock.now() + soon)

    async def stop(self) -> None:
        if self._scheduler is None:
            return
        self._leave()
        self._scheduler.shutdown(wait=False)
        self._scheduler = None
        for one in list(self._soon):
            one.cancel()
        await asyncio.gather(*self._soon, return_exceptions=True)

    async def prepare(self) -> None:
        """Before the first beat of a process: the folder, the question to the founder, what the last process left behind. What failed in
        the middle of it is done again from the beginning."""
        house = self.house
        if await asyncio.to_thread(house.folder.is_new):
            # Before the folder is made: who dies between the two asks at the next start.
            await house.store.write(interview.begin)
        await house.ensure()
        await house.fleet.after_a_crash()

        def begin(tx: Tx) -> None:
            for row in approvals.died(tx):
                notices.outcome_unknown(tx, row.ask_id, row.payload)

        await house.store.write(begin)
        config = await house.config()
        await journal.mirror(house.store, house.folder.path, house.zone, config.journal_max_bytes, first=True)

    def _stirred(self) -> None:
        """A question was answered, something approved: it is looked at now, not at the next beat."""
        self._spawn(self._went_on())

    async def _went_on(self) -> None:
        if await self.house.store.read(interview.is_owed):
            await self.house.store.write(interview.go_on)
        await self._approved()
        await self.look_after_workers()

    async def look_after_workers(self) -> None:
        """Who has ended is known to have; what answers bring about begins, unless the loop is stopped."""
        house = self.house
        ended = await house.fleet.observe()
        lines = [] if await house.store.read(is_down) else await house.fleet.go_on()
        for line in lines:
            failed = line.startswith("failed · ")
            text = line.removeprefix("failed · ")
            await house.store.write(
                lambda tx, text=text, failed=failed: loop_events.journal(tx, names.PULSE, text, failed=failed)  # type: ignore[misc]
            )
        if lines:
            await self._settle(await house.config(), lines[-1])
        if ended or lines:
            await self.looking.observe()

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._soon.add(task)
        task.add_done_callback(self._soon.discard)

    def _again_at(self, moment: datetime) -> None:
        if self._scheduler is not None:
            # The scheduler goes by the machine's clock, whatever ours is shifted by.
            real = datetime.now(UTC) + (moment - self.house.services.clock.now())
            self._scheduler.add_job(self._ring, DateTrigger(real), id="pulse", replace_existing=True)

    async def _ring(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._soon.add(task)
        try:
            await self.beat()
        except Exception as error:
            log.error("beat_failed", exc_info=error)
        finally:
            self._soon.discard(task)
            try:
                self._again_at(await self.next_look())
            except Exception as error:
                log.error("beat_not_planned", exc_info=error)
                self._again_at(self.house.services.clock.now() + timedelta(seconds=60))

    def beat_soon(self) -> None:
        """Now, where this process beats."""
        self._again_at(self.house.services.clock.now())

    def plan_again(self) -> None:
        """What is due next may have become another."""
        if self._scheduler is not None:
            self._spawn(self._replan())

    async def _replan(self) -> None:
        self._again_at(await self.next_look())

    async def next_look(self) -> datetime:
        """When the next beat is due: after the interval, or sooner where something asked for it."""
        house, now = self.house, self.house.services.clock.now()
        config = await house.config()
        memory = await self._remembered(await asyncio.to_thread(house.folder.world, {}), now)
        plans = await asyncio.to_thread(schedules.read_all, house.folder.path / "schedules")
        moments = [now + timedelta(seconds=config.interval)]
        if memory.next_wake is not None:
            moments.append(memory.next_wake)
        due = schedules.next_due(plans, now)
        if due is not None:
            moments.append(due)
        if memory.backoff is not None:
            moments.append(memory.backoff.since + memory.backoff.wait)
        # What has passed already waits for the interval: a moment that cannot be used up never makes it spin.
        return max(min(one for one in moments if one > now), now + timedelta(seconds=1))

    # --- one beat

    async def beat(self, *, force: bool = False, focus: str = "") -> Beat:
        """`force`: decide though nothing changed; `focus`: one move for this goal, which counts as no look at the world."""
        async with self._turn:
            house = self.house
            if await house.store.read(is_down):
                return Beat("stopped")
            config = await house.config()
            await self._keep_house(config)
            await self.looking.sense(config)
            look = await self.looking.look()
            now = house.services.clock.now()
            memory = await self._remembered(look.world, now)
            memory = await self._noticed(look, memory)
            judgment = config.decides(model=self.model is not None)
            if judgment == "external":
                return Beat("unchanged", changes(memory.items, look.world.items), world_hash=look.world.hash)
            beat = self._idle(look, memory, now, config, forced=force or self._first or bool(focus))
            if beat is not None:
                if beat.result == "unreadable":
                    await house.store.write(notices.unreadable)
                return beat
            try:
                beat = await self._decide(look, memory, config, judgment, focus)
            finally:
                self._first = False
            await self._settle(config, beat.journal)
            return beat

    def _idle(
        self, look: Look, memory: Memory, now: datetime, config: LoopConfig, *, forced: bool
    ) -> Beat | None:
        world = look.world
        idle = guards.idle(memory, world.hash, world.policy_hash, now, forced=forced, limits=config.limits)
        if idle is None:
            return None
        wait = max(1, round((idle.retry_at - now).total_seconds())) if idle.retry_at is not None else 0
        return Beat(idle.why, changes(memory.items, world.items), world_hash=world.hash, wait=wait)

    async def _remembered(self, world: World, now: datetime) -> Memory:
        return await self.house.store.read(lambda session: remembering.load(session, world.policy_hash, now))

    async def _noticed(self, look: Look, memory: Memory) -> Memory:
        """How restless each reading is; and whoever waits is told what is another."""
        now = look.world.items
        signals = {name: one for name, one in now.items() if name.startswith("snap:")}
        flaps = guards.flapped(memory.flaps, signals)
        if flaps != memory.flaps:
            memory = replace(memory, flaps=flaps)
            await self.house.store.write(lambda tx: remembering.keep(tx, memory))
        await self.looking.observe(look)
        return memory

    # --- deciding and acting

    async def _decide(
        self, look: Look, memory: Memory, config: LoopConfig, judgment: str, focus: str
    ) -> Beat:
        house, world = self.house, look.world
        now = house.services.clock.now()
        runs = house.folder.path / "runs"
        run_id = names.run_id(now.astimezone(house.zone), {one.name for one in runs.glob("*")})
        changed = changes(memory.items, world.items)
        output, memory = memory.last_output, guards.attempted(memory, now)
        await house.store.write(lambda tx: remembering.keep(tx, memory))
        text = text_of(await self._brief(look, memory, changed, output, focus), config.prompt_max_bytes)
        move: Move | None = None
        try:
            said = await self._asked(judgment, text, look, memory.items, runs / run_id, config)
            move = read_move(said)
            finish = await self.acting.begin(move, config, run_id)
        except (Undecided, NotDone) as failed:
            return await self._failed(world, memory, run_id, failed.code, failed.error, changed, move)
        except BadMove as bad:
            return await self._failed(world, memory, run_id, "no move", str(bad), changed, move)
        except LoopOSError as error:
            return await self._failed(world, memory, run_id, type(error).__name__, str(error), changed, move)
        after = house.services.clock.now()
        made = move

        def commit(tx: Tx) -> Acted:
            acted = finish(tx)
            # What waits for a yes is no line of the move yet: that is written when it has run.
            loop_events.journal(tx, names.PULSE, acted.line, run_id=run_id)
            if not focus:
                again = made.next_interval_s if made.next_interval_s is not None else acted.look_again
                remembering.keep(
                    tx,
                    guards.succeeded(
                        memory,
                        world.hash,
                        world.items,
                        after,
                        noop=isinstance(made, Noop),
                        next_interval=again,
                        output=acted.output,
                        limits=config.limits,
                    ),
                )
            goal = focus or getattr(made, "id", "")
            if goal:
                remembering.touch(tx, goal, after)
            return acted

        try:
            acted = await house.store.write(commit)
        except NotDone as failed:
            return await self._failed(world, memory, run_id, failed.code, failed.error, changed, move)
        return Beat(
            "asked" if acted.asked else "moved",
            changed,
            move.model_dump(mode="json", exclude_none=True),
            acted.line,
            run_id,
            world.hash,
            acted.asked,
        )

    async def _asked(
        self,
        judgment: str,
        text: str,
        look: Look,
        before: Mapping[str, str],
        run: Path,
        config: LoopConfig,
    ) -> str:
        """The decision's text. Raises Undecided."""
        house = self.house
        if judgment == "model" and self.model is not None:
            return await self.model.decide(text, run)
        if judgment == "command":
            decider = CommandDecider(
                config.tick_command,
                house.folder.path,
                house.env(config),
                float(config.tick_timeout_secs),
                house.secrets,
            )
            for left in range(config.runner_retries, -1, -1):
                try:
                    return await decider.decide(text, run)
                except Undecided:
                    if not left:
                        raise
        founder = house.services.company.founder
        move = reflexes.decide(look.world, before, Words(founder.languages[0], founder.zone))
        said = json.dumps(move.model_dump(mode="json", exclude_none=True), ensure_ascii=False)
        await asyncio.to_thread(_keep_run, run, text, said)
        return said

    async def _brief(
        self, look: Look, memory: Memory, changed: Sequence[str], output: str, focus: str
    ) -> Brief:
        house = self.house
        acted = await house.store.read(remembering.acted_at)
        lines = await house.store.read(lambda session: journal.tail(session, house.zone))
        bodies = dict(look.bodies)
        if focus and focus not in bodies:
            bodies[focus] = await asyncio.to_thread(house.folder.archived_goal, focus)
        readings = {
            name: (data or b"(it cannot be read)").decode("utf-8", "replace")
            for name, data in look.world.snapshots.items()
        }
        config = await house.config()
        return Brief(
            now=house.services.clock.now().astimezone(house.zone),
            playbook=look.playbook,
            goals=[Goal(name, body, acted.get(name)) for name, body in bodies.items()],
            readings=readings,
            asks=look.asks,
            journal=lines,
            changes=changed,
            output=output,
            flapping=guards.flapping(memory.flaps, config.limits),
            failure=memory.failure,
            focus=focus,
        )

    async def _failed(
        self,
        world: World,
        memory: Memory,
        run_id: str,
        code: str,
        error: str,
        changed: Sequence[str],
        move: Move | None,
    ) -> Beat:
        """Nothing is committed but that it failed; what was to be shown in this decision is shown in the next."""
        now = self.house.services.clock.now()

        def commit(tx: Tx) -> str:
            remembering.keep(tx, guards.failed(memory, world.policy_hash, now, run_id, code, error))
            return loop_events.journal(tx, names.PULSE, f"{code}: {error}", run_id=run_id, failed=True)

        line = await self.house.store.write(commit)
        made = move.model_dump(mode="json", exclude_none=True) if move is not None else None
        return Beat("failed", changed, made, line, run_id, world.hash, error=f"{code}: {error}"[:300])

    # --- around it

    async def _approved(self) -> None:
        """What the founder said yes to, once each."""
        house = self.house
        rows = await house.store.read(lambda session: list(session.scalars(_APPROVED)))
        if not rows:
            return
        config = await house.config()
        for row in rows:
            await self.acting.carry_out(row, config)
        await self._settle(config, "approved")
        await self.looking.observe()

    async def _settle(self, config: LoopConfig, message: str) -> None:
        """Rows become lines, and what changed in the folder a commit."""
        house = self.house
        await journal.mirror(house.store, house.folder.path, house.zone, config.journal_max_bytes)
        await asyncio.to_thread(house.folder.commit, message or "journal")
        await asyncio.to_thread(_prune, house.folder.path / "runs", config.runs_keep)
        self._tracked = await asyncio.to_thread(_signature, house.folder.path)

    async def ask_for(self, move: RunShell, why: str, worker: str) -> str:
        """Ask the founder for a command that somebody typed; the id of the question."""
        more = {"reason": move.reason, "journal": line_of(move), "why": why}
        made = await self.house.store.write(
            lambda tx: approvals.put(tx, "shell", move.cmd, worker, why=move.reason, more=more).ask_id
        )
        await self.looking.observe()
        return made

    async def pending_sensor(self, name: str) -> str:
        """The question that this sensor waits for, which is asked now; "": it may run."""
        config = await self.house.config()
        every = await asyncio.to_thread(sensors_in, self.house.folder.path / "sensors")
        found = await self._gate.admitted([one for one in every if one.name == name], config)
        return found[0].pending if found else ""

    async def settled(self, message: str) -> None:
        """After an act from outside of a beat."""
        await self._settle(await self.house.config(), message)
        await self.looking.observe()

    async def _keep_house(self, config: LoopConfig) -> None:
        """What a person edited is theirs, what was approved is done, commands that died are told of."""
        house, now = self.house, self.house.services.clock.now()

        def rows(session: Session) -> tuple[bool, list[tuple[str, str]], bool, bool]:
            approved = bool(session.scalars(_APPROVED.limit(1)).all())
            return approved, notices.dead(session, now), interview.is_owed(session), is_busy(session)

        approved, died, owed, busy = await house.store.read(rows)
        if owed:
            await house.store.write(interview.go_on)
        if approved:
            await self._approved()
        signature, claimed = await asyncio.to_thread(_stamps, house.folder.path)
        if signature != self._tracked:
            found = await asyncio.to_thread(house.folder.take_over, now)
            self._tracked = await asyncio.to_thread(_signature, house.folder.path)
            restored = [one for one in found if one.startswith("restored: ")]
            if restored:
                await house.store.write(notices.restored)
        for name, text in died:
            await house.store.write(partial(notices.died, name, text))
        if busy or claimed:
            await self.look_after_workers()
            await house.fleet.sweep()
            await verify(house, config)
        commands = config.commands
        if commands != self._commands:
            await house.store.write(partial(notices.commands, commands))
            self._commands = commands


_APPROVED: Final = select(LoopApproval).where(LoopApproval.state == "approved").order_by(LoopApproval.at)


def _stamps(folder: Path) -> tuple[tuple[tuple[str, int, int], ...], bool]:
    """(_signature, whether something lies among the claims)"""
    return _signature(folder), any((folder / "claims").iterdir()) if (folder / "claims").is_dir() else False


def _signature(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """Of everything that a person may edit: unchanged means that git need not be asked."""
    found = []
    for name in ("PLAYBOOK.md", "config.json", "goals", "sensors", "schedules"):
        root = folder / name
        for path in [root, *(sorted(root.rglob("*")) if root.is_dir() else ())]:
            try:
                about = path.lstat()
            except OSError:
                continue
            found.append((str(path), about.st_mtime_ns, about.st_size))
    return tuple(found)


def _keep_run(run: Path, prompt: str, decision: str) -> None:
    put(run / "prompt.md", prompt)
    put(run / "decision.json", decision)


def _prune(runs: Path, most: int) -> None:
    folders = sorted(one for one in runs.glob("*") if one.is_dir())
    for old in folders[: max(0, len(folders) - most)]:
        shutil.rmtree(old, ignore_errors=True)
