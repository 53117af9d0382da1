"""The verbs of the loop, whoever uses them: the shell, a root agent, a person in chat. Each is carried out by the one process that
owns the home."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.actors import Actor
from core.asks import asks
from core.context import Tx
from core.errors import Refused
from core.i18n import N_
from core.loop import acting, names, remembering, schedules, state, virtual
from core.loop.acting import NotDone, failed_text
from core.loop.house import is_down, set_down
from core.loop.moves import RunShell, WriteSensor, line_of
from core.loop.pulse import Beat, Pulse
from core.loop.sensing import sensors_in
from core.loop.shell_gate import judge
from core.store import loop_events
from core.store.loop_tables import LoopApproval, LoopCursor

LONGEST: Final = 20_000
"""Characters of a command."""
AGAIN: Final = -1
"""The code of an answer that only says: nothing yet, ask again."""
HELD: Final = 20.0
"""Seconds that one question of a waiting client is held."""
DOWN_FOR: Final = 15.0
"""Seconds that a stopped loop is waited for."""
POLICY: Final = frozenset(
    {
        "up", "down", "tick", "run", "_ run", "answer", "goal write", "goal archive", "sensor write", "sensor drop",
        "playbook write", "playbook undo", "schedule write", "schedule rm",
    }
)  # fmt: skip
"""What no worker may do: it proposes, it never approves."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One verb as somebody wants it."""

    verb: str
    args: Mapping[str, Any]
    actor: str = "cli"
    worker: str = ""
    """Which worker calls; "": none does."""
    channel: str = "cli"

    @property
    def who(self) -> Actor:
        return Actor("operator" if self.actor == "cli" else self.actor, self.channel)

    @property
    def told_by(self) -> str:
        return self.worker or self.actor

    def text(self, name: str) -> str:
        return str(self.args.get(name) or "")


@dataclass(frozen=True, slots=True)
class Reply:
    """`code`: 0 done, 1 refused or failed; `out` is the answer alone, `err` a line why. `said`: the same for a person in chat, as a
    sentence of the catalogues with what fills it; None: they are told `out`."""

    code: int = 0
    out: str = ""
    err: str = ""
    said: tuple[str, Mapping[str, str]] | None = None
    refused: Refused | None = None


Verb = Callable[["Verbs", Asked], Awaitable[Reply]]


class Verbs:
    def __init__(self, pulse: Pulse, *, alive: bool) -> None:
        """`alive`: this process beats."""
        self.pulse = pulse
        self.house = pulse.house
        self.alive = alive

    async def carry_out(self, asked: Asked) -> Reply:
        """Never raises for what was asked."""
        if asked.worker and asked.verb in POLICY:
            return Reply(1, err=f"a worker may not {asked.verb}: it proposes, it never approves")
        try:
            return await VERBS[asked.verb](self, asked)
        except Refused as refused:
            return Reply(1, refused=refused)
        except NotDone as failed:
            return Reply(1, err=str(failed))
        except (OSError, UnicodeError) as error:
            return Reply(1, err=f"{type(error).__name__}: {error}"[:300])

    async def note(self, asked: Asked, line: str, *, goal: str = "") -> str:
        """What was done stands in the journal, and is committed."""
        text = asked.text("journal") or line

        def write(tx: Tx) -> str:
            if goal:
                remembering.touch(tx, goal, tx.now)
            return loop_events.journal(tx, asked.told_by, text)

        kept = await self.house.store.write(write)
        await self.pulse.settled(kept)
        return line


def _body(text: str) -> str:
    if not text.strip():
        raise Refused("text_needed")
    return text


# --- the loop itself


async def _up(verbs: Verbs, asked: Asked) -> Reply:
    changed = await verbs.house.store.write(lambda tx: set_down(tx, False))
    if await verbs.house.store.write(remembering.mend):
        await verbs.note(asked, "the record of the last look was damaged: begun anew")
    if changed:
        await verbs.note(asked, "loop started")
        verbs.pulse.beat_soon()
    line = f"loop {'started' if changed else 'already running'} (pid {os.getpid()})"
    out = json.dumps({"started": changed, "pid": str(os.getpid())}) if asked.args.get("json") else line
    said = N_("The loop runs.") if changed else N_("The loop was running already.")
    return Reply(out=out, said=(said, {}))


