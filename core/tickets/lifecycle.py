"""The ticket's states as one table. Whatever is not in it cannot happen."""

from __future__ import annotations

from typing import Final

from core.errors import Refused
from core.model import Event, Status

_OPEN: Final = (Status.NEW, Status.TRIAGED, Status.AWAITING_HUMAN, Status.DISPATCHED)
_ENDED: Final = (Status.RESOLVED, Status.REJECTED, Status.LAPSED, Status.CANCELLED)

# (event, from) -> to.
TRANSITIONS: Final[dict[tuple[Event, Status], Status]] = {
    **{(Event.TRIAGED, s): Status.TRIAGED for s in (Status.NEW, Status.AWAITING_HUMAN)},
    **{(Event.GATED, s): Status.AWAITING_HUMAN for s in (Status.NEW, Status.TRIAGED, Status.DISPATCHED)},
    (Event.CORRECTED, Status.AWAITING_HUMAN): Status.NEW,
    (Event.REJECTED, Status.AWAITING_HUMAN): Status.REJECTED,
    (Event.LAPSED, Status.AWAITING_HUMAN): Status.LAPSED,
    (Event.DISPATCHED, Status.TRIAGED): Status.DISPATCHED,
    (Event.DISPATCHED, Status.AWAITING_HUMAN): Status.DISPATCHED,
    # Another vendor, because the first said no or nothing.
    (Event.DISPATCHED, Status.DISPATCHED): Status.DISPATCHED,
    (Event.RESOLVED, Status.DISPATCHED): Status.RESOLVED,
    (Event.RESOLVED, Status.TRIAGED): Status.RESOLVED,
    (Event.RESOLVED, Status.AWAITING_HUMAN): Status.RESOLVED,
    (Event.RESOLVED, Status.NEW): Status.RESOLVED,
    **{(Event.CANCELLED, s): Status.CANCELLED for s in _OPEN},
    **{(Event.MERGED, s): Status.MERGED for s in _OPEN},
    **{(Event.REOPENED, s): Status.NEW for s in _ENDED},
    (Event.SPLIT, Status.MERGED): Status.NEW,
}


def following(event: Event, status: Status) -> Status:
    """The status after `event` in `status`. Raises Refused("wrong_state") where the table has no such row."""
    target = TRANSITIONS.get((event, status))
    if target is None:
        raise Refused("wrong_state", status=status.value, event=event.value)
    return target


def allows(event: Event, status: Status) -> bool:
    return (event, status) in TRANSITIONS
