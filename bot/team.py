"""`loopos team`: who is of the team, which accounts are whose, and taking somebody or an account out. A running service
notices within seconds."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from bot.settings import read_settings
from bot.setup.side_process import read_company, side_process
from core.actors import Actor
from core.acts.commands import Command, RemovePerson, UnlinkAccount
from core.acts.table import perform
from core.clock import SystemClock
from core.company.company import Company
from core.errors import Refused
from core.i18n import Words
from core.model import LANGUAGES
from core.phrases import refusal


def show(*, as_json: bool) -> int:
    company = read_company(read_settings())
    if as_json:
        print(json.dumps(_as_json(company), ensure_ascii=False, indent=2))
        return 0
    for one in _as_json(company):
        accounts = ", ".join(f"{account['channel']} {account['id']}" for account in one["accounts"])
        parts = [one["id"], one["name"], one["role"], ", ".join(one["properties"]), accounts]
        print(" · ".join(part for part in parts if part))
    return 0


def _as_json(company: Company) -> list[dict[str, Any]]:
    return [
        {
            "id": person.id,
            "name": person.name,
            "role": person.role.value,
            "languages": list(person.languages),
            "properties": list(person.properties),
            "joined_in_chat": person.id in company.invited,
            "accounts": [
                {"channel": channel, "id": account} for channel, account in company.accounts_of(person)
            ],
        }
        for person in company.team
    ]


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
    return show(as_json=as_json)