async def _down(verbs: Verbs, asked: Asked) -> Reply:
    changed = await verbs.house.store.write(lambda tx: set_down(tx, True))
    if changed:
        await verbs.note(asked, "loop stopped")
    return Reply(
        out="loop stopped: 0 workers ended",
        said=(N_("The loop is stopped. Tickets go on as always; /up starts it again."), {}),
    )


async def _tick(verbs: Verbs, asked: Asked) -> Reply:
    beat = await verbs.pulse.beat(force=bool(asked.args.get("force")))
    failed = beat.result in {"failed", "unreadable"}
    if asked.args.get("json"):
        return Reply(int(failed), json.dumps(beat.to_json(), ensure_ascii=False), beat.line if failed else "")
    return Reply(int(failed), "" if failed else beat.line, beat.line if failed else "", in_words(beat))


def in_words(beat: Beat) -> tuple[str, Mapping[str, str]]:
    """How a beat went, for a person in chat."""
    if beat.result == "unchanged" or (beat.move is not None and beat.move.get("action") == "noop"):
        return N_("I looked around: nothing new."), {}
    match beat.result:
        case "stopped":
            return N_("The loop is stopped. Tickets go on as always; /up starts it again."), {}
        case "asked":
            return N_("I looked around, and ask something: {ask}"), {"ask": beat.asked}
        case "moved":
            return N_("I looked around: {line}"), {"line": beat.journal}
    return N_("I looked around, and it did not work: {line}"), {"line": beat.line}


async def _run_goal(verbs: Verbs, asked: Asked) -> Reply:
    folder, goal = verbs.house.folder, asked.text("goal")
    live = await asyncio.to_thread(folder.goals)
    archived = await asyncio.to_thread(folder.archived)
    known = names.checked(goal, [*live, *archived])
    if known not in live and known not in archived:
        there = ", ".join(sorted(live)) or "none"
        return Reply(1, err=f"there is no goal {names.shown(goal)}; there are: {there}",
                     refused=Refused("unknown_goal", goal=names.shown(goal)))  # fmt: skip
    config = await verbs.house.config()
    beat = await verbs.pulse.beat(focus=known)
    failed = beat.result not in {"moved", "asked"}
    if not failed and config.decides(model=verbs.pulse.model is not None) == "reflexes":
        said = (N_("Without a language model nobody works on a goal by itself."), dict[str, str]())
        err = "no language model decides here: a goal waits for one, or for a root agent"
        return Reply(0, beat.line, err, said)
    return Reply(int(failed), "" if failed else beat.line, beat.line if failed else "", in_words(beat))


async def _state(verbs: Verbs, asked: Asked) -> Reply:
    found = await state.state(verbs.pulse, alive=verbs.alive)
    return Reply(out=json.dumps(found, ensure_ascii=False, indent=2))


async def _status(verbs: Verbs, asked: Asked) -> Reply:
    found = await state.status(verbs.pulse, alive=verbs.alive, pid=str(os.getpid()) if verbs.alive else None)
    as_json = asked.args.get("json")
    return Reply(out=json.dumps(found, ensure_ascii=False, indent=2) if as_json else state.status_text(found))


async def _wait(verbs: Verbs, asked: Asked) -> Reply:
    """Held until something is another; AGAIN after a while, so that whoever asks sees when we are gone."""
    store, clock, loop = verbs.house.store, verbs.house.services.clock, asyncio.get_running_loop()
    name = names.checked(asked.text("as") or "root")
    only = asked.args.get("only_asks")
    kinds = ("asks",) if only else state.ACTIONABLE if asked.args.get("actionable") else state.WAKES
    since = asked.args.get("since")
    stirred, begun = asyncio.Event(), False
    leave = store.subscribe(loop_events.TOPIC, stirred.set)
    began, until = loop.time(), loop.time() + min(HELD, float(asked.args.get("left", HELD)))
    down_since = float(asked.args.get("down") or 0)
    try:
        while True:
            stirred.clear()
            changed, cursor = await store.read(
                lambda session: state.woken(session, name, since, kinds, clock.now())
            )
            stopped = await store.read(is_down)
            down = loop.time() - began + down_since if stopped or not verbs.alive else 0.0
            if changed or down >= DOWN_FOR:
                return await _woke(verbs, changed, cursor, down=down >= DOWN_FOR and not changed)
            if since is None and not begun:  # where this name begins is remembered before anything happens
                begun = True
                await store.write(lambda tx, kept=cursor: _keep_cursor(tx, kept))  # type: ignore[misc]
            if loop.time() >= until:
                return Reply(AGAIN, out=json.dumps({"down": down}))
            try:
                async with asyncio.timeout(min(1.0, max(0.05, until - loop.time()))):
                    await stirred.wait()
            except TimeoutError:
                pass
    finally:
        leave()


