"""What goes wrong at a vendor: what happens then, how many calls it takes, and what is written down."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from core.errors import TryLater
from core.llm.calls import Pulse, Reply, TooSlow
from core.llm.metered_call import MeteredCalls
from core.llm.port import Ask
from core.llm.quoting import build
from core.llm.requests import QuestionRequest
from core.metering import About, Planned, Usage
from core.model import Picture
from tests.core.llm.stage import LONG, QUESTION, SHORT, STRONG, Draft, Row, Stage, why
from tests.fakes.models_and_speech import FakeMind, Fault

ONLY_CLAUDE = {"llm": "anthropic"}
ONLY_GPT = {"llm": "openai"}


def fake_of(stage: Stage, name: str) -> FakeMind:
    return stage.anthropic if name == "anthropic" else stage.openai


@pytest.mark.parametrize("name", ["anthropic", "openai"])
@pytest.mark.parametrize(
    ("fault", "usage", "error"),
    [
        ("429", Usage(), "429 "),
        ("529", Usage(), "529 "),
        ("503", Usage(), "503 "),
        ("500", None, "500 "),
        ("drop", None, "the connection broke"),
    ],
)
async def test_what_may_pass_is_tried_once_more(
    stage: Stage, name: str, fault: Fault, usage: Usage | None, error: str
) -> None:
    fake_of(stage, name).then(fault, retry_after=0)
    gateway = await stage.gateway(llm=name)
    assert (await gateway.ask(QUESTION, LONG)).value.severity == 3
    failed, good = stage.meter.rows
    assert failed.usage == usage and failed.ok is False and failed.error.startswith(error)
    assert good.ok and good.usage is not None
    assert gateway.health()[0].state == "ok"


@pytest.mark.parametrize("name", ["anthropic", "openai"])
@pytest.mark.parametrize("question", [QUESTION, STRONG], ids=["whole", "streamed"])
@pytest.mark.parametrize("fault", ["cut", "error_in_stream"])
async def test_an_answer_that_breaks_off_is_asked_for_again(
    stage: Stage, name: str, question: Ask[Draft], fault: Fault
) -> None:
    fake_of(stage, name).then(fault)
    gateway = await stage.gateway(llm=name)
    assert (await gateway.ask(question, LONG)).value.severity == 3
    broken, good = stage.meter.rows
    assert broken.ok is False and good.ok
    if question is STRONG:
        assert_paid_for(broken, name)
    else:
        assert broken.usage is None or fault == "error_in_stream"


def assert_paid_for(broken: Row, name: str) -> None:
    """Anthropic announces at the beginning what it has read: that is booked, and what came of the answer. OpenAI says it
    at the end alone: what was set aside stays. Neither is nothing."""
    if name == "openai":
        assert broken.usage is None
        return
    assert broken.usage is not None
    assert broken.usage.input_tokens + broken.usage.cache_write_tokens + broken.usage.cache_read_tokens > 100
    assert broken.usage.output_tokens > 1, "what came of its text counts too"


@pytest.mark.parametrize("name", ["anthropic", "openai"])
async def test_a_stream_that_ends_before_the_answer_does_is_no_answer(stage: Stage, name: str) -> None:
    fake_of(stage, name).then("ends_early")
    gateway = await stage.gateway(llm=name)
    assert (await gateway.ask(STRONG, LONG)).value.severity == 3
    assert [(row.ok, row.error) for row in stage.meter.rows] == [(False, "the answer broke off"), (True, "")]
    assert_paid_for(stage.meter.rows[0], name)


async def test_a_stream_that_nobody_waits_for_is_booked_with_what_it_announced() -> None:
    read = Usage(input_tokens=900, output_tokens=12)

    class Meter:
        booked: list[Usage | None] = []

        async def reserve(self, planned: Planned) -> str:
            return "row"

        async def settle(
            self, row_id: str, usage: Usage | None, *, ok: bool, ms: int, error: str = ""
        ) -> None:
            self.booked.append(usage)

    async def hangs(pulse: Pulse) -> Reply:
        pulse.announced = read
        await asyncio.sleep(3600)
        raise AssertionError("nobody waits so long")

    calls, now = MeteredCalls(Meter()), asyncio.get_running_loop().time()
    planned = Planned("strong", "anthropic", "claude", About("draft"))
    with pytest.raises(TooSlow):
        await calls.call(planned, hangs, now + 0.05, now + 0.1)
    await calls.close()
    assert Meter.booked == [read]


async def test_a_second_failure_is_the_next_providers_turn(stage: Stage) -> None:
    stage.anthropic.then("529", "529")
    gateway = await stage.gateway()
    answer = await gateway.ask(QUESTION, LONG)
    assert answer.engine == "openai/gpt-6-luna" and answer.stepped_down == "down"
    assert stage.asked == ["anthropic 529", "anthropic 529", "openai"]
    assert [row.usage for row in stage.meter.rows[:2]] == [Usage(), Usage()]
    assert [one.state for one in gateway.health()] == ["degraded", "ok"]
    assert gateway.health()[0].detail == "529 overloaded_error"


async def test_a_vendor_that_asks_for_a_long_wait_is_left_alone_for_it(stage: Stage) -> None:
    stage.anthropic.then("429", retry_after=20)
    gateway = await stage.gateway()
    for _ in range(2):
        assert (await gateway.ask(QUESTION, LONG)).engine.startswith("openai/")
    assert stage.asked == ["anthropic 429", "openai", "openai"]
    stage.clock.at += timedelta(seconds=21)
    assert (await gateway.ask(QUESTION, LONG)).engine.startswith("anthropic/")


@pytest.mark.parametrize(
    ("name", "fault", "detail"),
    [
        ("anthropic", "spend_limit", "spend limit"),
        ("anthropic", "429_bare", "spend limit"),
        ("openai", "spend_limit", "spend limit"),
        ("anthropic", "401", "the key is refused (401)"),
        ("openai", "401", "the key is refused (401)"),
    ],
)
async def test_where_an_operator_must_act_nobody_knocks_again(
    stage: Stage, name: str, fault: Fault, detail: str
) -> None:
    fake_of(stage, name).then(fault)
    gateway = await stage.gateway(llm=name)
    first = await why(gateway.ask(QUESTION, LONG))
    second = await why(gateway.ask(QUESTION, LONG))
    assert first.why == second.why == "down"
    assert second.tried == (f"{name}: left alone after {detail}",)
    (row,) = stage.meter.rows
    assert row.usage == Usage() and row.error == detail
    (health,) = gateway.health()
    assert (health.state, health.detail) == ("down", detail)
    stage.clock.at += timedelta(minutes=6)
    assert (await gateway.ask(QUESTION, LONG)).value.severity == 3
    assert gateway.health()[0].state == "ok"


async def test_an_unknown_model_is_the_next_providers_turn(stage: Stage) -> None:
    gateway = await stage.gateway(fast_model="claude-haiku-9")
    answer = await gateway.ask(QUESTION, LONG)
    assert answer.engine == "openai/gpt-6-luna"
    assert gateway.health()[0].state == "degraded"
    assert (await gateway.ask(STRONG, LONG)).engine.startswith("anthropic/"), "the other model still works"


async def test_nobody_listening_costs_nothing(stage: Stage) -> None:
    gateway = await stage.gateway(anthropic_url="http://127.0.0.1:9")
    answer = await gateway.ask(QUESTION, LONG)
    assert answer.engine.startswith("openai/")
    first = stage.meter.rows[0]
    assert (first.usage, first.error) == (Usage(), "no connection")


@pytest.mark.parametrize("name", ["anthropic", "openai"])
@pytest.mark.parametrize("question", [QUESTION, STRONG], ids=["whole", "streamed"])
@pytest.mark.parametrize("fault", ["page", "other_json"])
async def test_some_other_program_at_the_address_is_no_surprise(
    stage: Stage, name: str, question: Ask[Draft], fault: Fault
) -> None:
    fake_of(stage, name).then(fault, fault)
    gateway = await stage.gateway(llm=name)
    assert (await why(gateway.ask(question, LONG))).why == "down"
    assert all(row.settled and not row.ok and row.usage is None for row in stage.meter.rows)
    assert gateway.health()[0].state == "degraded"


@pytest.mark.parametrize("fault", ["page", "other_json"])
async def test_vectors_of_some_other_program_are_none(stage: Stage, fault: Fault) -> None:
    stage.openai.then(fault, fault)
    gateway = await stage.gateway()
    assert (await why(gateway.embed(["a"], About("embed"), LONG))).why == "down"


async def test_a_hanging_provider_leaves_time_for_the_next(stage: Stage) -> None:
    stage.anthropic.then("hang")
    gateway = await stage.gateway()
    answer = await gateway.ask(QUESTION, timedelta(seconds=1.2))
    assert answer.engine.startswith("openai/") and answer.stepped_down == "down"
    await stage.settled()
    slow = stage.meter.rows[0]
    assert (slow.usage, slow.ok, slow.error) == (None, False, "too slow")


@pytest.mark.parametrize("name", ["anthropic", "openai"])
async def test_a_streamed_answer_shows_that_it_has_begun(stage: Stage, name: str) -> None:
    gateway = await stage.gateway(llm=name)
    provider = gateway._seats[0].provider
    assert provider is not None
    for question, begun in ((QUESTION, False), (STRONG, True)):
        pulse = Pulse()
        errand = QuestionRequest(question, build(question, "nonce"), question.tier, question.most_tokens)
        await errand.send(name, provider, pulse)
        assert (pulse.last is not None) is begun


async def test_an_answer_that_has_begun_is_waited_for(stage: Stage) -> None:
    async def send(pulse: Pulse) -> Reply:
        pulse.beat()
        await asyncio.sleep(0.1)
        return Reply("{}", Usage(1, 2))

    now = asyncio.get_running_loop().time()
    planned = Planned("strong", "anthropic", "claude-opus-5-5", STRONG.about)
    assert (await MeteredCalls(stage.meter).call(planned, send, now + 0.05, now + 60)).text == "{}"
    assert stage.meter.rows[0].usage == Usage(1, 2)


async def test_an_answer_that_stands_still_is_given_up(stage: Stage) -> None:
    async def send(pulse: Pulse) -> Reply:
        pulse.beat()
        await asyncio.Event().wait()
        raise AssertionError

    till = MeteredCalls(stage.meter, stall=0.05)
    now = asyncio.get_running_loop().time()
    planned = Planned("strong", "anthropic", "claude-opus-5-5", STRONG.about)
    async with asyncio.timeout(5):
        with pytest.raises(TooSlow):
            await till.call(planned, send, now + 0.01, now + 60)
    await stage.settled()
    assert stage.meter.rows[0].usage is None


async def test_when_all_hang_the_question_ends_in_time_and_the_rows_are_written(stage: Stage) -> None:
    stage.anthropic.then("hang")
    stage.openai.then("hang")
    gateway = await stage.gateway()
    async with asyncio.timeout(5):  # far from the 60 s of the fakes
        unanswered = await why(gateway.ask(STRONG, timedelta(seconds=0.8)))
    assert unanswered.why == "down"
    assert [one.split("/")[0] for one in unanswered.tried] == ["anthropic", "openai"]
    await stage.settled()
    assert [(row.usage, row.error) for row in stage.meter.rows] == [(None, "too slow")] * 2


async def test_three_failures_and_the_next_question_asks_nobody(stage: Stage) -> None:
    stage.anthropic.then("hang", times=3)
    gateway = await stage.gateway(**ONLY_CLAUDE)
    for _ in range(3):
        await why(gateway.ask(QUESTION, SHORT))
    unanswered = await why(gateway.ask(QUESTION, LONG))
    assert unanswered.why == "down" and "left alone" in unanswered.tried[0]
    assert stage.asked == ["anthropic hang"] * 3
    assert gateway.health()[0].state == "down"
    stage.clock.at += timedelta(seconds=31)
    stage.anthropic.then("hang")
    probes = await asyncio.gather(*(why(gateway.ask(QUESTION, SHORT)) for _ in range(4)))
    assert len(stage.asked) == 4, "one goes ahead, the others do not wait for it"
    assert sum("left alone" in one.tried[0] for one in probes) == 3
    stage.clock.at += timedelta(seconds=31)
    await gateway.ask(QUESTION, LONG)
    assert gateway.health()[0].state == "ok"


@pytest.mark.parametrize("name", ["anthropic", "openai"])
@pytest.mark.parametrize("fault", ["wrong_json", "misfit"])
async def test_an_answer_that_cannot_be_used_is_repaired_once(stage: Stage, name: str, fault: Fault) -> None:
    fake = fake_of(stage, name)
    fake.then(fault)
    gateway = await stage.gateway(llm=name)
    assert (await gateway.ask(QUESTION, LONG)).value.severity == 3
    first, second = fake.calls
    assert "That cannot be used" in second.said and "That cannot be used" not in first.said
    assert ("severity: Field required" in second.said) is (fault == "misfit")
    assert [row.ok for row in stage.meter.rows] == [True, True], "both calls were answered and are paid for"
    fake.then(fault, fault)
    unanswered = await why(gateway.ask(QUESTION, LONG))
    assert unanswered.why == "invalid" and len(unanswered.tried) == 2
    assert len(fake.calls) == 4
    assert gateway.health()[0].state == "ok", "a bad answer is no outage"


@pytest.mark.parametrize("name", ["anthropic", "openai"])
@pytest.mark.parametrize("question", [QUESTION, STRONG], ids=["whole", "streamed"])
async def test_a_truncated_answer_gets_more_room(stage: Stage, name: str, question: Ask[Draft]) -> None:
    fake = fake_of(stage, name)
    fake.then("truncated")
    gateway = await stage.gateway(llm=name)
    assert (await gateway.ask(question, LONG)).value.severity == 3
    limits = [row.planned.output_tokens for row in stage.meter.rows]
    assert limits[1] == limits[0] + question.most_tokens
    cut, whole = stage.meter.rows
    assert (
        (cut.ok, cut.error) == (False, "truncated") and cut.usage is not None and cut.usage.output_tokens > 0
    )
    assert whole.ok


@pytest.mark.parametrize("name", ["anthropic", "openai"])
@pytest.mark.parametrize("question", [QUESTION, STRONG], ids=["whole", "streamed"])
@pytest.mark.parametrize("fault", ["refusal", "filtered"])
async def test_a_refusal_is_taken_for_an_answer(
    stage: Stage, name: str, question: Ask[Draft], fault: Fault
) -> None:
    fake_of(stage, name).then(fault)
    gateway = await stage.gateway(llm=name)
    unanswered = await why(gateway.ask(question, LONG))
    assert unanswered.why == "invalid" and unanswered.tried[0].endswith(": refused")
    (row,) = stage.meter.rows
    assert (row.ok, row.error) == (False, "refused") and row.usage is not None and row.usage.input_tokens > 0


async def test_vectors_are_retried_too(stage: Stage) -> None:
    stage.openai.then("503", "cut")
    gateway = await stage.gateway()
    assert (await why(gateway.embed(["a"], About("embed"), LONG))).why == "down"
    assert len(await gateway.embed(["a"], About("embed"), LONG)) == 1
    assert [row.ok for row in stage.meter.rows] == [False, False, True]


async def test_over_budget_the_strong_question_goes_to_the_fast_model(stage: Stage) -> None:
    stage.meter.over = ["fast"]
    gateway = await stage.gateway()
    answer = await gateway.ask(STRONG, LONG)
    assert answer.engine == "anthropic/claude-haiku-5-5" and answer.stepped_down == "over_budget"
    (row,) = stage.meter.rows
    assert row.planned.tier == "fast" and stage.anthropic.calls[0].headers["x-loopos-tier"] == "fast"


@pytest.mark.parametrize(
    ("question", "over"),
    [(QUESTION, ["offline"]), (QUESTION, ["fast"]), (STRONG, ["fast", "offline"]), (STRONG, ["offline"])],
)
async def test_without_money_nobody_is_asked(
    stage: Stage, question: Ask[Draft], over: list[Literal["", "fast", "offline"]]
) -> None:
    stage.meter.over = over
    gateway = await stage.gateway()
    assert (await why(gateway.ask(question, LONG))).why == "over_budget"
    assert stage.asked == [] and stage.meter.rows == []
    assert {one.state for one in gateway.health()} == {"ok"}


@pytest.mark.parametrize(
    "faults", [("529",), ("529", "529"), ("wrong_json",)], ids=["retry", "fallback", "repair"]
)
async def test_no_way_escapes_the_budget(stage: Stage, faults: tuple[Fault, ...]) -> None:
    stage.anthropic.then(*faults)
    stage.meter.over = ["" for _ in faults]
    stage.meter.over.append("offline")
    gateway = await stage.gateway()
    assert (await why(gateway.ask(QUESTION, LONG))).why == "over_budget"
    assert len(stage.asked) == len(stage.meter.rows) == len(faults)


async def test_a_budget_that_ends_on_the_way_steps_down_on_the_way(stage: Stage) -> None:
    stage.anthropic.then("529", "529")
    stage.meter.over = ["", "", "fast"]
    gateway = await stage.gateway()
    answer = await gateway.ask(STRONG, LONG)
    assert (answer.engine, answer.stepped_down) == ("openai/gpt-6-luna", "over_budget")


async def test_a_ledger_that_cannot_write_is_no_surprise(stage: Stage) -> None:
    async def busy(planned: object) -> str:
        raise TryLater("the database is locked")

    stage.meter.reserve = busy  # type: ignore[method-assign]
    gateway = await stage.gateway()
    unanswered = await why(gateway.ask(QUESTION, LONG))
    assert unanswered.why == "down" and "the ledger cannot write" in unanswered.tried[0]
    assert stage.asked == [] and gateway.health()[0].state == "ok"


async def test_a_caller_who_leaves_leaves_no_row_open(stage: Stage) -> None:
    stage.anthropic.then("hang")
    gateway = await stage.gateway()
    asking = asyncio.create_task(gateway.ask(QUESTION, LONG))
    while not stage.anthropic.calls:
        await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await gateway.close()
    assert [(row.usage, row.error) for row in stage.meter.rows] == [(None, "too slow")]


async def test_money_set_aside_too_late_is_given_back(stage: Stage) -> None:
    held = asyncio.Event()
    reserve = stage.meter.reserve

    async def slow(planned: object) -> str:
        await held.wait()
        return await reserve(planned)  # type: ignore[arg-type]

    stage.meter.reserve = slow  # type: ignore[method-assign]
    gateway = await stage.gateway(**ONLY_GPT)
    assert (await why(gateway.ask(QUESTION, SHORT))).why == "down"
    held.set()
    await gateway.close()
    assert [(row.usage, row.error) for row in stage.meter.rows] == [(Usage(), "not sent")]
    assert stage.asked == []


async def test_a_picture_that_one_vendor_cannot_see_is_shown_to_the_next(stage: Stage) -> None:
    stage.anthropic.sees = False
    stage.anthropic.then("529", "529")
    gateway = await stage.gateway()
    await gateway.ask(replace(QUESTION, pictures=(Picture("image/png", b"png"),)), LONG)
    assert [call.pictures for call in stage.openai.calls] == [1]
