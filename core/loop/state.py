"""How the loop stands, as whoever drives it is told. Reads what is there; senses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.cost.ledger import total, within
from core.cost.months import span_of
from core.loop import guards, journal, remembering, virtual
from core.loop.house import is_down
from core.loop.looking import Look
from core.loop.pulse import Pulse
from core.loop.world import parsed
from core.store.loop_tables import LoopCursor, LoopEvent, LoopLine

HELD: Final = 600
"""Seconds after which an ask that still waits wakes whoever waits once more."""
WAKES: Final = ("asks", "playbook", "goals", "snapshots", "workers")
ACTIONABLE: Final = ("asks", "journal")
WORKER: Final = ("id", "state", "alive", "exit_code", "health", "verify")
FLEET: Final = ("id", "state", "alive", "exit_code", "flagged", "note")
"""Of each worker, in `state` and in `status`."""


async def state(pulse: Pulse, *, alive: bool) -> dict[str, Any]:
    """{world_hash, pulse_alive, judgment, cursor, snapshots, asks, workers, goals, schedules, flapping, journal_tail, data_dir}"""
    house = pulse.house
    look = await pulse.looking.look()
    config = await house.config()
    now = house.services.clock.now()

    def rows(session: Session) -> dict[str, Any]:
        memory = remembering.load(session, look.world.policy_hash, now)
        return {
            "workers": house.workers(session, now, config),
            "pulse_alive": alive and not is_down(session),
            "cursor": _cursor(session),
            "asks": [one.to_json() for one in virtual.open_asks(session)],
            "flapping": guards.flapping(memory.flaps, config.limits),
            "journal_tail": journal.tail(session, house.zone),
        }

    found = await house.store.read(rows)
    return {
        "world_hash": look.world.hash,
        "pulse_alive": found["pulse_alive"],
        "judgment": config.decides(model=pulse.model is not None),
        "cursor": found["cursor"],
        "snapshots": {name: reading(data) for name, data in look.world.snapshots.items()},
        "asks": found["asks"],
        "workers": [{key: one[key] for key in WORKER} for one in found["workers"]],
        "goals": list(look.bodies),
        "schedules": _signals(look),
        "flapping": found["flapping"],
        "journal_tail": found["journal_tail"],
        "data_dir": str(house.folder.path),
    }


async def status(pulse: Pulse, *, alive: bool, pid: str | None) -> dict[str, Any]:
    """{pulse, last_tick, workers, attention, cost_today_usd, data_dir, guards}"""
    house = pulse.house
    look, config, now = await pulse.looking.look(), await house.config(), house.services.clock.now()
    _, warnings = await asyncio.to_thread(house.config_now)

    def rows(session: Session) -> dict[str, Any]:
        memory = remembering.load(session, look.world.policy_hash, now)
        workers = house.workers(session, now, config)
        running = alive and not is_down(session)
        last = session.scalars(
            select(LoopLine).where(LoopLine.run_id != "").order_by(LoopLine.seq.desc()).limit(1)
        ).first()
        lately = [one for one in memory.attempts if now - one < guards.HOUR]
        most = config.max_decides_per_hour
        retry = memory.backoff.since + memory.backoff.wait if memory.backoff is not None else None
        return {
            "pulse": {"running": running, "pid": pid if running else None, "interval_s": config.interval},
            "last_tick": {
                "at": last.at.isoformat() if last is not None else None,
                "hash": memory.committed or None,
            },
            "workers": [{key: one[key] for key in FLEET} for one in workers],
            "attention": [
                {"id": one.row.id, "worker": one.row.worker, "text": one.row.prompt}
                for one in virtual.open_asks(session)
            ]
            + [
                {"id": one["id"], "worker": one["id"], "text": one["note"] or "flagged"}
                for one in workers
                if one["flagged"]
            ],
            "cost_today_usd": float(total(session, within(span_of("today", now, house.zone)))),
            "data_dir": str(house.folder.path),
            "warnings": warnings,
            "guards": {
                "fails": memory.backoff.fails if memory.backoff is not None else 0,
                "retry_in_s": max(0, round((retry - now).total_seconds())) if retry is not None else 0,
                "capped": bool(most) and len(lately) >= most,
                "decides_last_hour": len(lately),
                "flapping": guards.flapping(memory.flaps, config.limits),
            },
        }

    return await house.store.read(rows)


def status_text(found: dict[str, Any]) -> str:
    pulse, guard = found["pulse"], found["guards"]
    lines = [
        f"pulse: {'running, pid ' + str(pulse['pid']) if pulse['running'] else 'not running'}"
        f", every {pulse['interval_s']} s",
        f"last tick: {found['last_tick']['at'] or 'never'}",
    ]
    lines += [f"not understood: {one}" for one in found["warnings"]]
    if guard["fails"]:
        lines.append(f"failures in a row: {guard['fails']}, again in {guard['retry_in_s']} s")
    if guard["capped"]:
        lines.append("capped for this hour")
    if guard["flapping"]:
        lines.append(f"restless: {', '.join(guard['flapping'])}")
    lines += [
        f"worker: {one['id']}  {one['state']}" + ("" if one["alive"] else f" ({one['exit_code']})")
        for one in found["workers"]
    ]
    lines += [f"waits: {one['id']}  {' '.join(one['text'].split())[:100]}" for one in found["attention"]]
    lines.append(f"cost today: {found['cost_today_usd']:.4f} USD")
    return "\n".join(lines)


def reading(data: bytes | None) -> Any:
    """A snapshot as it is told: parsed where it is JSON, else as it is."""
    if data is None:
        return None
    try:
        return parsed(data)
    except ValueError:
        return data.decode("utf-8", "replace")


def _signals(look: Look) -> dict[str, Any]:
    found = reading(look.world.snapshots.get("sys-schedules"))
    signal = found.get("signal") if isinstance(found, dict) else None
    return signal if isinstance(signal, dict) else {}


def _cursor(session: Session) -> int:
    return session.scalar(select(func.max(LoopEvent.seq))) or 0


# --- waiting


def woken(
    session: Session, name: str, since: int | None, kinds: Iterable[str], now: datetime
) -> tuple[list[str], LoopCursor]:
    """(what is another since that cursor, the cursor of `name` as it would be from now on). A pending ask wakes once, and again
    after HELD seconds."""
    known = session.get(LoopCursor, name)
    latest = _cursor(session)
    start = since if since is not None else known.seq if known is not None else latest
    wanted = select(LoopEvent.kind).where(LoopEvent.seq > start).distinct()
    found = {one for one in session.scalars(wanted) if one in set(kinds)}
    told = dict(known.woken) if known is not None else {}
    pending = [one.row.id for one in virtual.open_asks(session)]
    due = [one for one in pending if one not in told or now.timestamp() - float(told[one]) >= HELD]
    if due:
        found.add("asks")
    again = {
        one: now.timestamp() if one in due else told[one] for one in pending if one in told or one in due
    }
    return sorted(found), LoopCursor(name=name, seq=latest if found else start, woken=again)
