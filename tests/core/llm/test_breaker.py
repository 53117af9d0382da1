"""When a provider is left alone, and when it is asked again."""

from __future__ import annotations

from datetime import timedelta

from core.llm.breaker import FAILURES, REST, Breaker
from tests.world import MovableClock


def broken() -> tuple[Breaker, MovableClock]:
    clock = MovableClock()
    breaker = Breaker(clock)
    for _ in range(FAILURES):
        assert breaker.enter()
        breaker.failed("500 api_error")
    return breaker, clock


def test_failures_in_a_row_open_it() -> None:
    breaker, clock = broken()
    assert not breaker.enter() and breaker.state == "down" and breaker.detail == "500 api_error"
    clock.at += REST - timedelta(seconds=1)
    assert not breaker.enter()


def test_a_success_between_them_does_not() -> None:
    breaker = Breaker(MovableClock())
    for _ in range(FAILURES * 2):
        breaker.failed("500")
        assert breaker.state == "degraded"
        breaker.well()
    assert breaker.state == "ok" and breaker.detail == ""


def test_one_may_try_after_the_rest_and_decides_for_all() -> None:
    breaker, clock = broken()
    clock.at += REST
    assert breaker.enter() and not breaker.enter()
    breaker.failed("500")
    assert not breaker.enter(), "one failure is enough then"
    clock.at += REST
    assert breaker.enter()
    breaker.well()
    assert breaker.enter() and breaker.enter() and breaker.state == "ok"


def test_a_try_that_was_given_up_leaves_the_way_free() -> None:
    breaker, clock = broken()
    clock.at += REST
    assert breaker.enter()
    breaker.left()
    assert breaker.enter()


def test_what_an_operator_must_mend_opens_it_at_once() -> None:
    breaker = Breaker(MovableClock())
    breaker.shut("spend limit", timedelta(minutes=5))
    assert not breaker.enter() and (breaker.state, breaker.detail) == ("down", "spend limit")
