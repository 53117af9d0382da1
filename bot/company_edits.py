"""Writes a changed file of the company and commits it: the history of the company's own folder says who changed what."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

import structlog

from core.company.editing import Edit

log = structlog.get_logger(__name__)

WITHIN: Final = 20.0
_OURS: Final = (
    "-c",
    "user.name=LoopOS",
    "-c",
    "user.email=loopos@localhost",
    "-c",
    "commit.gpgsign=false",
    "-c",
    "core.hooksPath=/dev/null",
)
"""Our own identity, no signature and no hook: what the machine is set up for is nobody's business here."""


class CompanyEdits:
    def __init__(self, folder: Path, reread: Callable[[], Awaitable[None]] | None = None) -> None:
        """`reread`: called once it is written; None: a service that runs sees the file by itself."""
        self.folder = folder
        self._reread = reread
        self._turn = asyncio.Lock()

    async def keep(
        self, make: Callable[[Path], Edit], who: str, trailers: Sequence[str] | None = None
    ) -> str:
        """Write the file that `make` says and commit it alone; returns the commit, "" where there is no git. `trailers`: what
        its message ends with, instead of who changed it. Raises Unreadable."""
        async with self._turn:
            commit = await asyncio.to_thread(self._keep, make, trailers or (f"Changed-by: {who}",))
        if self._reread is not None:
            await self._reread()
        return commit

    def _keep(self, make: Callable[[Path], Edit], trailers: Sequence[str]) -> str:
        edit = make(self.folder)
        begun = self._repository()
        path = self.folder / edit.file
        if edit.text is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(exist_ok=True)
            part = path.with_suffix(".part")
            part.write_text(edit.text, encoding="utf-8")
            part.replace(path)
        if not begun:
            return ""
        if self._git("status", "--porcelain", "--", edit.file):
            message = "\n".join([edit.about, "", *trailers])
            self._git("add", "--all", "--", edit.file)
            self._git("commit", "--quiet", "--no-verify", "-m", message, "--", edit.file)
        return self._git("rev-parse", "HEAD").strip()

    def _repository(self) -> bool:
        """The folder is a repository of its own, now at the latest; its first commit is the company as it was. False where
        there is no git."""
        try:
            if not (self.folder / ".git").exists():
                self._git("init", "--quiet")
                self._git("add", "--", ".")
                self._git("commit", "--quiet", "--no-verify", "--allow-empty", "-m", "The company as it was")
        except (OSError, subprocess.SubprocessError) as error:
            log.warning("company_not_committed", error=type(error).__name__)
            return False
        return True

    def _git(self, *said: str) -> str:
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
        }
        done = subprocess.run(  # noqa: S603  (no shell: what a person typed is one argument)
            ["git", "-C", str(self.folder), *_OURS, *said],  # noqa: S607  (whichever git there is)
            env=environment,
            capture_output=True,
            text=True,
            timeout=WITHIN,
            check=True,
        )
        return done.stdout
