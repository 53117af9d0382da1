"""core.store.rows within a session: what the service looks at with the statements that the shell looks with, on any database."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import bindparam, text
from sqlalchemy.orm import Session

from core.store.rows import typed
from core.store.types import UtcTime


class SessionRows:
    """It sees what was written before, as any query of the session does."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def rows(self, statement: str, **values: Any) -> list[Any]:
        bound = [
            bindparam(name, value, type_=UtcTime())
            if isinstance(value, datetime)
            else bindparam(name, value, expanding=isinstance(value, list))
            for name, value in values.items()
        ]
        found = self._session.execute(text(statement).bindparams(*bound))
        return [SimpleNamespace(**typed(row._asdict())) for row in found]
