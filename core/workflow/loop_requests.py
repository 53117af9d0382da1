"""What somebody bids the control loop in chat or on a page: a row like that of a verb in the shell, which the loop carries out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from core.actors import Actor
from core.context import Tx
from core.ids import new_id
from core.store.loop_tables import LoopRequest
from core.team.rights import Right

TOPIC: Final = "loop_requests"
NEEDS: Final[Mapping[str, Right]] = {
    name: right
    for right, every in {
        Right.LOOP_STATE: (
            "status",
            "state",
            "wait",
            "asks",
            "goal jobs",
            "goal list",
            "goal show",
            "sensor list",
            "sensor show",
            "schedule list",
            "worker list",
            "ls",
            "answered",
            "approval",
        ),
        Right.LOOP: (
            "tick",
            "run",
            "goal write",
            "goal archive",
            "goal on",
        ),
        Right.POLICY: (
            "up",
            "down",
            "_ run",
            "sensor write",
            "sensor drop",
            "playbook write",
            "playbook undo",
            "worker start",
        ),
        Right.ANSWER_ASK: ("answer",),
        Right.TELL: ("tell",),
        Right.TEND: (
            "playbook show",
            "notify",
            "ask",
            "schedule write",
            "schedule rm",
            "worker kill",
            "kill",
            "flag",
            "unflag",
            "prune",
            "told",
            "claim",
            "unclaim",
            "_ cost",
            "step",
        ),
    }.items()
    for name in every
}
"""The right that each verb of the loop needs, whoever bids it: a person, a worker, the shell. It is looked at when the verb is carried
out."""


def put(tx: Tx, actor: Actor, verb: str, args: Mapping[str, Any], reply_to: str) -> str:
    """Its id."""
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
