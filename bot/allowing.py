"""A change of the company's files by somebody who may: what it widens is accepted with it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from core.company.editing import Edit
from core.company.loader import load_company, load_company_with
from core.context import Store
from core.workflow.company_changes import operators_word


def allowing(store: Store) -> Callable[[Path, Edit], Awaitable[None]]:
    """For CompanyEdits.keep. What waited for the founder before goes on waiting."""

    async def allow(folder: Path, edit: Edit) -> None:
        before = await asyncio.to_thread(load_company, folder)
        after = await asyncio.to_thread(load_company_with, folder, edit.file, edit.text or "")
        await store.write(lambda tx: operators_word(tx, before, after))

    return allow
