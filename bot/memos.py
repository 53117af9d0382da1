"""The founder's memos, from the shell: what there is, and what does not hold any more."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from typing import Any

from bot.brain import WrongQuestion
from bot.company_edits import CompanyEdits
from bot.reading import WRONG_USE, company_of
from bot.settings import read_settings
from bot.setup.side_process import side_process
from core.actors import Actor
from core.acts.commands import EditCompany
from core.acts.table import perform
from core.clock import SystemClock
from core.company import memos
from core.company.editing import Unreadable
from core.company.schema import Memo
from core.errors import Refused
from core.i18n import Words
from core.phrases import refusal


def show(memo_id: str | None, *, every: bool, as_json: bool) -> int:
    """One memo, or all that hold (`every`: and those that do not)."""
    company = company_of(read_settings())
    found = [one for one in company.memos if memo_id in {None, one.id} and (every or memo_id or one.holds)]
    if memo_id is not None and not found:
        print(f"loopos: there is no memo {memo_id!r}", file=sys.stderr)
        return 1
    if as_json:
        told = [memos.memo_json(one) for one in found]
        print(json.dumps(told[0] if memo_id is not None else told, ensure_ascii=False, indent=2))
        return 0
    for one in found:
        print(_line(one))
    if not found:
        print("There are no memos.")
    return 0


def _line(one: Memo) -> str:
    about = ", ".join(str(part) for part in (one.property_id, one.category) if part) or "general"
    state = "" if one.holds else f" ({one.status})"
    return f"{one.id}{state} [{one.language}] {about}: {' '.join(one.transcript.split())}"


def retire(memo_id: str, person: str, *, as_json: bool) -> int:
    """From the next message on nothing uses it; the row stays. 1 where the person may not."""
    try:
        found = asyncio.run(_retire(memo_id, person))
    except WrongQuestion as wrong:
        print(f"loopos: {wrong}", file=sys.stderr)
        return WRONG_USE
    except Unreadable as unread:
        print(f"loopos: {unread.text}", file=sys.stderr)
        return 1
    if found is None:
        return 1
    print(json.dumps(found, ensure_ascii=False, indent=2) if as_json else f"{memo_id} is retired.")
    return 0


async def _retire(memo_id: str, person: str) -> dict[str, Any] | None:
    settings = read_settings()
    async with side_process(settings) as house:
        company = house.services.company
        who = company.person(person)
        if who is None:
            there = ", ".join(one.id for one in company.team)
            raise WrongQuestion(f"there is nobody {person!r}; there are {there}")
        act = EditCompany("memo", memo_id)
        try:
            await house.store.write(lambda tx: perform(tx, Actor(who.id, "cli"), act))
        except Refused as refused:
            words = Words("en", company.founder.zone)
            print(f"loopos: {refusal(refused, words, SystemClock().now())}", file=sys.stderr)
            return None
        now = datetime.now(UTC)
        keeper = CompanyEdits(settings.company_folder)
        await keeper.keep(lambda at: memos.retire(at, memo_id, who.id, now), who.id)
    kept = next(one for one in company_of(settings).memos if one.id == memo_id)
    return memos.memo_json(kept)
