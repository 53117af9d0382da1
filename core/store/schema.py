"""Brings the database to the schema this version needs, and refuses one from a newer version."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from core.errors import StartupError
from core.store.url import file_of

MIGRATIONS: Final = Path(__file__).parents[2] / "migrations"
HEAD: Final = "0007"
"""The newest revision in migrations/; a test holds this against Alembic, so that a start with nothing to
migrate need not import it (0.4 s)."""


def present(url: str) -> str | None:
    """The revision the database is at; None if it is new."""
    path = file_of(url)
    if not path.exists() or path.stat().st_size == 0:
        return None
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1.5) as connection:
        row = connection.execute("select version_num from alembic_version").fetchone()
    connection.close()
    return row[0] if row else None


def is_current(url: str) -> bool:
    """There is a database, and this version can read it."""
    return present(url) == HEAD


def fault(url: str) -> str | None:
    """What is wrong with the database, with the cure; None where nothing is, or where there is none yet."""
    try:
        at = present(url)
        if at is None:
            return None
        if at != HEAD:
            return f"The database is at schema {at}, this version needs {HEAD}. Run: loopos db upgrade"
        with closing(sqlite3.connect(f"file:{file_of(url)}?mode=ro", uri=True)) as connection:
            problem = connection.execute("pragma quick_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        return str(_unusable(file_of(url), error))
    return None if problem == "ok" else f"The database is damaged ({problem}). Restore a backup."


def upgrade(url: str) -> bool:
    """Migrate to HEAD; True if anything was done. Raises StartupError with the remedy."""
    path = file_of(url)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        at = present(url)
        if at == HEAD:
            _check_writable(path)
            return False
        _run(path, at)
    except sqlite3.OperationalError as error:
        raise _unusable(path, error) from error
    except sqlite3.DatabaseError as error:
        raise StartupError(
            f"The database {path.name} is damaged ({error}).",
            "Restore a backup of it, or move it away to start empty.",
        ) from error
    except OSError as error:
        raise StartupError(
            f"LOOPOS_HOME cannot be written: {error.strerror}.", "Check the folder's owner and rights."
        ) from error
    return True


def _unusable(path: Path, error: Exception) -> StartupError:
    text = str(error)
    if "locked" in text:
        return StartupError(
            f"The database {path.name} is locked by another program.", "Close that program and start again."
        )
    if "readonly" in text or "unable to open" in text:
        return StartupError(
            f"The database {path.name} cannot be written.", "Check the rights of LOOPOS_HOME and the file."
        )
    if "no such table" in text:
        return StartupError(
            f"{path.name} is not a LoopOS database.", "Move it away, or set another LOOPOS_HOME."
        )
    return StartupError(f"The database {path.name} cannot be used ({text}).", "Run `loopos doctor`.")


def _check_writable(path: Path) -> None:
    connection = sqlite3.connect(path, timeout=1.5, isolation_level=None)
    try:
        connection.execute("begin immediate")
        connection.execute("rollback")
    finally:
        connection.close()


def _run(path: Path, at: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if at is not None and at not in known:
        raise StartupError(
            f"The database {path.name} was made by a newer LoopOS (schema {at}).",
            "Install that version again, or set another LOOPOS_HOME.",
        )
    # A plain engine, without our tuning: batch changes must run with foreign_keys off, or SQLite's
    # ON DELETE rules would empty the children of a table that is rebuilt.
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 1.5})
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except OperationalError as error:
        raise _unusable(path, error) from error
    finally:
        engine.dispose()
