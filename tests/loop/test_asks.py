"""A worker asks, a person answers: one card, the first answer counts (acceptance cases 24, 35)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from core.actors import Actor
from core.asks import asks
from core.errors import Refused
from tests.world import World


async def put(
    world: World, prompt: str = "Which key opens the shed?", worker: str = "inbox", **more: Any
) -> str:
    name = await world.do(lambda tx: asks.ask(tx, worker, prompt, channel="cli", **more).id)
    await world.settle()
    return str(name)


async def fetched(world: World, ask_id: str) -> str | None:
    answer: str | None = await world.do(lambda tx: asks.fetched(tx, ask_id))
    return answer


async def test_the_founder_taps_a_choice_and_whoever_asked_has_it(world: World) -> None:
    name = await put(world, options=["the blue one", "the red one"])
    assert name == "inbox-1"
    card = await world.card("ben", "ask")
    assert "Which key opens the shed?" in card.lead
    assert "inbox-1" in card.text
    labels = [one["label"] for one in card.card["buttons"]]
    assert labels == ["the blue one", "the red one", "Another answer"]
    assert await fetched(world, name) is None
    await world.tap("ben", card.card["buttons"][1]["id"])
    assert await fetched(world, name) == "the red one"
    done = await world.card("ben", "ask")
    assert done.buttons() == {}
    assert "the red one" in done.text and "Ben" in done.text
    await world.tap("ben", card.card["buttons"][0]["id"])
    assert "the red one" in (await world.texts("ben"))[-1], "he is told what counts"
    assert await fetched(world, name) == "the red one"


async def test_long_choices_are_numbered_and_own_words_count_too(world: World) -> None:
    name = await put(world, options=["a" * 60, "b" * 60])
    card = await world.card("ben", "ask")
    assert [one["label"] for one in card.card["buttons"]] == ["1", "2", "Another answer"]
    assert f"1. {'a' * 60}" in card.text
    await world.tap("ben", card.card["buttons"][2]["id"], text="neither, call me")
    assert await fetched(world, name) == "neither, call me"


async def test_a_reply_and_a_command_answer_too(world: World) -> None:
    one, two = await put(world), await put(world, "And the gate?")
    card = next(c for c in await world.cards("ben", "ask") if "shed" in c.lead)
    await world.says("ben", "the green one", reply_to=card.message_id)
    assert await fetched(world, one) == "the green one"
    await world.says("ben", "/asks")
    listed = (await world.texts("ben"))[-1]
    assert "And the gate?" in listed and "inbox-2" in listed and "inbox-1" not in listed
    await world.says("ben", f"/answer {two} it has a code: 4711")
    assert await fetched(world, two) == "it has a code: 4711"
    assert await world.tickets() == [], "an answer is no report"
    await world.says("ben", "/answer inbox-9 x")
    assert "inbox-9" in (await world.texts("ben"))[-1]
    await world.says("ben", "/asks")
    assert (await world.texts("ben"))[-1] == "Nothing is asked."


async def test_the_same_question_is_asked_once_until_its_answer_was_fetched(world: World) -> None:
    first = await put(world)
    assert await put(world) == first
    assert await put(world, worker="other") == "other-1"
    await world.says("ben", f"/answer {first} blue")
    assert await put(world) == first, "answered, and not fetched yet"
    assert await fetched(world, first) == "blue"
    assert await put(world) == "inbox-2", "asked anew; its id is never used again"


async def test_whom_it_is_for_may_answer_and_nobody_else(world: World) -> None:
    name = await put(world, to="celine")
    card = await world.card("celine", "ask")
    assert await world.cards("ben", "ask") == []
    await world.tap("haru", card.card["buttons"][0]["id"], text="me too")
    await world.says("haru", f"/answer {name} me too")
    assert await fetched(world, name) is None
    await world.says("haru", "/asks")
    assert name not in (await world.texts("haru"))[-1]
    await world.says("celine", f"/answer {name} the blue one")
    assert await fetched(world, name) == "the blue one"
    everybody = await put(world, "Who is on?", to="ops")
    for person in ("celine", "haru", "miguel", "shirley"):
        assert everybody in (await world.card(person, "ask")).text
    with pytest.raises(Refused):
        await put(world, to="nobody")


async def test_35_what_cannot_be_undone_takes_the_founders_tap(world: World) -> None:
    name = await put(world, "Merge the pull request 7?", irreversible=True, to="celine")
    assert await world.cards("celine", "ask") == [], "it is the founder's alone"
    card = await world.card("ben", "ask")
    assert card.buttons().keys() == {"approve", "reject"}
    await world.says("ben", f"/answer {name} yes")
    assert "tap" in (await world.texts("ben"))[-1]
    await world.says("ben", "yes", reply_to=card.message_id)
    await card.tap("approve", by="celine")
    await card.tap("approve", by="miguel")
    await world.wait(hours=3)
    assert await world.cards("miguel", "ask") == [], "no deputy, and silence is no yes"
    assert await fetched(world, name) is None
    await card.tap("approve")
    await card.tap("approve")
    assert await fetched(world, name) == "yes"
    other = await put(world, "Delete the branch?", irreversible=True, options=["delete", "keep"])
    await (await world.card("ben", "ask")).tap("reject")
    assert await fetched(world, other) == "keep"


async def test_24_of_many_answers_at_once_exactly_one_counts(world: World) -> None:
    name = await put(world, to="ops")

    async def answers(person: str) -> str | None:
        try:
            await world.do(lambda tx: asks.answer(tx, asks.find(tx, name), person, _actor(person)))
        except Refused:
            return None
        return person

    won = [one for one in await asyncio.gather(*(answers(f"p{n}") for n in range(8))) if one]
    assert len(won) == 1
    assert await fetched(world, name) == won[0]
    await world.do(lambda tx: asks.answer(tx, asks.find(tx, name), "another", _actor("ben"), again=True))
    assert await fetched(world, name) == "another"


def _actor(person: str) -> Actor:
    return Actor(person, "web")


async def test_silence_is_reminded_of_and_then_the_deputy_is_asked(world: World) -> None:
    name = await put(world)
    await world.wait(minutes=16)
    assert any(name in text and "still waits" in text for text in await world.texts("ben"))
    assert await world.cards("miguel", "ask") == []
    await world.wait(minutes=45)
    assert name in (await world.card("miguel", "ask")).text
    await world.says("miguel", f"/answer {name} the blue one")
    assert await fetched(world, name) == "the blue one"
    texts = len(await world.texts("ben"))
    await world.wait(hours=2)
    assert len(await world.texts("ben")) == texts


async def test_quiet_hours_hold_unless_it_cannot_be_undone(world: World) -> None:
    world.clock.at = world.clock.at.replace(hour=11)  # 03:00 in Los Angeles
    await put(world)
    assert await world.cards("ben", "ask") == []
    await world.wait(hours=2)
    assert await world.texts("ben") == [], "nor is he reminded of what he has not seen"
    assert await world.cards("miguel", "ask") == []
    await put(world, "Stop the payment?", irreversible=True)
    assert len(await world.cards("ben", "ask")) == 1
    await world.wait(hours=6)
    assert len(await world.cards("ben", "ask")) == 2
    assert any("inbox-1 still waits" in text for text in await world.texts("ben"))


@pytest.mark.parametrize(
    ("prompt", "options", "code"),
    [
        ("", [], "text_needed"),
        (" \n", [], "text_needed"),
        ("x" * 4001, [], "too_long"),
        ("x", ["a"] * 21, "too_many_options"),
    ],
)
async def test_what_is_no_question_is_refused(
    world: World, prompt: str, options: list[str], code: str
) -> None:
    with pytest.raises(Refused) as refused:
        await put(world, prompt, options=options)
    assert refused.value.code == code


async def test_a_danger_in_a_reply_is_told_to_everybody(world: World) -> None:
    await put(world)
    card = await world.card("ben", "ask")
    await world.says(
        "ben", "Bali Villa: there is a strong smell of gas in the kitchen!", reply_to=card.message_id
    )
    assert [one["severity"] for one in await world.tickets()] == [5]
