"""How the loop goes: up and down, a beat, how it stands, waiting for what is another."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from typing import Final

from core import names
from core.context import Tx
from core.errors import Refused
from core.i18n import N_
from core.loop import remembering, state
from core.loop.house import is_down, set_down
from core.loop.pulse import Beat
from core.loop.verbs.call import AGAIN, Asked, Carrier, Reply
from core.store import loop_events
from core.store.loop_tables import LoopCursor

HELD: Final = 20.0
"""Seconds that one question of a waiting client is held."""
DOWN_FOR: Final = 15.0
"""Seconds that a stopped loop is waited for."""


async def up(verbs: Carrier, asked: Asked) -> Reply:
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


async def down(verbs: Carrier, asked: Asked) -> Reply:
    changed = await verbs.house.store.write(lambda tx: set_down(tx, True))
    ended = await verbs.house.fleet.kill_all()
    named = ", ".join(ended)
    line = f"loop stopped: {len(ended)} workers ended" + (f" ({named})" if ended else "")
    if changed or ended:
        await verbs.note(asked, "loop stopped" + (f", ended {named}" if ended else ""))
    said = N_("The loop is stopped. Tickets go on as always; /up starts it again.")
    if ended:
        said = N_(
            "The loop is stopped, and who worked for it: {workers}. Tickets go on as always; /up starts it again."
        )
    return Reply(out=line, said=(said, {"workers": named}))


async def tick(verbs: Carrier, asked: Asked) -> Reply:
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


async def run_goal(verbs: Carrier, asked: Asked) -> Reply:
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


async def show_state(verbs: Carrier, asked: Asked) -> Reply:
    found = await state.state(verbs.pulse, alive=verbs.alive)
    return Reply(out=json.dumps(found, ensure_ascii=False, indent=2))


async def show_status(verbs: Carrier, asked: Asked) -> Reply:
    found = await state.status(verbs.pulse, alive=verbs.alive, pid=str(os.getpid()) if verbs.alive else None)
    as_json = asked.args.get("json")
    return Reply(out=json.dumps(found, ensure_ascii=False, indent=2) if as_json else state.status_text(found))


async def wait(verbs: Carrier, asked: Asked) -> Reply:
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


async def _woke(verbs: Carrier, changed: Sequence[str], cursor: LoopCursor, *, down: bool) -> Reply:
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
