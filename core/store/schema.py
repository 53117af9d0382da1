"""Brings the database to the schema this version needs, and refuses one from a newer version."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Final

from core.errors import StartupError
from core.store.url import file_of

MIGRATIONS: Final = Path(__file__).parents[2] / "migrations"
HEAD: Final = "0025"
"""The newest revision in migrations/; a test holds this against Alembic, so that a start with nothing to
migrate need not import it (0.4 s)."""

CHECKED_UP_TO: Final = 512 * 1024 * 1024
"""Bytes that a start reads through (about 0.7 s); of more, only `loopos doctor` does."""
CHECK_WITHIN: Final = 2.0
"""Seconds, where the disk is slow."""


def present(url: str) -> str | None:
    """The revision the database is at; None if it is new. Raises StartupError where it cannot be read."""
    try:
        return _at(url)
    except (sqlite3.DatabaseError, OSError) as error:
        raise unusable(file_of(url), error) from error


def _at(url: str) -> str | None:
    path = file_of(url)
    if not path.exists() or path.stat().st_size == 0:
        return None
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1.5) as connection:
        row = connection.execute("select version_num from alembic_version").fetchone()
    connection.close()
    return row[0] if row else None


def is_current(url: str) -> bool:
    """There is a database, and this version can read it. Raises StartupError where nobody can."""
    return present(url) == HEAD


def fault(url: str) -> str | None:
    """What is wrong with the database, with the cure; None where nothing is, or where there is none yet."""
    try:
        at = _at(url)
        if at is None:
            return None
        if at != HEAD:
            return f"The database is at schema {at}, this version needs {HEAD}. Run: loopos db upgrade"
        problem = _quick_check(file_of(url))
    except (sqlite3.DatabaseError, OSError) as error:
        return str(unusable(file_of(url), error))
    return None if problem is None else str(damaged(file_of(url), problem))


def require_sound(url: str) -> None:
    """At a start: no page of the database is damaged, as far as that can be seen in a moment. Raises StartupError."""
    import structlog  # `loopos tickets` has no use for it, and would wait for it

    log, path = structlog.get_logger(__name__), file_of(url)
    if not path.exists():
        return
    if path.stat().st_size > CHECKED_UP_TO:
        log.info(
            "database_not_checked", bytes=path.stat().st_size, most=CHECKED_UP_TO, instead="loopos doctor"
        )
        return
    try:
        problem = _quick_check(path, CHECK_WITHIN)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise unusable(path, error) from error
        log.warning("database_not_checked", seconds=CHECK_WITHIN, instead="loopos doctor")
        return
    if problem is not None:
        raise damaged(path, problem)


def _quick_check(path: Path, within: float = threading.TIMEOUT_MAX) -> str | None:
    """What is wrong with its pages; None where nothing is. Raises sqlite3.DatabaseError, interrupted after `within`."""
    file = f"file:{path}?mode=ro"
    with closing(sqlite3.connect(file, uri=True, timeout=1.5, check_same_thread=False)) as connection:
        # A progress handler would be asked between tables alone, and most of a home is in one.
        bell = threading.Timer(within, connection.interrupt)
        bell.start()
        try:
            found = " ".join(str(connection.execute("pragma quick_check(1)").fetchone()[0]).split())
        finally:
            bell.cancel()
            bell.join()
    return None if found == "ok" else found


def damaged(path: Path, why: object) -> StartupError:
    """The way back, wherever damage is found: at a start, by `loopos doctor`, or by a service that runs."""
    return StartupError(
        f"The database {path} is damaged ({why}).",
        f"Stop LoopOS, move {path.name}, {path.name}-wal and {path.name}-shm away together, put your newest backup at "
        f"{path} (or nothing, to start empty), and run `loopos doctor`.",
    )


def upgrade(url: str) -> bool:
    """Migrate to HEAD; True if anything was done. Raises StartupError with the remedy."""
    path = file_of(url)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _keep_private(path)
        at = present(url)
        if at == HEAD:
            _check_writable(path)
            return False
        _run(path, at)
        _keep_private(path)
    except sqlite3.DatabaseError as error:
        raise unusable(path, error) from error
    except OSError as error:
        raise StartupError(
            f"LOOPOS_HOME cannot be written: {error.strerror}.", "Check the folder's owner and rights."
        ) from error
    return True


def _keep_private(path: Path) -> None:
    """People's words are for the service's own user: SQLite gives its side files the rights of the database."""
    for file in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        with contextlib.suppress(OSError):  # it is not there, or somebody else's: then its owner has decided
            file.chmod(0o600)


def unusable(path: Path, error: BaseException) -> StartupError:
    """What somebody can do about a database that answers with `error`."""
    text = str(error)
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return damaged(path, error)
    if "locked" in text:
        return StartupError(
            f"The database {path.name} is locked by another program.", "Close that program and try again."
        )
    if "unable to open" in text:
        return StartupError(
            f"The database {path.name} cannot be opened.", "Check the rights of LOOPOS_HOME and the file."
        )
    if "readonly" in text:
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
        raise unusable(path, error) from error
    finally:
        engine.dispose()
