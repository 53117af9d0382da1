"""The loop's folder: what a person may read and edit, as files, and a repository with a commit for each change.

Files are the truth of PLAYBOOK, goals, sensors and schedules. What somebody edits by hand counts, is committed as such, and the
former body is never lost."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog

from core import git, names
from core.errors import Refused
from core.files import put
from core.loop import seeds
from core.loop.world import World

log = structlog.get_logger(__name__)

PLAYBOOK: Final = "PLAYBOOK.md"
FORMER_KEPT: Final = 20
"""PLAYBOOKs of before."""
TRACKED: Final = (
    "PLAYBOOK.md",
    "goals",
    "sensors",
    "schedules",
    "playbook.d",
    "journal.md",
    "config.json",
    ".gitignore",
)
IGNORED: Final = ("snapshots", "asks", "answers", "claims", "reports", "runs", "prompts", "sessions", "bin")
MAX_BYTES: Final = 1024 * 1024
"""Of a PLAYBOOK or a goal: what is larger is read as unreadable."""


class LoopFolder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._git = threading.RLock()
        """One of our threads at a time: git itself refuses a second."""
        self._trouble = ""
        """Why the last command of git's failed; "": it did not."""

    # --- its layout

    def is_new(self) -> bool:
        """Nothing was ever kept in it: `ensure` will seed it."""
        return not (self.path / PLAYBOOK).exists() and not any(self._former())

    def ensure(self, now: datetime) -> None:
        """Make what is missing. A PLAYBOOK that is there is never touched."""
        for name in ("goals", "goals/archive", "sensors", "schedules", "playbook.d", *IGNORED):
            (self.path / name).mkdir(parents=True, exist_ok=True)
        fresh = self.is_new()
        if fresh:
            for name, text in seeds.FILES.items():
                if not (self.path / name).exists():
                    put(self.path / name, text)
                if name.startswith("sensors/"):
                    (self.path / name).chmod(0o755)
        if not (self.path / ".gitignore").exists():
            put(self.path / ".gitignore", "".join(f"/{one}/\n" for one in IGNORED) + ".*.part\n")
        with contextlib.suppress(OSError):  # of a process that died; nobody else writes here
            (self.path / ".git" / "index.lock").unlink(missing_ok=True)
        self._repository()
        if fresh:
            self.commit("the loop as it begins")

    def _repository(self) -> None:
        if not (self.path / ".git").exists():
            self._try_git("init", "--quiet")

    def commit(self, message: str) -> None:
        """All that is tracked, as it lies there. Without git the files count all the same."""
        with self._git:
            self._repository()
            there = [one for one in TRACKED if (self.path / one).exists()]
            self._try_git("add", "--all", "--force", "--", *there)
            if self._try_git("status", "--porcelain", "--untracked-files=no"):
                self._try_git("commit", "--quiet", "--no-verify", "-m", message)

    def _try_git(self, *args: str) -> str:
        try:
            said = git.git(self.path, *args)
        except (OSError, subprocess.SubprocessError) as error:
            why = git.why(error)
            if why != self._trouble:  # the same trouble is one line, however many commands meet it
                log.warning("loop_not_committed", why=why)
            self._trouble = why
            return ""
        self._trouble = ""
        return said

    # --- what it holds

    def world(self, snapshots: Mapping[str, bytes | None] | None = None) -> World:
        """PLAYBOOK and goals as they lie there; `snapshots`: name -> reading (None: read them from the folder)."""
        goals = {name: _read(path) for name, path in self._goal_files().items()}
        if snapshots is None:
            folder = self.path / "snapshots"
            snapshots = {one.stem: _read(one) for one in sorted(folder.glob("*.json"))}
        return World(_read(self.path / PLAYBOOK), goals, snapshots)

    def playbook(self) -> str:
        return (_read(self.path / PLAYBOOK) or b"").decode("utf-8", "replace")

    def goals(self) -> dict[str, str]:
        """id -> body, of those that are live."""
        return {
            name: (_read(path) or b"").decode("utf-8", "replace") for name, path in self._goal_files().items()
        }

    def goal(self, goal_id: str) -> str:
        """Raises Refused("bad_id" | "unknown_goal")."""
        found = self.goals().get(self._known(goal_id))
        if found is None:
            raise Refused("unknown_goal", goal=names.shown(goal_id))
        return found

    def archived(self) -> list[str]:
        return sorted(one.stem for one in (self.path / "goals" / "archive").glob("*.md"))

    def archived_goal(self, goal_id: str) -> str:
        """ "" where there is none, or it cannot be read."""
        return (_read(self.path / "goals" / "archive" / f"{goal_id}.md") or b"").decode("utf-8", "replace")

    def _goal_files(self) -> dict[str, Path]:
        found = sorted((self.path / "goals").glob("*.md"))
        return {one.stem: one for one in found if one.is_file() and names.is_id(one.stem)}

    def _known(self, goal_id: str) -> str:
        return names.checked(goal_id, self._goal_files())

    # --- changing it

    def write_goal(self, goal_id: str, body: str) -> str:
        """Returns its id as it is kept. Raises Refused("bad_id")."""
        kept = self._known(goal_id)
        put(self.path / "goals" / f"{kept}.md", body)
        return kept

    def archive_goal(self, goal_id: str) -> str:
        """Out of the way, under a name that is free; returns its id. Raises Refused("bad_id" | "unknown_goal")."""
        kept = self._known(goal_id)
        source = self.path / "goals" / f"{kept}.md"
        if not source.is_file():
            raise Refused("unknown_goal", goal=kept)
        target = names.freed(kept, self.archived())
        source.replace(self.path / "goals" / "archive" / f"{target}.md")
        return kept

    def write_playbook(self, body: str, now: datetime) -> None:
        """The former body is kept beside it."""
        self._keep_former((_read(self.path / PLAYBOOK) or b""), now)
        put(self.path / PLAYBOOK, body)

    def former_playbook(self) -> str:
        """The one before; "" where there is none."""
        former = self._former()
        return former[-1].read_text(encoding="utf-8", errors="replace") if former else ""

    def write_sensor(self, name: str, script: str) -> str:
        """Raises Refused("bad_id")."""
        kept = names.checked(name.removesuffix(".sh"))
        target = self.path / "sensors" / f"{kept}.sh"
        put(target, script if script.startswith("#!") else f"#!/usr/bin/env bash\n{script}")
        target.chmod(0o755)
        return kept

    def sensor(self, name: str) -> str:
        """Raises Refused("bad_id" | "unknown_sensor")."""
        kept = names.checked(name.removesuffix(".sh"))
        for path in (self.path / "sensors" / f"{kept}.sh", self.path / "sensors" / kept):
            if path.is_file():
                return (_read(path) or b"").decode("utf-8", "replace")
        raise Refused("unknown_sensor", sensor=kept)

    def drop_sensor(self, name: str) -> str:
        """Raises Refused("bad_id" | "unknown_sensor")."""
        kept = names.checked(name.removesuffix(".sh"))
        found = [
            one
            for one in (self.path / "sensors" / f"{kept}.sh", self.path / "sensors" / kept)
            if one.is_file()
        ]
        if not found:
            raise Refused("unknown_sensor", sensor=kept)
        for one in found:
            one.unlink()
        return kept

    def _keep_former(self, body: bytes, now: datetime) -> None:
        if not body.strip():
            return
        former = self._former()
        if former and former[-1].read_bytes() == body:
            return
        stems = {one.stem for one in former}
        put(
            self.path / "playbook.d" / f"{names.freed(f'{now:%Y%m%d-%H%M%S}', stems)}.md",
            body.decode("utf-8", "replace"),
        )
        for old in self._former()[:-FORMER_KEPT]:
            old.unlink(missing_ok=True)

    def _former(self) -> list[Path]:
        with contextlib.suppress(OSError):
            return sorted(
                (self.path / "playbook.d").glob("*.md"), key=lambda one: (one.stat().st_mtime_ns, one.name)
            )
        return []

    # --- what a person edited

    def take_over(self, now: datetime) -> list[str]:
        """Commit what was changed by hand, file by file; returns the paths. A PLAYBOOK that is empty, gone or unreadable is put
        back as it was, and is named with "restored: " before it."""
        with self._git:
            return self._take_over(now)

    def _take_over(self, now: datetime) -> list[str]:
        self._repository()
        found: list[str] = []
        if not (_read(self.path / PLAYBOOK) or b"").strip():
            if self._restore():
                found.append(f"restored: {PLAYBOOK}")
        elif (before := self._committed(PLAYBOOK)) is not None and before != self.playbook():
            self._keep_former(before.encode("utf-8", "surrogateescape"), now)
        changed = self._try_git(
            "status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--", *TRACKED
        )
        paths = sorted({one[3:] for one in changed.split("\0") if len(one) > 3})
        for path in paths:
            if path.endswith(".part") or path == "journal.md":
                continue
            self._try_git("add", "--all", "--force", "--", path)
            self._try_git("commit", "--quiet", "--no-verify", "-m", f"by hand: {path}", "--", path)
            if not path.startswith("playbook.d/"):
                found.append(path)
        return found

    def _committed(self, path: str) -> str | None:
        if not self._try_git("ls-files", "--", path):
            return None
        return self._try_git("show", f"HEAD:{path}")

    def _restore(self) -> bool:
        body = self._committed(PLAYBOOK) or ""
        if not body.strip():
            former = self._former()
            body = (
                former[-1].read_text(encoding="utf-8", errors="replace") if former else seeds.FILES[PLAYBOOK]
            )
        target = self.path / PLAYBOOK
        if target.is_dir() and not target.is_symlink():
            shutil.move(
                target,
                self.path / names.freed(f"{PLAYBOOK}.aside", {one.name for one in self.path.iterdir()}),
            )
        put(target, body)
        return True


def _read(path: Path) -> bytes | None:
    """None: it is not there, too large, or cannot be read. Links are not followed out of the folder."""
    try:
        if path.is_symlink() or path.stat().st_size > MAX_BYTES:
            return None
        return path.read_bytes()
    except OSError:
        return None