async def _woke(verbs: Verbs, changed: Sequence[str], cursor: LoopCursor, *, down: bool) -> Reply:
    await verbs.house.store.write(lambda tx: _keep_cursor(tx, cursor))
    found = await state.state(verbs.pulse, alive=verbs.alive)
    told = ["pulse-down"] if down else list(changed)
    text = json.dumps({**found, "changed": told, "cursor": cursor.seq}, ensure_ascii=False, indent=2)
    return Reply(2 if down else 0, out=text, err="the loop is down" if down else "")


def _keep_cursor(tx: Tx, cursor: LoopCursor) -> None:
    known = tx.get(LoopCursor, cursor.name)
    if known is None:
        tx.add(LoopCursor(name=cursor.name, seq=cursor.seq, woken=cursor.woken))
    elif (known.seq, known.woken) != (cursor.seq, cursor.woken):
        known.seq, known.woken = max(known.seq, cursor.seq), cursor.woken


# --- policy


async def _goal_write(verbs: Verbs, asked: Asked) -> Reply:
    body = _body(asked.text("body"))
    kept = await asyncio.to_thread(verbs.house.folder.write_goal, asked.text("id"), body)
    line = await verbs.note(asked, f"write-goal {kept}", goal=kept)
    config = await verbs.house.config()
    said = N_("The goal {goal} is written.")
    if config.decides(model=verbs.pulse.model is not None) == "reflexes":
        said = N_("The goal {goal} is written. Without a language model nobody works on it by itself.")
    return Reply(out=line, said=(said, {"goal": kept}))


async def _goal_archive(verbs: Verbs, asked: Asked) -> Reply:
    kept = await asyncio.to_thread(verbs.house.folder.archive_goal, asked.text("id"))
    line = await verbs.note(asked, f"archive-goal {kept}", goal=kept)
    return Reply(out=line, said=(N_("The goal {goal} is put away."), {"goal": kept}))


async def _goal_list(verbs: Verbs, asked: Asked) -> Reply:
    found = await asyncio.to_thread(verbs.house.folder.goals)
    heads = {name: title_of(body) for name, body in found.items()}
    if asked.args.get("json"):
        return Reply(
            out=json.dumps([{"id": name, "goal": head} for name, head in heads.items()], ensure_ascii=False)
        )
    text = "\n".join(f"{name}  {head}" for name, head in heads.items())
    return Reply(out=text, said=None if text else (N_("There are no goals."), {}))


def title_of(body: str) -> str:
    """The line that says what a goal is."""
    lines = [one.strip() for one in body.splitlines() if one.strip() and one.strip() != "---"]
    named = next((one for one in lines if one.startswith("goal:")), lines[0] if lines else "")
    return named.removeprefix("goal:").strip()[:200]


async def _goal_show(verbs: Verbs, asked: Asked) -> Reply:
    return Reply(out=await asyncio.to_thread(verbs.house.folder.goal, asked.text("id")))


async def _sensor_write(verbs: Verbs, asked: Asked) -> Reply:
    script, config = _body(asked.text("script")), await verbs.house.config()
    verdict = await asyncio.to_thread(judge, script, config.shell_allow, config.fetch_allow)
    if verdict.kind == "refused":
        raise NotDone("refused", verdict.why)
    kept = await asyncio.to_thread(verbs.house.folder.write_sensor, asked.text("name"), script)
    move = WriteSensor(action="write_sensor", name=kept, script=script)
    line = await verbs.note(asked, line_of(move))
    pending = await verbs.pulse.pending_sensor(kept)
    who = verbs.house.services.company.founder.id
    return Reply(out=line, err=f"asked {who}: {pending}" if pending else "")


async def _sensor_list(verbs: Verbs, asked: Asked) -> Reply:
    found = await asyncio.to_thread(sensors_in, verbs.house.folder.path / "sensors")
    if asked.args.get("json"):
        return Reply(out=json.dumps([one.name for one in found]))
    return Reply(out="\n".join(one.name for one in found))


