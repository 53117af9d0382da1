"""git in a folder of ours: our own identity, no hook, no signature, nothing of how the machine is set up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

WITHIN: Final = 20.0
"""Seconds."""
_OURS: Final = (
    "-c",
    "user.name=LoopOS",
    "-c",
    "user.email=loopos@localhost",
    "-c",
    "commit.gpgsign=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "core.fsmonitor=false",
)


def git(folder: Path, *args: str, env: Mapping[str, str] | None = None, said: str | None = None) -> str:
    """What it prints. `env`: on top of ours; `said`: its input. Raises OSError (there is none), subprocess.SubprocessError (it
    failed, or took too long)."""
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": os.environ.get("HOME", ""),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        **(env or {}),
    }
    done = subprocess.run(  # noqa: S603  (no shell: what a person typed is one argument)
        ["git", "-C", str(folder), *_OURS, *args],  # noqa: S607  (whichever git there is)
        env=environment,
        input=said,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=True,
    )
    return done.stdout


def why(error: Exception) -> str:
    """The first line of what git said; never its command line."""
    said = error.stderr if isinstance(error, subprocess.CalledProcessError) else type(error).__name__
    lines = [one for one in (said or "").splitlines() if one.strip()]
    return (lines[0] if lines else "git failed")[:200]


def head(folder: Path) -> str:
    """The commit that is checked out; "" where there is none."""
    try:
        return git(folder, "rev-parse", "HEAD").strip() if (folder / ".git").exists() else ""
    except (OSError, subprocess.SubprocessError):
        return ""
