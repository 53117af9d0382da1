"""Commands that only look. Agents call them in loops, beside a service that may be running: nothing is imported that they do not
need, neither the ORM nor the pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

from bot.settings import DATA, Settings, read_settings
from core.company.company import Company
from core.company.loader import load_company
from core.store import schema
from core.store.plain import reading
from core.store.rows import Rows
from core.team.company_now import company_now
from core.workflow.company_view import is_noticed


@dataclass(frozen=True)
class Looked:
    """What is looked at."""

    settings: Settings
    written: Company
    rows: Rows

    @cached_property
    def company(self) -> Company:
        """As it is now."""
        return company_now(self.rows, self.written)


def company_of(settings: Settings) -> Company:
    """As its files say; of a demo that has not begun yet, those that come with LoopOS. Raises StartupError."""
    folder = settings.company_folder
    return load_company(folder if folder.exists() or not settings.demo else DATA / "company")


@contextmanager
def looking() -> Iterator[Looked | None]:
    """None where something has to be done first: a first start, or a file that nobody has noticed. Raises StartupError for a
    database of another version: who only looks migrates nothing."""
    settings = read_settings()
    if schema.present(settings.database) is None or not settings.company_folder.exists():
        yield None
        return
    with reading(settings.database) as rows:
        written = load_company(settings.company_folder)
        noticed = rows is not None and is_noticed(rows, written)
        yield Looked(settings, written, rows) if rows is not None and noticed else None
