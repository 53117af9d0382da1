"""Taking an event in: the row that makes a 200 honest (RELIABILITY P1, P4)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from core.ids import new_id
from core.store.engine import Tx
from core.store.tables import InboxRow


def accept(tx: Tx, channel: str, event_id: str, conversation_id: str, payload: dict[str, Any]) -> bool:
    """Keep one verified event and owe its work, in one commit. False if it was here before: then nothing
    happens, however often and late the platform repeats it."""
    known = tx.session.scalar(
        select(InboxRow.id).where(InboxRow.channel == channel, InboxRow.event_id == event_id)
    )
    if known is not None:
        return False
    row = tx.add(
        InboxRow(
            id=new_id(),
            channel=channel,
            event_id=event_id,
            conversation_id=conversation_id,
            payload=payload,
            received_at=tx.now,
            status="accepted",
        )
    )
    tx.session.flush()
    tx.office.jobs.defer(tx, "process", {"inbox": row.id}, lane=f"in:{channel}:{conversation_id}")
    return True
