"""The company's files are read again when they change; a broken one keeps what was known, and the founder is told. What a
command beside the service did to the team counts as well."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog

from core.access import credentials
from core.company.company import Company
from core.company.findings import CompanyDataError
from core.company.loader import load_company
from core.context import Services, Store, Tx
from core.errors import StartupError, TryLater
from core.i18n import N_
from core.model import Address
from core.outbox import card_publisher
from core.outbox.said_once import first_time
from core.staff import leaving
from core.store.session_rows import SessionRows
from core.store.unit import Fenced
from core.team.company_now import company_now
from core.triage.offline import OfflineEngine
from core.workflow import company_changes
from core.workflow.learning_sync import LearningSync

log = structlog.get_logger(__name__)

EVERY: Final = 2.0
"""Seconds between two looks: whoever was taken out of team.json has no right five seconds later."""
Stamp = tuple[tuple[str, int, int, int], ...]


class CompanyFiles:
    """Looks at the folder now and then. One per process."""

    def __init__(
        self, folder: Path, store: Store, services: Services, engine: OfflineEngine, learning: LearningSync
    ) -> None:
        self._folder = folder
        self._store = store
        self._services = services
        self._engine = engine
        self._learning = learning
        self._seen = stamp_of(folder)
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._loop = asyncio.create_task(self._run(), name="company_files")

    async def stop(self) -> None:
        if self._loop is not None:
            self._loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._loop

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except TryLater as later:
                log.warning("company_files_wait", reason=str(later))
            except Fenced:
                return
            except Exception as unexpected:  # whatever a file holds: who watches the rights goes on watching
                log.error("company_files_failed", exc_info=unexpected)
            await asyncio.sleep(EVERY)

    async def look(self) -> None:
        stamp = await asyncio.to_thread(stamp_of, self._folder)
        if stamp != self._seen:
            await self._read_again(stamp)
        untold = await self._store.read(credentials.untold)
        if untold:
            await self._store.write(lambda tx: credentials.tell_of(tx, untold))
        services = self._services
        company = await self._store.read(lambda session: company_now(SessionRows(session), services.written))
        if company != services.company:
            there = {person.id for person in company.team}
            gone = [one for one in services.company.team if one.id not in there]
            addresses = [way for one in gone for way in services.addresses_of(one)]
            services.company = company
            await self._store.write(lambda tx: _settle(tx, addresses))

    async def _read_again(self, stamp: Stamp) -> None:
        try:
            written = await asyncio.to_thread(load_company, self._folder)
        except StartupError as error:
            findings = error.findings if isinstance(error, CompanyDataError) else [error]
            why = "\n".join(str(one) for one in findings)
            log.error("company_files_broken", problem=why[:300])
            # Whoever was taken out is gone all the same: what tightens counts, whatever else is wrong.
            self._services.written = self._services.written.without(
                await asyncio.to_thread(taken_out, self._folder, self._services.written)
            )
            await self._store.write(lambda tx: _tell(tx, why))
            self._seen = stamp
            return
        if written != self._services.written:
            await self._store.write(lambda tx: company_changes.notice(tx, written))
            await self._store.write(lambda tx: tell_refused(tx, written))
            await asyncio.to_thread(self._engine.adopt, written)
            before = self._services.written
            former = {**before.former, **{one.id: one.name for one in before.team}}
            self._services.written = replace(written, former=former)
            await self._learning.teach()  # lessons about places that are there now
            log.info("company_files_read")
        self._seen = stamp


def taken_out(folder: Path, written: Company) -> set[str]:
    """Whom a team.json names no more that can be read at least so far; nobody where it cannot, or where the founder is
    missing too."""
    try:
        rows = json.loads((folder / "team.json").read_text(encoding="utf-8"))
        there = {row["id"] for row in rows}
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return set()
    return {one.id for one in written.team} - there if written.founder.id in there else set()


def stamp_of(folder: Path) -> Stamp:
    """What tells that a file is another: its name, size, time and place on the disk."""
    found = []
    for path in sorted((*folder.glob("*.json"), *folder.glob("skills/*.json"), *folder.glob("rules/*.json"))):
        with contextlib.suppress(OSError):
            seen = path.stat()
            found.append((path.name, seen.st_size, seen.st_mtime_ns, seen.st_ino))
    return tuple(found)


def _settle(tx: Tx, addresses: Sequence[Address]) -> None:
    leaving.fall_silent(tx, addresses)
    leaving.owe(tx)


def tell_refused(tx: Tx, written: Company) -> None:
    """Files that were left out, each once a day."""
    for finding in written.refused:
        _tell(tx, str(finding))


def _tell(tx: Tx, why: str) -> None:
    """The founder, once for each mistake."""
    if not first_time(tx, f"company:{hashlib.sha256(why.encode()).hexdigest()[:40]}:{tx.now:%Y-%m-%d}"):
        return
    card_publisher.tell(
        tx,
        tx.services.company.founder,
        lambda words: words(
            N_("⚠️ The company's files have a mistake, so I go on with what they said before: {why}"),
            why=why[:1500],
        ),
    )
