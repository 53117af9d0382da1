"""What a program that the loop starts is given: where it is, and no secret of ours. What it may find out all the same is struck
out of whatever it says."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from core.files import put
from core.loop.config import PREFIXES
from core.loop.sensing import MARK
from core.striking import LEAST_SECRET

PASSED: Final = frozenset({"PATH", "HOME", "LANG", "TZ", "TMPDIR", "TERM"})
_SECRET: Final = re.compile(
    r"TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|_KEY$|CREDENTIAL|DATABASE_URL", re.IGNORECASE
)
CALLER: Final = "LOOPOS_CALLER"
"""Which worker runs a verb; set by the file that it is given as BIN."""


def child_env(
    folder: Path, home: Path, environ: Mapping[str, str], pass_env: Iterable[str] = (), session: str = ""
) -> dict[str, str]:
    """`folder`: the loop's. The names are given with our prefix and with the older one."""
    wanted = {*PASSED, *pass_env}
    env = {name: value for name, value in environ.items() if name in wanted or name.startswith("LC_")}
    paths = {
        "BIN": folder / "bin" / (f"worker-{session}" if session else "loopos"),
        "DATA_DIR": folder,
        "CONFIG": folder / "config.json",
        "CLAIMS_DIR": folder / "claims",
        "REPORTS_DIR": folder / "reports",
        "COST_LEDGER": home / "usage.jsonl",
        **({"SESSION_ID": session} if session else {}),
    }
    for name, path in paths.items():
        env |= {prefix + name: str(path) for prefix in PREFIXES}
    if session:
        env["SESSION_ID"] = session
    env["LOOPOS_HOME"] = str(home)
    env[MARK] = str(home)
    return env


def worker_env(env: Mapping[str, str]) -> dict[str, str]:
    """A worker outlives whoever started it, and is no stray of the loop's."""
    return {key: value for key, value in env.items() if key != MARK}


def builtin_argv(worker: str) -> list[str]:
    path = f"PYTHONPATH={Path(__file__).parents[2]}"
    return ["/usr/bin/env", path, sys.executable, "-m", "bot.verbs.working", worker]


def secrets_in(environ: Mapping[str, str]) -> frozenset[bytes]:
    """The values that nothing may say: of every variable whose name says that it is one."""
    return frozenset(
        value.encode("utf-8", "surrogateescape")
        for name, value in environ.items()
        if _SECRET.search(name) and len(value) >= LEAST_SECRET
    )


def write_bin(folder: Path, caller: str = "") -> Path:
    """The one file that a program starts to reach us: the same program that runs now, wherever it is installed. `caller`: the
    worker whose file it is."""
    path = folder / "bin" / (f"worker-{caller}" if caller else "loopos")
    root = Path(__file__).parents[2]
    lines = [
        "#!/bin/sh",
        f"PYTHONPATH={shlex.quote(str(root))}${{PYTHONPATH:+:$PYTHONPATH}}; export PYTHONPATH",
        *([f"{CALLER}={shlex.quote(caller)}; export {CALLER}"] if caller else []),
        f'exec {shlex.quote(sys.executable)} -m bot "$@"',
    ]
    text = "\n".join(lines) + "\n"
    if not path.is_file() or path.read_text(encoding="utf-8", errors="replace") != text:
        put(path, text)
        path.chmod(0o755)
    return path
