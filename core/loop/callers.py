"""Which worker bids a verb. The system names the process at the other end of a socket, and the rows name the supervisors of workers:
neither is what a caller says of itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.context import Store
from core.processes import began, parent
from core.store.worker_tables import WorkerRow

log = structlog.get_logger(__name__)

SOCKET: Final = "calls.sock"
"""In the home."""
UNKNOWN: Final = "?"
"""Nobody knows who calls: it may do what a worker may."""
DEEPEST: Final = 100_000
"""Generations that are looked up."""
RUNS: Final = 500
"""So many of the newest runs, the ended too: what a worker left behind is no operator."""
WITHIN: Final = 5.0
KEPT: Final = 10_000
"""Calls that were vouched for and whose row has not come."""
LONGEST: Final = 64
"""Characters of a request's id."""


class Callers:
    def __init__(self, home: Path, store: Store, heard: Callable[[], None]) -> None:
        """`heard`: a call is vouched for."""
        self._home = home
        self._store = store
        self._heard = heard
        self._known: dict[str, str] = {}
        self._server: asyncio.Server | None = None
        self._told = False

    async def listen(self) -> None:
        """Where it does not yet: there was no socket to have when it was tried before."""
        if self._server is not None:
            return
        try:
            self._server = await self._opened()
        except OSError as error:
            if not self._told:
                log.error("calls_not_heard", why=error.strerror)
            self._told = True

    async def _opened(self) -> asyncio.Server:
        # The path of a socket is short, that of a home may be long: it is named by a handle on its folder.
        folder = os.open(self._home, os.O_PATH | os.O_DIRECTORY)
        try:
            return await asyncio.start_unix_server(self._served, f"/proc/self/fd/{folder}/{SOCKET}")
        finally:
            os.close(folder)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def of(self, request: str) -> str | None:
        """Whose call this was ("": no worker's); None: nobody vouched for it yet."""
        return self._known.get(request)

    def forget(self, request: str) -> None:
        self._known.pop(request, None)

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError, ValueError, UnicodeDecodeError):
            async with asyncio.timeout(WITHIN):
                pid = peer_of(writer.get_extra_info("socket"))
                request = (await reader.readline()).decode("ascii").strip()
                if 0 < len(request) <= LONGEST:
                    if len(self._known) >= KEPT:  # the oldest waits for a row that never came
                        self._known.pop(next(iter(self._known)))
                    known = await self._store.read(_supervisors)
                    self._known[request] = await asyncio.to_thread(caller_of, pid, known)
                    self._heard()
                writer.write(b"ok\n")
                await writer.drain()
        writer.close()


def peer_of(connection: socket.socket) -> int:
    """Its process, as the system has it; 0: it is none that we could see."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", data)[0]
    return pid


def caller_of(pid: int, supervisors: Mapping[tuple[int, str], str]) -> str:
    """The worker that process `pid` belongs to; "": none. What cannot be told is UNKNOWN. `supervisors`: (number, beginning) ->
    worker."""
    if pid <= 0:
        return UNKNOWN
    for _ in range(DEEPEST):
        since = began(pid)
        if since is None:
            return UNKNOWN
        if (pid, since) in supervisors:
            return supervisors[pid, since]
        if pid == 1:
            return ""
        pid = parent(pid) or 0
        if pid == 0:
            return ""  # from outside of this container
    return UNKNOWN


def _supervisors(session: Session) -> dict[tuple[int, str], str]:
    wanted = select(WorkerRow.pid, WorkerRow.began, WorkerRow.id).where(WorkerRow.pid.is_not(None))
    rows = session.execute(wanted.order_by(WorkerRow.run.desc()).limit(RUNS))
    return {(int(pid or 0), str(since)): str(worker) for pid, since, worker in rows}
