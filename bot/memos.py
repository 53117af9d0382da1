"""The founder's memos, from the shell: what there is, and what does not hold any more."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Any

from bot.company_edits import CompanyEdits
from bot.reading import company_of
from bot.settings import Settings, read_settings
from bot.setup.side_process import SideProcess
from bot.side_acts import act_as, in_house
from core.acts.commands import EditCompany
from core.company import memos
from core.company.schema import Memo


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

    async def work(house: SideProcess, settings: Settings) -> dict[str, Any]:
        await act_as(house, person, EditCompany("memo", memo_id))
        now = datetime.now(UTC)
        keeper = CompanyEdits(settings.company_folder)
        await keeper.keep(lambda at: memos.retire(at, memo_id, person, now), person)
        kept = next(one for one in company_of(settings).memos if one.id == memo_id)
        return memos.memo_json(kept)

    found = in_house(work)
    if isinstance(found, int):
        return found
    print(json.dumps(found, ensure_ascii=False, indent=2) if as_json else f"{memo_id} is retired.")
    return 0
