"""The state table: nothing outside it can happen."""

from __future__ import annotations

import itertools

import pytest

from core.errors import Refused
from core.model import OPEN, Event, Status
from core.tickets.lifecycle import TRANSITIONS, following


def test_whatever_is_not_in_the_table_is_refused() -> None:
    for event, status in itertools.product(Event, Status):
        if (event, status) in TRANSITIONS:
            assert following(event, status) is TRANSITIONS[event, status]
        else:
            with pytest.raises(Refused, match="wrong_state"):
                following(event, status)


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
