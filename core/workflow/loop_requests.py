"""What somebody bids the control loop in chat or on a page: a row like that of a verb in the shell, which the loop carries out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.actors import Actor
from core.context import Tx
from core.ids import new_id
from core.store.loop_tables import LoopRequest

TOPIC: Final = "loop_requests"


def put(tx: Tx, actor: Actor, verb: str, args: Mapping[str, Any], reply_to: str) -> str:
    """Its id. Whether `actor` may was looked at."""
    row = tx.add(
        LoopRequest(
            id=new_id(),
            verb=verb,
            args=dict(args),
            actor=actor.person_id,
            worker="",
            channel=actor.channel or "loop",
            reply_to=reply_to or None,
            state="new",
            at=tx.now,
            code=None,
        )
    )
    tx.publish(TOPIC)
    return row.id
