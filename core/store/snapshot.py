"""A database to be looked at by a process that is not its owner: read only, with the ORM."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from core.store.url import file_of


@contextlib.contextmanager
def looking_at(url: str) -> Iterator[Session]:
    engine = create_engine(f"sqlite:///file:{file_of(url)}?mode=ro&uri=true")
    try:
        with Session(engine) as session:
            yield session
    finally:
        engine.dispose()
