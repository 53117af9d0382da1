"""Answers go where they were asked, also into a thread of a direct conversation; and what is said there may answer anything
that was asked of the same person outside of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.platforms import House, open_house
from tests.world import STORY

TOWELS = "Warm Taipei 毛巾不夠了"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, [("ben", "slack"), ("shirley", "slack"), ("shirley", "telegram")]) as one:
        yield one


def fresh(house: House, since: int) -> list[tuple[str, str | None]]:
    """(text, thread) of what we posted after the first `since` calls."""
    calls = house.fakes["slack"].calls[since:]
    return [
        (str(one.args["text"]), one.args.get("thread_ts"))
        for one in calls
        if one.method == "chat.postMessage"
    ]


def calls(house: House) -> int:
    return len(house.fakes["slack"].calls)


@pytest.mark.parametrize("text", ["/tickets", "/status", "/resolve T-9999 1", "謝謝"])
async def test_what_is_said_in_a_thread_is_answered_in_it(house: House, text: str) -> None:
    shirley = house.phone("shirley", "slack")
    root = await shirley.says("早安")
    since = calls(house)
    await shirley.says(text, reply_to=root)
    answers = fresh(house, since)
    assert answers and {thread for _, thread in answers} == {root.partition(":")[2]}, answers


async def test_outside_of_threads_nothing_changes(house: House) -> None:
    shirley = house.phone("shirley", "slack")
    since = calls(house)
    await shirley.says("/tickets")
    assert [thread for _, thread in fresh(house, since)] == [None]


async def test_a_report_in_a_thread_has_its_receipt_there_and_its_buttons_work(house: House) -> None:
    shirley = house.phone("shirley", "slack")
    root = await shirley.says("早安")
    since = calls(house)
    await shirley.says("Warm Taipei 冷氣漏水", reply_to=root)
    receipt = [thread for text, thread in fresh(house, since) if "T-1001" in text and thread is not None]
    assert receipt and set(receipt) == {root.partition(":")[2]}
    await shirley.taps("是")
    assert (await house.ticket())["facts"] == {"near_power": "yes"}


async def test_a_question_asked_outside_is_answered_in_its_thread(house: House) -> None:
    shirley, ben = house.phone("shirley", "slack"), house.phone("ben", "slack")
    await shirley.says(STORY)
    await ben.taps("ask", question="Which socket?")
    asked = next(one for one in reversed(await shirley.chat()) if "Which socket?" in one.text)
    await shirley.says("床邊那個", reply_to=asked.ref)
    (question,) = [one for one in (await house.ticket())["history"] if one["detail"].get("answers")]
    assert question["event"] == "received"
    assert len(await house.tickets()) == 1


async def test_more_words_in_the_thread_of_ones_own_report_belong_to_it(house: House) -> None:
    shirley = house.phone("shirley", "slack")
    root = await shirley.says(TOWELS)
    await shirley.says("還要兩條浴巾", reply_to=root)
    ticket = await house.ticket()
    assert [one["raw_input"] for one in ticket["reports"]] == [TOWELS, "還要兩條浴巾"]


@pytest.mark.parametrize("channel", ["slack", "telegram"])
async def test_a_reply_to_any_words_of_ours_about_a_ticket_belongs_to_it(house: House, channel: str) -> None:
    shirley = house.phone("shirley", channel)
    await shirley.says(TOWELS)
    await shirley.says("T-1001 還要兩條浴巾")
    ours = next(one for one in reversed(await shirley.chat()) if "T-1001" in one.text)
    ref: Any = ours.ref if channel == "slack" else int(ours.ref)
    await shirley.says("也要枕頭套", reply_to=ref)
    assert (await house.ticket())["reports"][-1]["raw_input"] == "也要枕頭套"
