"""What a person of the team does from the shell: the same acts with the same rights as anywhere else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from bot.app import fill_demo_company
from bot.company_edits import CompanyEdits
from bot.log import set_up
from bot.looking import Looked
from bot.settings import Settings, read_settings
from bot.setup.side_process import SideProcess, is_ours, side_process
from bot.shell import WrongQuestion, telling
from bot.shipping import Shipping
from core.actors import Actor
from core.acts.commands import Command
from core.acts.table import perform
from core.store.session_rows import SessionRows
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
    """Do `work` in a process beside the service (or without one). Returns what it returns, or the exit code (bot.shell.telling)."""
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

    return telling(lambda: asyncio.run(run()))


def look_in_house(look: Callable[[Looked], T]) -> T | int:
    """What `look` finds once the files were noticed."""

    async def work(house: SideProcess, settings: Settings) -> T:
        written = house.services.written
        return await house.store.read(lambda session: look(Looked(settings, written, SessionRows(session))))

    return in_house(work)


async def shipped(house: SideProcess, settings: Settings, what: What, name: str) -> None:
    """Until what was adopted or taken back is a commit: by the service where one runs, which owes it; else here."""
    until = time.monotonic() + SHIPPED_WITHIN
    while is_ours(settings, house.services.clock.now()) and time.monotonic() < until:
        if not await house.store.write(lambda tx: is_owed(tx, name)):
            return
        await asyncio.sleep(0.2)
    commit = await Shipping(house.store, CompanyEdits(settings.company_folder)).ship(what, name)
    await house.store.write(commit)
