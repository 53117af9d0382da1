"""What a person of the team does from the shell: the same acts with the same rights as anywhere else."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from bot.app import fill_demo_company
from bot.brain import WrongQuestion
from bot.company_edits import CompanyEdits
from bot.log import set_up
from bot.reading import WRONG_USE
from bot.settings import Settings, read_settings
from bot.setup.side_process import SideProcess, is_ours, side_process
from bot.shipping import Shipping
from core.actors import Actor
from core.acts.commands import Command
from core.acts.table import perform
from core.clock import SystemClock
from core.company.editing import Unreadable
from core.errors import Refused
from core.i18n import Words
from core.phrases import refusal
from core.workflow import company_changes
from core.workflow.shipping import What, is_owed

T = TypeVar("T")
SHIPPED_WITHIN: Final = 30.0
"""Seconds that a running service has to commit a file."""


async def act_as(house: SideProcess, person_id: str, command: Command) -> Any:
    """What `command` returns, done with the rights of `person_id`. Raises WrongQuestion (nobody of that name), Refused."""
    company = house.services.company
    person = company.person(person_id)
    if person is None:
        there = ", ".join(one.id for one in company.team)
        raise WrongQuestion(f"there is nobody {person_id!r}; there are {there}")
    return await house.store.write(lambda tx: perform(tx, Actor(person.id, "cli"), command))


def in_house(work: Callable[[SideProcess, Settings], Awaitable[T]]) -> T | int:
    """Do `work` in a process beside the service (or without one). Returns what it returns; where it was refused, that was
    said on stderr, and it is the exit code: 1, or WRONG_USE where something that was named is not there."""

    set_up("ERROR")  # on standard output stands the answer alone

    async def run() -> T:
        settings = read_settings()
        settings.home.mkdir(parents=True, exist_ok=True)
        fill_demo_company(settings)
        async with side_process(settings) as house:
            await house.store.write(lambda tx: company_changes.take_as_it_is(tx, house.services.written))
            if not is_ours(settings, house.services.clock.now()):  # a service that runs notices by itself
                await house.store.write(lambda tx: company_changes.notice(tx, house.services.written))
            return await work(house, settings)

    words = Words("en", ZoneInfo("UTC"))
    try:
        return asyncio.run(run())
    except WrongQuestion as wrong:
        print(f"loopos: {wrong}", file=sys.stderr)
        return WRONG_USE
    except Unreadable as unread:
        print(f"loopos: {unread.text}", file=sys.stderr)
    except UnicodeEncodeError:
        print("loopos: what was typed is no text", file=sys.stderr)
        return WRONG_USE
    except Refused as refused:
        print(f"loopos: {refusal(refused, words, SystemClock().now())}", file=sys.stderr)
    return 1


def answered(found: T | int, text: Callable[[T], str], *, as_json: bool) -> int:
    """The exit code of a verb, once what `in_house` found is printed: as JSON, or as `text` words it."""
    if isinstance(found, int):
        return found
    print(json.dumps(found, ensure_ascii=False, indent=2) if as_json else text(found))
    return 0


async def shipped(house: SideProcess, settings: Settings, what: What, name: str) -> None:
    """Until what was adopted or taken back is a commit: by the service where one runs, which owes it; else here."""
    until = time.monotonic() + SHIPPED_WITHIN
    while is_ours(settings, house.services.clock.now()) and time.monotonic() < until:
        if not await house.store.write(lambda tx: is_owed(tx, name)):
            return
        await asyncio.sleep(0.2)
    commit = await Shipping(house.store, CompanyEdits(settings.company_folder)).ship(what, name)
    await house.store.write(commit)
