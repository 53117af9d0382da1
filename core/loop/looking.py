"""One look of the loop: the sensors are read, how things stand is put together, and whoever waits is told what is another."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session

from core.context import Tx
from core.loop import mirroring, remembering, schedules, virtual
from core.loop.brief import PendingAsk
from core.loop.config import LoopConfig
from core.loop.gatekeeping import Gatekeeper
from core.loop.house import LoopHouse
from core.loop.house_sensors import ROWS, SELDOM, SENSORS, failed_reading, rows_now
from core.loop.sensing import end_strays, publish, publish_all, read_all, sensors_in
from core.loop.world import World, canonical, parsed
from core.model import LoopNews
from core.store import loop_events
from core.workers import leases

log = structlog.get_logger(__name__)

STRAYS: Final = 10
"""Looks between two searches for processes that outlived their sensor."""


@dataclass(frozen=True, slots=True)
class Look:
    """One reading of everything."""

    world: World
    asks: Sequence[PendingAsk]
    plans: Mapping[str, schedules.Schedule | None]
    playbook: str
    bodies: Mapping[str, str]
    """Goals."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What one look reads of the database."""

    asks: list[PendingAsk]
    acted: dict[str, datetime | None]
    workers: list[dict[str, Any]]
    claims: list[dict[str, Any]]


@dataclass
class Looking:
    house: LoopHouse
    gate: Gatekeeper
    _told_last: dict[str, str] = field(default_factory=dict)
    _mirrored: set[str] = field(default_factory=set)
    _looks: int = 0
    _read_at: dict[str, datetime] = field(default_factory=dict)
    """When each of our own sensors was read last."""

    async def sense(self, config: LoopConfig) -> None:
        """Every reading as it stands now."""
        house = self.house
        path, now = house.folder.path, house.services.clock.now()
        sensors = await asyncio.to_thread(sensors_in, path / "sensors")
        admitted = await self.gate.admitted(sensors, config)
        theirs = {one.name for one in sensors}
        ours = {name: read for name, read in SENSORS.items() if name not in theirs}
        await read_all(
            admitted, path / "snapshots", path, house.env(config), now, config.bounds, house.secrets,
            kept=list(ours),
        )  # fmt: skip
        await self._read_ours(ours, now)
        self._looks += 1
        if self._looks % STRAYS == 0:
            ended = await asyncio.to_thread(end_strays, str(house.home))
            if ended:
                log.warning("strays_ended", processes=len(ended))

    async def _read_ours(self, sensors: Mapping[str, Any], now: datetime) -> None:
        """The house's own sensors: each by itself, so that one that fails is its own trouble."""
        house, readings = self.house, []
        due = {}
        for name, read in sensors.items():
            last = self._read_at.get(name)
            if last is None or now - last >= SELDOM.get(name, timedelta()):
                self._read_at[name] = now
                due[name] = read
        found = await rows_now(house, [name for name in due if name in ROWS], now)
        for name, read in due.items():
            if name in found:
                value = found[name]
            else:
                try:
                    value = await read(house, now)
                except Exception as error:
                    value = failed_reading(name, error)
            data = canonical(value).encode("utf-8", "surrogatepass")
            readings.append((house.folder.path / "snapshots" / f"sensor-{name}.json", data))
        await asyncio.to_thread(publish_all, readings)

    async def look(self) -> Look:
        """How things stand, from what was sensed last. Senses nothing, asks nobody."""
        house, now = self.house, self.house.services.clock.now()
        folder = house.folder

        def rows(session: Session) -> Rows:
            pending = [_pending(one) for one in virtual.open_asks(session)]
            workers = house.workers(session, now, config)
            return Rows(pending, remembering.acted_at(session), workers, leases.held(session))

        config = await house.config()
        found = await house.store.read(rows)
        if any(one["alive"] for one in found.workers) and await house.fleet.observe():
            found = await house.store.read(rows)
        pending, acted = found.asks, found.acted

        def files() -> Look:
            plans = schedules.read_all(folder.path / "schedules")
            snapshots = folder.path / "snapshots"
            before = _told(snapshots / "sys-schedules.json")
            signals = schedules.signals(plans, now, before)
            goals = folder.goals()
            ours = {
                "sys-asks": virtual.sys_asks(pending),
                "sys-claims": virtual.sys_claims(found.claims),
                "sys-goals": virtual.sys_goals({one: acted.get(one) for one in goals}, now),
                "sys-schedules": virtual.sys_schedules(
                    signals, {name: one.note for name, one in plans.items() if one is not None}
                ),
                "sys-sessions": virtual.sys_sessions(found.workers),
            }
            for name, value in ours.items():
                publish(snapshots / f"{name}.json", canonical(value).encode("utf-8", "surrogatepass"))
            return Look(folder.world(), pending, plans, folder.playbook(), goals)

        return await asyncio.to_thread(files)

    async def observe(self, look: Look | None = None) -> list[str]:
        """Tell whoever waits what is another than it was told last. With `look` of a beat nothing is done where all is as it
        was at the last."""
        now = (look or await self.look()).world.items
        if look is not None and now == self._told_last:
            return []
        self._told_last = now

        def tell(tx: Tx) -> list[str]:
            kinds = _kinds(remembering.record(tx.session, remembering.SEEN), now)
            remembering.keep_record(tx, remembering.SEEN, now)
            for kind in kinds:
                loop_events.happened(tx, kind)
            return [*kinds]

        asked = await self.house.store.read(mirroring.mirrored)
        await asyncio.to_thread(mirroring.write, self.house.folder.path, asked, self._mirrored)
        known = await self.house.store.read(lambda session: remembering.record(session, remembering.SEEN))
        return await self.house.store.write(tell) if known != now else []


def _pending(one: virtual.OpenAsk) -> PendingAsk:
    return PendingAsk(one.row.id, one.row.worker, one.row.prompt, live=one.live)


def _kinds(before: Mapping[str, str], now: Mapping[str, str]) -> list[LoopNews]:
    of_kind: dict[str, LoopNews] = {"playbook": "playbook", "goal": "goals"}
    found: set[LoopNews] = set()
    for name in {*before, *now}:
        if before.get(name) != now.get(name):
            kind = name.partition(":")[0]
            if name == "snap:sys-sessions":
                found.add("workers")
            elif name == "snap:sys-asks":
                continue  # told of when it is asked and answered
            else:
                found.add(of_kind.get(kind, "snapshots"))
    return sorted(found)


def _told(path: Path) -> Mapping[str, Any]:
    try:
        value = parsed(path.read_bytes())
        return dict(value["signal"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}
