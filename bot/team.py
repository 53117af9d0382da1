"""`loopos team remove` and `unlink`: taking somebody or an account out. A running service notices within seconds."""

from __future__ import annotations

import asyncio
import sys

from bot.settings import read_settings
from bot.setup.side_process import side_process
from bot.views import team
from core.actors import Actor
from core.acts.commands import Command, RemovePerson, UnlinkAccount
from core.acts.table import perform
from core.clock import SystemClock
from core.errors import Refused
from core.i18n import Words
from core.model import LANGUAGES
from core.phrases import refusal


def remove(person: str, *, as_json: bool) -> int:
    return asyncio.run(_do(RemovePerson(person), as_json))


def unlink(channel: str, account: str, *, as_json: bool) -> int:
    return asyncio.run(_do(UnlinkAccount(channel, account), as_json))


async def _do(command: Command, as_json: bool) -> int:
    """With the founder's rights: whoever has a shell on the home has them all."""
    async with side_process(read_settings()) as house:
        founder = house.services.company.founder
        try:
            await house.store.write(lambda tx: perform(tx, Actor(founder.id, "cli"), command))
        except Refused as refused:
            words = Words(LANGUAGES[0], founder.zone)
            print(f"loopos: {refusal(refused, words, SystemClock().now())}", file=sys.stderr)
            return 1
    return team(as_json=as_json)
