"""Writes a changed file of the company and commits it: the history of the company's own folder says who changed what."""

from __future__ import annotations

import asyncio
import base64
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import structlog

from core.company.editing import Edit
from core.errors import LoopOSError, TryLater
from core.git import git, why

log = structlog.get_logger(__name__)

RETRIED: Final = timedelta(seconds=30)


class NotKept(TryLater):
    """The folder, or git in it, is not as it should be; what was decided is kept and written later."""


class NotPushed(LoopOSError):
    """The remote did not take it, or is away; the text says why."""


@dataclass(frozen=True)
class Branch:
    """One file, as it shall be (`text` None: gone), on a branch of its own."""

    name: str
    file: str
    text: str | None
    message: str
    at: datetime


class CompanyEdits:
    def __init__(
        self, folder: Path, reread: Callable[[], Awaitable[None]] | None = None, token: str = ""
    ) -> None:
        """`reread`: called once it is written; None: a service that runs sees the file by itself. `token`: for a remote over
        https; it stands in the environment of git alone."""
        self.folder = folder
        self._credential: dict[str, str] = {}
        address = urlsplit(self.origin())
        if token and address.scheme == "https":
            basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
            self._credential = {
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": f"http.https://{address.hostname}/.extraHeader",
                "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
            }
        self._reread = reread
        self._turn = asyncio.Lock()

    async def keep(
        self,
        make: Callable[[Path], Edit],
        who: str,
        trailers: Sequence[str] | None = None,
        allow: Callable[[Path, Edit], Awaitable[None]] | None = None,
    ) -> str:
        """Write the file that `make` says and commit it alone; returns the commit, "" where there is no git. `trailers`: what
        its message ends with, instead of who changed it; `allow`: called before anything is written. Raises Unreadable,
        NotKept."""
        async with self._turn:
            edit = await asyncio.to_thread(make, self.folder)
            if allow is not None:
                await allow(self.folder, edit)
            try:
                commit = await asyncio.to_thread(self._keep, edit, trailers or (f"Changed-by: {who}",))
            except (OSError, subprocess.SubprocessError) as error:
                raise NotKept(f"the company's folder takes no change: {why(error)}", RETRIED) from error
        if self._reread is not None:
            await self._reread()
        return commit

    def _keep(self, edit: Edit, trailers: Sequence[str]) -> str:
        begun = self._repository()
        path = self.folder / edit.file
        if begun and edit.text is not None and path.exists() and path.read_bytes() != edit.text.encode():
            # Where it says so already, we died between the file and its commit.
            self._commit_by_hand(edit.file)
        if edit.text is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(exist_ok=True)
            part = path.with_suffix(".part")
            part.write_text(edit.text, encoding="utf-8")
            part.replace(path)
        if not begun:
            return ""
        known = bool(self._git("ls-files", "--", edit.file))
        if edit.text is not None or known:
            self._git("add", "--force", "--all", "--", edit.file)
        if self._git("status", "--porcelain", "--untracked-files=no", "--", edit.file):
            message = "\n".join([edit.about, "", *trailers])
            self._git("commit", "--quiet", "--no-verify", "-m", message, "--", edit.file)
        return self._git("log", "-1", "--format=%H", "--", edit.file).strip()

    def _commit_by_hand(self, file: str) -> None:
        """What somebody changed in this file before is no part of what is approved now, and stands in the history as what it
        is."""
        if self._git("status", "--porcelain", "--", file) and self._git("ls-files", "--", file):
            self._git("add", "--force", "--", file)
            self._git("commit", "--quiet", "--no-verify", "-m", f"by hand: {file}", "--", file)

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

    # --- the remote

    async def push(self, branch: Branch) -> str:
        """Push `branch`, made of the remote's own state with one commit; returns the remote branch that it was cut from, ""
        where there is no remote. Raises NotPushed."""
        async with self._turn:
            return await asyncio.to_thread(self._push, branch)

    async def at_remote(self, file: str) -> str | None:
        """What stands in `file` on the remote's branch; None where nothing does. Raises NotPushed."""
        async with self._turn:
            return await asyncio.to_thread(self._at_remote, file)

    def origin(self) -> str:
        """Its address; "" where there is none."""
        try:
            return self._git("config", "--local", "--get", "remote.origin.url").strip()
        except (OSError, subprocess.SubprocessError):
            return ""

    def _at_remote(self, file: str) -> str | None:
        try:
            base = self._fetched()
            return self._git("show", f"{base}:{file}")
        except subprocess.CalledProcessError as error:
            if "does not exist" in error.stderr or "exists on disk" in error.stderr:
                return None
            raise NotPushed(why(error)) from error

    def _fetched(self) -> str:
        """The remote's state of the branch that is checked out."""
        here = self._git("symbolic-ref", "--short", "HEAD").strip()
        self._git("fetch", "--quiet", "--no-tags", "origin", here)
        return self._git("rev-parse", "FETCH_HEAD").strip()

    def _push(self, branch: Branch) -> str:
        if not self.origin():
            return ""
        try:
            here = self._git("symbolic-ref", "--short", "HEAD").strip()
            base = self._fetched()
            made = self._commit_on(base, branch)
            self._git("push", "--quiet", "--no-verify", "origin", f"{made}:refs/heads/{branch.name}")
        except (OSError, subprocess.SubprocessError) as error:
            if not self._is_there(branch):
                raise NotPushed(why(error)) from error
        return here

    def _commit_on(self, base: str, branch: Branch) -> str:
        """`base` with the one file changed, by plumbing: neither the folder nor what is staged there is touched."""
        with tempfile.TemporaryDirectory() as scratch:
            index = {"GIT_INDEX_FILE": str(Path(scratch) / "index")}
            self._git("read-tree", base, env=index)
            if branch.text is None:
                self._git("update-index", "--force-remove", "--", branch.file, env=index)
            else:
                blob = self._git("hash-object", "-w", "--stdin", said=branch.text).strip()
                entry = f"100644,{blob},{branch.file}"
                self._git("update-index", "--add", "--cacheinfo", entry, env=index)
            tree = self._git("write-tree", env=index).strip()
        # The same commit whenever it is made: what was pushed before is not pushed anew.
        when = {f"GIT_{who}_DATE": branch.at.isoformat() for who in ("AUTHOR", "COMMITTER")}
        return self._git("commit-tree", tree, "-p", base, "-m", branch.message, env=when).strip()

    def _is_there(self, branch: Branch) -> bool:
        """An earlier push, or somebody, has brought exactly this there."""
        try:
            self._git("fetch", "--quiet", "--no-tags", "origin", f"refs/heads/{branch.name}")
            there = self._git("ls-tree", "--name-only", "FETCH_HEAD", "--", branch.file).strip()
            if branch.text is None or not there:
                return branch.text is None and not there
            return self._git("show", f"FETCH_HEAD:{branch.file}") == branch.text
        except (OSError, subprocess.SubprocessError):
            return False

    def _git(self, *args: str, env: Mapping[str, str] | None = None, said: str | None = None) -> str:
        return git(self.folder, *args, env={**self._credential, **(env or {})}, said=said)
