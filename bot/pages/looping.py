"""The loop as a person sees it: what it works towards, what it did and what failed, what it asks, what wakes it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import select

from core.access.credentials import Caller
from core.asks import asks
from core.asks.askers import is_stranded
from core.cards.ask import asker
from core.cards.workers import HEALTH
from core.context import Services, Store, Tx
from core.loop import guards, remembering, schedules
from core.loop.folder import LoopFolder
from core.loop.house import is_down
from core.loop.world import wake_part
from core.model import Role
from core.store.loop_tables import LoopLine
from core.team.rights import MAY, Part, Right
from core.workers import roster

LINES: Final = 60
STUCK_AFTER: Final = 900.0
"""Seconds, as core.loop.config has it."""


async def page(store: Store, services: Services, caller: Caller) -> dict[str, Any]:
    from core.loop.verbs.policy import title_of  # heavy, and no start waits for it

    folder = LoopFolder(services.loop_folder)
    now = services.clock.now()
    bodies, plans, playbook, policy = await asyncio.to_thread(_files, folder)
    readings = await asyncio.to_thread(_readings, folder)

    def rows(session: Any) -> dict[str, Any]:
        tx: Tx = services.unit(session, now)
        memory = remembering.load(session, policy, now)
        acted = remembering.acted_at(session)
        lines = session.scalars(select(LoopLine).order_by(LoopLine.seq.desc()).limit(LINES)).all()
        backoff = memory.backoff
        return {
            "running": not is_down(session),
            "fails": backoff.fails if backoff is not None else 0,
            "again": backoff.since + backoff.wait if backoff is not None else None,
            "flapping": guards.flapping(memory.flaps, guards.Limits()),
            "goals": [
                {"id": name, "title": title_of(body), "body": body, "acted": acted.get(name)}
                for name, body in bodies.items()
            ],
            "lines": [
                {
                    "at": row.at,
                    "text": row.text,
                    "failed": row.failed,
                    "who": tx.services.company.name_of(row.actor)
                    if tx.services.company.person(row.actor)
                    else row.actor,
                }
                for row in lines
            ],
            "asks": [
                {
                    "id": row.id,
                    "text": row.prompt,
                    "at": row.asked_at,
                    "tap": row.irreversible,
                    "options": row.options,
                    "who": asker(row.worker, row.asked_by, tx.services.company, caller.words),
                    "stranded": is_stranded(session, row),
                }
                for row in asks.pending(session, caller.person)
                if row.kind != "flag"  # it stands beside its worker
            ],
            "workers": roster.describe(session, services.loop_folder / "sessions", now, STUCK_AFTER),
        }

    found = await store.read(rows)
    signals = schedules.signals(plans, now)
    boss = caller.person.role in {Role.FOUNDER, Role.LEAD}
    founder = Part.FOUNDER in MAY[Right.POLICY] and caller.person.role is Role.FOUNDER
    return {
        **found,
        "lines": found["lines"] if boss else [],
        "boss": boss,
        "founder": founder,
        "health": HEALTH,
        "schedules": [
            {
                "name": name,
                "state": str(signals[name]),
                "note": one.note if one is not None else "",
                "at": _next(one, now),
            }
            for name, one in plans.items()
        ],
        "playbook": playbook if founder else "",
        "readings": readings,
        "thinks": services.models is not None,
    }


def _files(folder: LoopFolder) -> tuple[dict[str, str], dict[str, schedules.Schedule | None], str, str]:
    return (
        folder.goals(),
        schedules.read_all(folder.path / "schedules"),
        folder.playbook(),
        folder.world({}).policy_hash,
    )


def _readings(folder: LoopFolder) -> list[dict[str, Any]]:
    """What it sees, in short: what may wake it; a sensor that fails or waits for a yes is named so."""
    found = []
    for name, data in sorted(folder.world().snapshots.items()):
        if not name.startswith("sensor-"):
            continue
        text = wake_part(data).decode("utf-8", "replace")
        found.append(
            {"name": name.removeprefix("sensor-"), "text": text[:300], "bad": text.startswith('{"error":')}
        )
    return found


def _next(one: schedules.Schedule | None, now: datetime) -> datetime | None:
    return schedules.next_due({"": one}, now.astimezone(UTC))
