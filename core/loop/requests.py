"""Verbs from beside the service: a row for each, which the owner of the home carries out and answers. Who put one there is told over a
socket (core.loop.callers), which rings too; a byte in a pipe says that a worker has ended. Both are looked at by themselves as well."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from core import phrases
from core.cards.workers import WORKERS
from core.context import Tx
from core.errors import Refused
from core.i18n import Words
from core.loop.callers import Callers
from core.loop.verbs.call import Asked, Reply
from core.loop.verbs.table import Verbs
from core.model import Address
from core.outbox import card_publisher
from core.store.loop_tables import LoopEvent, LoopRequest
from core.store.tables import table
from core.team.people import reader_for
from core.workflow.loop_requests import TOPIC

log = structlog.get_logger(__name__)

SHELL: Final = "cli"
"""The channel of a verb that was typed."""
PIPE: Final = "wake"
"""In the home."""
LOOKS: Final = 2.0
"""Seconds between two looks that nobody asked for."""
KEPT: Final = timedelta(minutes=10)
"""So long an answer stays there for whoever asked."""
EVENTS_KEPT: Final = timedelta(days=7)
SWEPT: Final = 60.0
"""Seconds between two sweeps of what nobody will read any more."""
ENGLISH: Final = Words("en", ZoneInfo("UTC"))


class Requests:
    def __init__(self, verbs: Verbs) -> None:
        self._verbs = verbs
        self._store = verbs.house.store
        self._rung = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._working: set[asyncio.Task[None]] = set()
        self._minding: asyncio.Task[None] | None = None
        self._minds_well = True
        self._pipe = -1
        self._callers = Callers(verbs.house.home, self._store, self._rung.set)

    async def start(self) -> None:
        await self._store.write(self._interrupted)
        self._pipe = await asyncio.to_thread(open_pipe, self._verbs.house.home / PIPE)
        if self._pipe >= 0:
            asyncio.get_running_loop().add_reader(self._pipe, self._heard)
        self._leave = self._store.subscribe(TOPIC, self._rung.set)
        self._looking = asyncio.create_task(self._run(), name="loop-requests")

    async def stop(self) -> None:
        if self._looking is None:
            return
        self._leave()
        await self._callers.stop()
        if self._pipe >= 0:
            asyncio.get_running_loop().remove_reader(self._pipe)
            os.close(self._pipe)
        minding = [self._minding] if self._minding is not None else []
        for one in (self._looking, *minding, *self._working):
            one.cancel()
        await asyncio.gather(self._looking, *minding, *self._working, return_exceptions=True)
        self._looking = None

    def _heard(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            os.read(self._pipe, 4096)
        self._rung.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        swept = loop.time()
        while True:
            self._rung.clear()
            try:
                if loop.time() - swept > SWEPT:
                    swept = loop.time()
                    await self._store.write(sweep)
                await self._callers.listen()
                self._look_after_workers()
                for name, channel in await self._store.read(_new):
                    if channel == SHELL and self._callers.of(name) is None:
                        continue  # until the system has said whose it is
                    task = asyncio.create_task(self._carry_out(name))
                    self._working.add(task)
                    task.add_done_callback(self._working.discard)
            except Exception as error:
                log.error("requests_not_read", exc_info=error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOKS):
                    await self._rung.wait()

    def _look_after_workers(self) -> None:
        """A supervisor rings when its worker has ended; one that could not is looked for all the same. Nobody's verb waits for it."""
        if self._minding is None or self._minding.done():
            self._minding = asyncio.create_task(self._mind(), name="loop-workers")

    async def _mind(self) -> None:
        try:
            await self._verbs.pulse.look_after_workers()
            self._minds_well = True
        except Exception as error:
            if self._minds_well:  # said once, not with every look
                log.error("workers_not_looked_after", exc_info=error)
            self._minds_well = False

    async def _carry_out(self, name: str) -> None:
        found = await self._store.write(lambda tx: _take(tx, name))
        caller = self._callers.of(name)
        self._callers.forget(name)
        if found is None:
            return
        asked, reply_to = found
        if caller:
            asked = replace(asked, worker=caller)
        try:
            reply = await self._verbs.carry_out(asked)
        except Exception as error:
            log.error("verb_failed", verb=asked.verb, exc_info=error)
            reply = Reply(1, err="something went wrong here; it is logged")
        await self._store.write(lambda tx: finish(tx, name, reply, asked, reply_to))

    @staticmethod
    def _interrupted(tx: Tx) -> None:
        """What the last owner was in the middle of: whoever waits for it is told, and it is not done again."""
        rows = table(LoopRequest)
        tx.change(
            update(rows)
            .where(rows.c.state == "running")
            .values(
                state="done",
                code=1,
                err="the service stopped in the middle of this; please look whether it was done",
            )
        )
        sweep(tx)


def sweep(tx: Tx) -> None:
    """Answers were read long ago: a client that waits asks every twenty seconds, and each answer holds the whole state."""
    rows, events = table(LoopRequest), table(LoopEvent)
    tx.change(delete(rows).where(rows.c.state != "running", rows.c.at < tx.now - KEPT))
    tx.change(delete(events).where(events.c.at < tx.now - EVENTS_KEPT))


def open_pipe(path: Path) -> int:
    """Open for both ends, so that it never ends; -1 where there can be none."""
    try:
        if not path.exists():
            os.mkfifo(path, 0o600)
        if not stat.S_ISFIFO(path.stat().st_mode):
            return -1
        return os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except OSError as error:
        log.warning("no_wake_pipe", why=error.strerror)
        return -1


def _new(session: Session) -> list[tuple[str, str]]:
    """(id, channel)"""
    wanted = select(LoopRequest.id, LoopRequest.channel).where(LoopRequest.state == "new")
    rows = session.execute(wanted.order_by(LoopRequest.at, LoopRequest.id).limit(1000))
    return [(name, channel) for name, channel in rows]


def _take(tx: Tx, name: str) -> tuple[Asked, str | None] | None:
    row = tx.get(LoopRequest, name)
    if row is None or row.state != "new":
        return None
    row.state = "running"
    return Asked(row.verb, row.args, row.actor, row.worker, row.channel), row.reply_to


def finish(tx: Tx, name: str, reply: Reply, asked: Asked, reply_to: str | None) -> None:
    """Its answer is there; whoever asked in chat is told in their language."""
    row = tx.get(LoopRequest, name)
    if row is not None:
        row.state, row.code, row.out, row.err = "done", reply.code, reply.out, err_of(reply, tx)
        row.at = tx.now  # by our own clock: whoever asked may have another
    if reply_to is None:
        return
    person = tx.services.company.person(asked.actor)
    if person is None:
        return
    reader, address = reader_for(tx, person), Address(asked.channel, reply_to)
    if reply.card is not None and reply.code == 0:
        card_publisher.post_own(tx, WORKERS, name, reply.card, [(address, reader)])
    else:
        card_publisher.say(tx, address, worded(reply, reader.words, tx))


def err_of(reply: Reply, tx: Tx) -> str:
    if reply.err or reply.refused is None:
        return reply.err
    return phrases.refusal(reply.refused, ENGLISH, tx.now)


def worded(reply: Reply, words: Words, tx: Tx) -> str:
    refused: Refused | None = reply.refused
    if refused is not None:
        return phrases.refusal(refused, words, tx.now)
    if reply.said is not None:
        text, params = reply.said
        return words(text, **params)
    return reply.out or reply.err