async def _sensor_show(verbs: Verbs, asked: Asked) -> Reply:
    return Reply(out=await asyncio.to_thread(verbs.house.folder.sensor, asked.text("name")))


async def _sensor_drop(verbs: Verbs, asked: Asked) -> Reply:
    kept = await asyncio.to_thread(verbs.house.folder.drop_sensor, asked.text("name"))
    return Reply(out=await verbs.note(asked, f"drop-sensor {kept}"))


async def _playbook_write(verbs: Verbs, asked: Asked) -> Reply:
    now = verbs.house.services.clock.now()
    await asyncio.to_thread(verbs.house.folder.write_playbook, _body(asked.text("body")), now)
    line = await verbs.note(asked, "write-playbook")
    return Reply(
        out=line, said=(N_("The PLAYBOOK is written. /playbook undo brings the former one back."), {})
    )


async def _playbook_undo(verbs: Verbs, asked: Asked) -> Reply:
    former = await asyncio.to_thread(verbs.house.folder.former_playbook)
    if not former:
        raise Refused("no_former")
    now = verbs.house.services.clock.now()
    await asyncio.to_thread(verbs.house.folder.write_playbook, former, now)
    line = await verbs.note(asked, "write-playbook · the former one again")
    return Reply(out=line, said=(N_("The former PLAYBOOK holds again."), {}))


async def _playbook_show(verbs: Verbs, asked: Asked) -> Reply:
    return Reply(out=await asyncio.to_thread(verbs.house.folder.playbook))


async def _schedule_write(verbs: Verbs, asked: Asked) -> Reply:
    now = verbs.house.services.clock.now()
    plan = schedules.new_schedule(
        now,
        asked.args.get("in"),
        asked.args.get("every"),
        asked.text("note"),
        asked.text("if_missed") or "run_once",
    )
    folder = verbs.house.folder.path / "schedules"
    kept = await asyncio.to_thread(schedules.write, folder, asked.text("name"), plan)
    line = await verbs.note(asked, f"write-schedule {kept}")
    verbs.pulse.plan_again()
    return Reply(out=line)


async def _schedule_rm(verbs: Verbs, asked: Asked) -> Reply:
    folder = verbs.house.folder.path / "schedules"
    kept = await asyncio.to_thread(schedules.drop, folder, asked.text("name"))
    return Reply(out=await verbs.note(asked, f"drop-schedule {kept}"))


async def _schedule_list(verbs: Verbs, asked: Asked) -> Reply:
    plans = await asyncio.to_thread(schedules.read_all, verbs.house.folder.path / "schedules")
    found = schedules.signals(plans, verbs.house.services.clock.now())
    if asked.args.get("json"):
        return Reply(out=json.dumps(found, ensure_ascii=False))
    notes = {name: one.note for name, one in plans.items() if one is not None}
    return Reply(
        out="\n".join(f"{name}  {one}  {notes.get(name, '')}".rstrip() for name, one in found.items())
    )


# --- acts and questions


async def _run_shell(verbs: Verbs, asked: Asked) -> Reply:
    cmd = _body(asked.text("cmd"))
    if len(cmd) > LONGEST:
        raise Refused("too_long", most=LONGEST)
    reason = asked.text("reason") or " ".join(cmd.split())[:100]
    config, who = await verbs.house.config(), verbs.house.services.company.founder.id
    move = RunShell(action="run_shell", cmd=cmd, reason=reason, journal=asked.text("journal") or None)
    verdict = await verbs.pulse.acting.judged(cmd, config)
    if verdict.kind == "ask":
        ask_id = await verbs.pulse.ask_for(move, verdict.why, asked.told_by)
        await verbs.house.store.write(lambda tx: loop_events.journal(tx, asked.told_by, f"asked {ask_id}"))
        await verbs.pulse.settled(f"asked {ask_id}")
        return Reply(1, err=f"asked {who}: {ask_id}")
    run_id = names.run_id(verbs.house.services.clock.now().astimezone(verbs.house.zone))
    code, output = await verbs.pulse.acting.run(cmd, config, f"{run_id}-{os.urandom(3).hex()}")
    line = line_of(move)
    if code != 0:
        await verbs.house.store.write(
            lambda tx: loop_events.journal(
                tx, asked.told_by, f"{line}: {failed_text(code, output)}", failed=True
            )
        )
        await verbs.pulse.settled(line)
        return Reply(1, err=f"{output.rstrip()}\n{failed_text(code, '')}".strip())
    await verbs.note(asked, line)
    return Reply(out=f"run-shell · {reason}", err=output.rstrip("\n"))


