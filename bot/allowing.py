"""A change of the company's files by somebody who may: what it widens is accepted with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from core.company.company import Company
from core.company.editing import Edit
from core.company.loader import load_company, load_company_with
from core.context import Store
from core.workflow.company_changes import operators_word


async def before_and_after(folder: Path, edit: Edit) -> tuple[Company, Company]:
    """The company as its files say it, and as they will once `edit` is written."""
    before = await asyncio.to_thread(load_company, folder)
    return before, await asyncio.to_thread(load_company_with, folder, edit.file, edit.text or "")


def allowing(store: Store) -> Callable[[Path, Edit], Awaitable[None]]:
    """For CompanyEdits.keep. What waited for the founder before goes on waiting."""

    async def allow(folder: Path, edit: Edit) -> None:
        before, after = await before_and_after(folder, edit)
        await store.write(lambda tx: operators_word(tx, before, after))

    return allow
