"""Taking an event in: the row that makes a 200 honest (RELIABILITY P1, P4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sqlalchemy.dialects.sqlite import insert

from core.ids import new_id
from core.store.engine import Tx
from core.store.tables import InboxRow, table

ALBUM_GATHERS: Final = timedelta(seconds=1.5)
"""Photos sent together come in one by one: the first waits this long for the others."""
_INSERT: Final = insert(table(InboxRow)).on_conflict_do_nothing(index_elements=["channel", "event_id"])


def accept(
    tx: Tx,
    channel: str,
    event_id: str,
    conversation_id: str,
    payload: dict[str, Any],
    album: str | None = None,
) -> bool:
    """Keep one verified event and owe its work, in one commit. False if it was here before: then nothing
    happens, however often and late the platform repeats it."""
    inbox_id = new_id()
    fresh = tx.change(
        _INSERT,
        {
            "id": inbox_id,
            "channel": channel,
            "event_id": event_id,
            "conversation_id": conversation_id,
            "payload": payload,
            "received_at": tx.now,
            "status": "accepted",
            "album": f"{channel}:{conversation_id}:{album}" if album else None,
        },
    )
    if not fresh:
        return False
    tx.office.jobs.defer(
        tx,
        "process",
        {"inbox": inbox_id},
        lane=f"in:{channel}:{conversation_id}",
        run_at=tx.now + ALBUM_GATHERS if album else None,
    )
    return True
