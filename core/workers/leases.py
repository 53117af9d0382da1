"""A name that a worker has for itself while it lives: nobody else works on what it stands for."""

from __future__ import annotations

import contextlib
import json
import secrets
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.context import Tx
from core.errors import Refused
from core.files import is_small_file, put
from core.names import is_id
from core.store.loop_events import happened
from core.store.tables import table
from core.store.worker_tables import LeaseRow
from core.workers import roster


def claim(tx: Tx, name: str, session: str) -> None:
    """The owner again: as before. Raises Refused("claim_whose" | "claimed")."""
    if not is_id(session):
        raise Refused("claim_whose")
    row = tx.get(LeaseRow, name)
    if row is None:
        row = tx.add(
            LeaseRow(name=name, session=session, nonce=secrets.token_hex(8), at=tx.now, mirrored=False)
        )
    elif row.session == session or roster.is_dead(tx.session, row.session):
        row.session, row.at, row.nonce, row.mirrored = session, tx.now, secrets.token_hex(8), False
    else:
        raise Refused("claimed", name=name, holder=row.session)
    tx.session.flush()
    happened(tx, "workers")


def may_unclaim(session: Session, name: str, holder: str) -> LeaseRow | None:
    """None: nobody has it. Raises Refused("claimed") where it is another's."""
    row = session.get(LeaseRow, name)
    if row is not None and holder and row.session != holder and not roster.is_dead(session, row.session):
        raise Refused("claimed", name=name, holder=row.session)
    return row


def unclaim(tx: Tx, name: str, holder: str) -> None:
    """What nobody has is free already. Raises Refused("claimed")."""
    row = may_unclaim(tx.session, name, holder)
    if row is not None:
        tx.session.delete(row)
        tx.session.flush()
        happened(tx, "workers")


def free(tx: Tx, session: str) -> None:
    """Its holder has ended."""
    rows = table(LeaseRow)
    tx.change(delete(rows).where(rows.c.session == session))


def held(session: Session) -> list[dict[str, Any]]:
    rows = session.scalars(select(LeaseRow).order_by(LeaseRow.name))
    return [{"name": row.name, "session": row.session, "ts": int(row.at.timestamp())} for row in rows]


# --- claims/NAME.json, which older workers write and remove by hand


def written(folder: Path) -> dict[str, str | None]:
    """Name -> whose, as the files say; None: a file that says nothing."""
    found: dict[str, str | None] = {}
    for path in folder.glob("*.json"):
        if path.name.startswith(".") or not is_id(path.stem) or not is_small_file(path):
            continue  # neither a pipe nor a folder is a claim
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            value = None
        session = value.get("session") if isinstance(value, dict) else None
        found[path.stem] = session if isinstance(session, str) and is_id(session) else None
    return found


def take_over(tx: Tx, files: dict[str, str | None]) -> None:
    """Rows are the truth; what was written by hand becomes one, what was removed by hand is let go of, and who has ended holds
    nothing."""
    rows = {row.name: row for row in tx.session.scalars(select(LeaseRow))}
    changed = False
    for name, row in rows.items():
        if roster.is_dead(tx.session, row.session) or (row.mirrored and name not in files):
            tx.session.delete(row)
            changed = True
        elif files.get(name, row.session) != row.session:
            row.mirrored = False
    for name, session in files.items():
        if name not in rows and session is not None and not roster.is_dead(tx.session, session):
            tx.add(
                LeaseRow(name=name, session=session, nonce=secrets.token_hex(8), at=tx.now, mirrored=False)
            )
            changed = True
    tx.session.flush()
    if changed:
        happened(tx, "workers")


def owed(session: Session, files: dict[str, str | None]) -> bool:
    """`take_over` and `mirror` may have something to do."""
    rows = {row.name: row for row in session.scalars(select(LeaseRow))}
    return {name: row.session for name, row in rows.items()} != files or any(
        not row.mirrored or roster.is_dead(session, row.session) for row in rows.values()
    )


def unwritten(session: Session) -> dict[str, dict[str, Any]]:
    """By name what its file is to say."""
    rows = session.scalars(select(LeaseRow).where(LeaseRow.mirrored.is_(False)))
    return {
        row.name: {
            "name": row.name,
            "nonce": row.nonce,
            "session": row.session,
            "ts": int(row.at.timestamp()),
        }
        for row in rows
    }


def names(session: Session) -> set[str]:
    return set(session.scalars(select(LeaseRow.name)))


def write(folder: Path, texts: dict[str, dict[str, Any]], gone: dict[str, str | None]) -> None:
    """`gone`: files of nobody's, as they were read; what was written since is left alone."""
    for name, value in texts.items():
        with contextlib.suppress(
            OSError
        ):  # rows are the truth; one that cannot be written is nobody else's trouble
            put(folder / f"{name}.json", json.dumps(value, sort_keys=True))
    now = written(folder) if gone else {}
    for name, session in gone.items():
        if name in now and now[name] == session:
            with contextlib.suppress(OSError):
                (folder / f"{name}.json").unlink(missing_ok=True)


def mark(tx: Tx, texts: dict[str, dict[str, Any]]) -> None:
    """Their files are there. Before that a lease is not let go of because its file is missing."""
    for name, value in texts.items():
        row = tx.get(LeaseRow, name)
        if row is not None and row.nonce == value["nonce"]:
            row.mirrored = True
