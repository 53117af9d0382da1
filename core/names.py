"""Ids of goals, workers, sensors and leases: a file's name, a button's part, a word in a shell. Refused where they could be more."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from datetime import datetime
from typing import Final

from core.errors import Refused

PULSE: Final = "pulse"
"""The loop itself; no worker is called so."""
LONGEST: Final = 80
"""Characters."""
MAX_BYTES: Final = 200
"""Of a name: with an ending it is a file's."""
_OLD_PREFIX: Final = "looop-"


def checked(name: str, taken: Collection[str] = ()) -> str:
    """`name`, without the prefix that older agents put before it where nothing is called so. Raises Refused("bad_id")."""
    if name.startswith(_OLD_PREFIX) and name not in taken:
        name = name.removeprefix(_OLD_PREFIX)
    if not is_id(name):
        raise Refused("bad_id", name=shown(name))
    return name


def is_id(name: str) -> bool:
    """Not empty, no separator, no leading dot, no blank, nothing that cannot be seen; and no option."""
    return (
        0 < len(name) <= LONGEST
        and len(name.encode("utf-8", "replace")) <= MAX_BYTES
        and not name.startswith((".", "-"))
        and not any(one in '/\\:"<>|?*' or one.isspace() for one in name)
        and not any(unicodedata.category(one)[0] == "C" for one in name)
    )


def shown(name: str) -> str:
    """A name that was refused, as it may be repeated to whoever typed it."""
    return re.sub(r"[^\x20-\x7e]", "?", name)[:LONGEST]


def run_id(at: datetime, taken: Collection[str] = ()) -> str:
    """`tick-YYYYMMDD-HHMMSS`, with a number behind it where there is one of that second."""
    base = f"tick-{at:%Y%m%d-%H%M%S}"
    number = 2
    found = base
    while found in taken:
        found, number = f"{base}-{number}", number + 1
    return found


def freed(name: str, taken: Collection[str]) -> str:
    """`name`, or with the first number behind it that is free: nothing is overwritten."""
    number, found = 2, name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found
