"""One writer per home. A lock file that dies with its process, and a fence in the database for the one case
it cannot see: an owner that is frozen, replaced, and then thaws (P14)."""

from __future__ import annotations

import fcntl
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import StartupError
from core.store.tables import Owner
from core.store.unit import Unit

BEAT: Final = timedelta(seconds=10)
STALE: Final = timedelta(seconds=30)
MOMENT: Final = " for a moment"
"""Behind the process in the lock file: it does one thing and ends."""


class HomeLock:
    """Holds LOOPOS_HOME/owner.lock. The kernel frees it at any death, so a restart never waits."""

    def __init__(self, home: Path) -> None:
        self._path = home / "owner.lock"
        self._file: IO[str] | None = None

    def take(self, *, for_a_moment: bool = False) -> bool:
        """True if the lock is ours now; False if a living process holds it. `for_a_moment`: whoever finds it taken need only
        wait. Raises StartupError where nothing can be written there."""
        try:
            handle = self._path.open("a+")
        except OSError as error:
            raise StartupError(
                f"LOOPOS_HOME cannot be written: {error.strerror}.", "Check the folder's owner and rights."
            ) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            handle.close()
            return False
        handle.seek(0)
        handle.truncate()
        handle.write(f"{os.getpid()}{MOMENT if for_a_moment else ''}")
        handle.flush()
        self._file = handle
        return True

    def holder(self) -> str:
        """The process id in the lock file, or "unknown"."""
        try:
            return self._path.read_text().strip() or "unknown"
        except OSError:
            return "unknown"

    def held_for_a_moment(self) -> bool:
        """By a verb in the shell, which lets go of it soon."""
        return self.holder().endswith(MOMENT)

    def replace(self) -> None:
        """Take over from a frozen holder: it keeps its lock on the old file, we lock a new one."""
        self._path.unlink(missing_ok=True)
        if not self.take():
            raise already_running(self.holder())

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def already_running(pid: str) -> StartupError:
    return StartupError(
        f"Another LoopOS (process {pid}) is already running on this LOOPOS_HOME.",
        "Stop it first, or set LOOPOS_HOME to another folder.",
    )


def is_stale(session: Session, now: datetime) -> bool:
    """True if the recorded owner has not beaten for STALE: frozen, since a dead one frees its lock."""
    owner = session.scalar(select(Owner).where(Owner.id == 1))
    return owner is not None and now - owner.beat_at > STALE


def take_over(tx: Unit) -> int:
    """Become the owner; the returned fence is checked in every later commit."""
    owner = tx.session.scalar(select(Owner).where(Owner.id == 1))
    if owner is None:
        owner = tx.add(Owner(id=1, fence=0, holder="", beat_at=tx.now))
    owner.fence += 1
    owner.holder = str(os.getpid())
    owner.beat_at = tx.now
    return owner.fence


def beat(tx: Unit) -> None:
    owner = tx.session.scalar(select(Owner).where(Owner.id == 1))
    if owner is not None:
        owner.beat_at = tx.now