async def _approval(verbs: Verbs, asked: Asked) -> Reply:
    """How an approved command ended; AGAIN while it is open."""
    row = await verbs.house.store.read(lambda session: session.get(LoopApproval, asked.text("id")))
    if row is None:
        raise Refused("unknown_ask", ask=asked.text("id")[:80])
    match row.state:
        case "pending" | "approved" | "running":
            return Reply(AGAIN)
        case "done" | "failed":
            return Reply(row.code or 0, out=f"run-shell · {row.more.get('reason', '')}" if not row.code else "",
                         err=row.output.rstrip("\n"))  # fmt: skip
    return Reply(1, err=f"{row.state} {row.ask_id}")


async def _notify(verbs: Verbs, asked: Asked) -> Reply:
    text, to = _body(asked.text("text")), asked.text("to") or None
    fresh = await verbs.house.store.write(lambda tx: acting.notify(tx, text, to))
    if fresh:
        verbs.pulse.acting.hook(text, await verbs.house.config())
    line = f"notify · {text}"
    await verbs.note(asked, f"{line} [{asked.text('id')}]" if asked.text("id") else line)
    return Reply(out=f"notify · {text}")


async def _asks(verbs: Verbs, asked: Asked) -> Reply:
    every = bool(asked.args.get("all"))

    def rows(session: Any) -> list[dict[str, Any]]:
        known = {row.id: approval for row, approval in virtual.open_asks(session)}
        return [asks.ask_json(row, known.get(row.id)) for row in asks.pending(session, None, every=every)]

    found = await verbs.house.store.read(rows)
    if asked.args.get("json"):
        return Reply(out=json.dumps(found, ensure_ascii=False, indent=2))
    lines = [f"{one['id']}  {' '.join(one['prompt'].split())[:120]}" for one in found]
    return Reply(out="\n".join(lines) or "Nothing is asked.")


async def _answer(verbs: Verbs, asked: Asked) -> Reply:
    ask_id, again = asked.text("id"), bool(asked.args.get("force"))
    who = asked.who
    await verbs.house.store.write(
        lambda tx: asks.answer(tx, asks.find(tx, ask_id), asked.text("text"), who, again=again)
    )
    await verbs.pulse.observe()
    return Reply(out=f"answered {ask_id}")


async def _ask(verbs: Verbs, asked: Asked) -> Reply:
    """Its id; whoever asked waits for the answer by themselves."""
    worker = names.checked(asked.text("worker") or "cli")
    options = [one.strip() for one in asked.text("options").split(",") if one.strip()]
    row = await verbs.house.store.write(
        lambda tx: (
            asks.ask(
                tx,
                worker,
                asked.text("prompt"),
                options=[*options, *asked.args.get("option", [])],
                reference=asked.text("ref"),
                to=asked.text("to") or None,
                irreversible=bool(asked.args.get("irreversible")),
                channel=asked.channel,
            ).id
        )
    )
    await verbs.pulse.observe()
    return Reply(out=row)


async def _answered(verbs: Verbs, asked: Asked) -> Reply:
    """The answer, which whoever asked has from now on; AGAIN: there is none yet."""
    found = await verbs.house.store.write(lambda tx: asks.fetched(tx, asked.text("id")))
    return Reply(AGAIN) if found is None else Reply(out=found)


VERBS: Final[Mapping[str, Verb]] = {
    "up": _up,
    "down": _down,
    "tick": _tick,
    "run": _run_goal,
    "_ run": _run_shell,
    "status": _status,
    "state": _state,
    "wait": _wait,
    "asks": _asks,
    "answer": _answer,
    "goal write": _goal_write,
    "goal archive": _goal_archive,
    "goal list": _goal_list,
    "goal show": _goal_show,
    "sensor write": _sensor_write,
    "sensor list": _sensor_list,
    "sensor show": _sensor_show,
    "sensor drop": _sensor_drop,
    "playbook write": _playbook_write,
    "playbook show": _playbook_show,
    "playbook undo": _playbook_undo,
    "notify": _notify,
    "ask": _ask,
    "schedule write": _schedule_write,
    "schedule rm": _schedule_rm,
    "schedule list": _schedule_list,
    # not typed: how the two verbs that wait look again
    "answered": _answered,
    "approval": _approval,
}
