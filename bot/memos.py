"""The founder's memos, from the shell: what is to be known too, and what does not hold any more."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bot.settings import Settings
from bot.setup.side_process import SideProcess
from bot.shell import WrongQuestion, answered
from bot.side_acts import act_as, in_house, shipped
from bot.views import memo_line
from core import media
from core.acts.commands import ProposeMemo, RetireMemo
from core.media import Pictures
from core.model import Category
from core.store.session_rows import SessionRows
from core.workflow import memo_view


def add(
    text: str, audio: str | None, property_id: str, category: str, person: str | None, *, as_json: bool
) -> int:
    """It is put before the founder, and counts once he confirms it. `text`: - for standard input."""

    async def work(house: SideProcess, settings: Settings) -> dict[str, Any]:
        company = house.services.company
        if property_id and company.place(property_id) is None:
            there = ", ".join(one.id for one in company.properties)
            raise WrongQuestion(f"there is no property {property_id!r}; there are {there}")
        if category and category not in set(Category):
            raise WrongQuestion(f"{category!r} is none of {', '.join(Category)}")
        said = sys.stdin.read() if text == "-" else text
        if not said.strip():
            raise WrongQuestion(
                "there are no words; write what was said, a recording alone is heard by nobody here"
            )
        sha = await _kept(settings, audio) if audio is not None else ""
        act = ProposeMemo(said, property_id=property_id, category=category, audio_sha256=sha)
        memo_id = await act_as(house, person or company.founder.id, act)
        return await house.store.write(
            lambda tx: memo_view.told(SessionRows(tx.session), tx.services.company, str(memo_id))
        )

    found = in_house(work)
    return answered(found, memo_line, as_json=as_json)


async def _kept(settings: Settings, audio: str) -> str:
    """The SHA-256 under which the recording is kept. Raises WrongQuestion."""
    try:
        data = await asyncio.to_thread(Path(audio).read_bytes)
    except OSError as error:
        raise WrongQuestion(f"{audio} cannot be read: {error.strerror}") from None

    async def chunks() -> AsyncIterator[bytes]:
        yield data

    try:
        kept = await media.store(settings.home / "media", chunks(), "audio/ogg", Pictures())
    except media.MediaRefused as refused:
        raise WrongQuestion(f"{audio}: {refused}") from None
    if kept.kind != "voice":
        raise WrongQuestion(f"{audio} is no recording")
    return kept.sha256


def retire(memo_id: str, person: str, *, as_json: bool) -> int:
    """From the next message on nothing uses it; the row stays. 1 where the person may not."""

    async def work(house: SideProcess, settings: Settings) -> dict[str, Any]:
        await act_as(house, person, RetireMemo(memo_id))
        await shipped(house, settings, "memo", memo_id)
        return await house.store.write(
            lambda tx: memo_view.told(SessionRows(tx.session), tx.services.company, memo_id)
        )

    found = in_house(work)
    return answered(found, lambda _: f"{memo_id} is retired.", as_json=as_json)
