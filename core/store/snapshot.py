"""A database to be looked at by a process that is not its owner: read only, with the ORM."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from sqlalchemy import create_engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from core.store.schema import unusable
from core.store.url import file_of


@contextlib.contextmanager
def looking_at(url: str) -> Iterator[Session]:
    """Raises StartupError where it is damaged, locked or none of ours."""
    engine = create_engine(f"sqlite:///file:{file_of(url)}?mode=ro&uri=true")
    try:
        with Session(engine) as session:
            yield session
    except DatabaseError as error:
        raise unusable(file_of(url), error.orig or error) from error
    finally:
        engine.dispose()
