"""Asking people from the shell, and answering: a worker's script blocks until somebody has answered, and prints that alone."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from typing import Any, Final

from bot.settings import Settings
from bot.setup.side_process import SideProcess
from bot.side_acts import answered, in_house
from core.actors import Actor
from core.asks import asks
from core.loop import names
from core.text import shorten

POLL: Final = 0.5
"""Seconds between two looks for the answer."""
SHELL: Final = Actor("operator", "cli")
SESSION: Final = ("LOOPOS_SESSION_ID", "LOOOP_SESSION_ID", "SESSION_ID")


def worker_of(named: str | None) -> str:
    """Whose question it is: as named, else the worker that runs this, else the shell's."""
    return named or next((found for one in SESSION if (found := os.environ.get(one))), "cli")


def ask(
    worker: str,
    prompt: str,
    *,
    options: Sequence[str],
    reference: str,
    to: str | None,
    irreversible: bool,
    within: float | None,
    detach: bool,
) -> int:
    """Blocks until it is answered and prints the answer; `detach`: prints its id at once; `within` seconds over: 1, and it stays
    asked."""

    async def work(house: SideProcess, _settings: Settings) -> int:
        asker = names.checked(worker)
        name = await house.store.write(
            lambda tx: (
                asks.ask(
                    tx,
                    asker,
                    prompt,
                    options=options,
                    reference=reference,
                    to=to,
                    irreversible=irreversible,
                    channel="cli",
                ).id
            )
        )
        if detach:
            print(name)
            return 0
        until = None if within is None else time.monotonic() + within
        while not await house.store.read(lambda session: asks.is_answered(session, name)):
            if until is not None and time.monotonic() > until:
                print(f"loopos: {name} was not answered within {within:g} s; it stays asked", file=sys.stderr)
                return 1
            await asyncio.sleep(POLL)
        print(await house.store.write(lambda tx: asks.fetched(tx, name)), flush=True)
        return 0

    return in_house(work)


def listed(*, every: bool, as_json: bool) -> int:
    found = in_house(
        lambda house, _: house.store.read(
            lambda session: [asks.ask_json(row) for row in asks.pending(session, None, every=every)]
        )
    )
    return answered(found, _lines, as_json=as_json)


def _lines(found: list[dict[str, Any]]) -> str:
    return "\n".join(f"{one['id']}  {shorten(one['prompt'], 120)}" for one in found) or "Nothing is asked."


def answer(ask_id: str, text: str, *, again: bool) -> int:
    """The operator's answer; what is the founder's tap is nobody's here."""

    async def work(house: SideProcess, _settings: Settings) -> int:
        await house.store.write(lambda tx: asks.answer(tx, asks.find(tx, ask_id), text, SHELL, again=again))
        print(f"answered {ask_id}")
        return 0

    return in_house(work)


def body_of(words: Sequence[str]) -> str:
    """Words joined by one blank; without any, or for a lone -, what comes in."""
    if not words or list(words) == ["-"]:
        return sys.stdin.read().strip()
    return " ".join(words)


def options_of(joined: str | None, single: Sequence[str]) -> list[str]:
    """`a,b` and each single one, which may hold a comma."""
    return [*(one.strip() for one in (joined or "").split(",") if one.strip()), *single]
