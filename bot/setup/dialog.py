"""The questions of `loopos init`: how the operator is asked, and a token asked for until its vendor takes it."""

from __future__ import annotations

import asyncio
import getpass
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import SecretStr

from bot.settings import PLACEHOLDER, Settings
from core.errors import StartupError

PLAIN: Final = re.compile(r"[A-Za-z0-9_.:/+=@~-]{1,2000}")
"""What every vendor's tokens are made of: such a value needs no quotes in any reader of env files."""

Values = dict[str, str]
"""Environment variable -> what it shall be."""
Live = Callable[[str], Coroutine[Any, Any, str]]
"""Asks the vendor about a token: one line about who we are there. Raises StartupError."""


@dataclass(frozen=True)
class Dialog:
    """How the operator is asked and told. An empty answer takes what is offered."""

    ask: Callable[[str], str] = input
    secret: Callable[[str], str] = getpass.getpass
    say: Callable[[str], None] = print


@dataclass
class Session:
    dialog: Dialog
    before: Settings
    values: Values = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    """Platforms that were wanted, and have no good tokens in the end."""

    def now(self, variable: str) -> str:
        """What holds after the answers so far; "" for nothing."""
        return self.values.get(variable, all_set(self.before).get(variable, ""))


def all_set(settings: Settings) -> Values:
    """Every variable that is set, from wherever it came."""
    found = {
        str(about.validation_alias): getattr(settings, name) for name, about in Settings.model_fields.items()
    }
    return {
        variable: value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        for variable, value in found.items()
        if value is not None
    }


def ask_token(
    session: Session, variable: str, where: str, *, shape: str = ".*", live: Live | None = None
) -> bool:
    """Ask for a token until the vendor takes it; False if it is left out. `where`: where it is found."""
    dialog, held = session.dialog, session.now(variable)
    dialog.say(f"{variable}: {where}")
    while True:
        token = dialog.secret(f"{variable} [{'as it is' if held else 'leave out'}]: ").strip() or held
        if not token:
            return False
        try:
            if not PLAIN.fullmatch(token) or not re.fullmatch(shape, token) or PLACEHOLDER.search(token):
                raise StartupError(f"That is no {variable}.", where)
            told = asyncio.run(live(token)) if live is not None else "noted"
        except StartupError as wrong:
            dialog.say(f"✗ {wrong}")
            held = ""
            continue
        dialog.say(f"✓ {told}")
        session.values[variable] = token
        return True
