"""The state table: nothing outside it can happen."""

from __future__ import annotations

import itertools

import pytest

from core.errors import Refused
from core.model import OPEN, Event, Status
from core.tickets.lifecycle import allows, following

ENDS = {"resolved": "RESOLVED", "cancelled": "CANCELLED", "merged": "MERGED"}
MOVES = {
    "NEW": {"triaged": "TRIAGED", "gated": "AWAITING_HUMAN", **ENDS},
    "TRIAGED": {"gated": "AWAITING_HUMAN", "dispatched": "DISPATCHED", **ENDS},
    "AWAITING_HUMAN": {
        "triaged": "TRIAGED", "corrected": "NEW", "rejected": "REJECTED", "lapsed": "LAPSED",
        "dispatched": "DISPATCHED", **ENDS,
    },
    "DISPATCHED": {"gated": "AWAITING_HUMAN", "dispatched": "DISPATCHED", **ENDS},
    "RESOLVED": {"reopened": "NEW"},
    "REJECTED": {"reopened": "NEW"},
    "LAPSED": {"reopened": "NEW"},
    "CANCELLED": {"reopened": "NEW"},
    "MERGED": {"split": "NEW"},
}  # fmt: skip
"""Status -> everything that can happen to a ticket in it, and where the ticket is then."""


@pytest.mark.parametrize(("status", "event"), list(itertools.product(Status, Event)))
def test_what_can_happen_to_a_ticket_and_nothing_else(status: Status, event: Event) -> None:
    target = MOVES[status].get(event)
    assert allows(event, status) == (target is not None)
    if target is not None:
        assert following(event, status) == target
        return
    with pytest.raises(Refused) as refused:
        following(event, status)
    assert refused.value.code == "wrong_state"
    assert refused.value.params == {"status": status.value, "event": event.value}


def test_every_open_status_can_end_and_every_end_can_come_back() -> None:
    for status in OPEN:
        assert following(Event.CANCELLED, status) is Status.CANCELLED
        assert following(Event.RESOLVED, status) is Status.RESOLVED
        assert following(Event.MERGED, status) is Status.MERGED
    for status in (Status.RESOLVED, Status.REJECTED, Status.LAPSED, Status.CANCELLED):
        assert following(Event.REOPENED, status) is Status.NEW
    assert following(Event.SPLIT, Status.MERGED) is Status.NEW


def test_silence_and_no_are_different_ends() -> None:
    assert following(Event.LAPSED, Status.AWAITING_HUMAN) is Status.LAPSED
    assert following(Event.REJECTED, Status.AWAITING_HUMAN) is Status.REJECTED
