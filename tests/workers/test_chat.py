"""Workers as people in chat meet them: a card with buttons, words to them, questions through them, flags."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.store.loop_tables import AskRow
from tests.platforms import open_house
from tests.workers.working import Working, soon, working
from tests.world import World


@pytest.fixture
async def house(world: World) -> AsyncIterator[Working]:
    one = await working(world)
    world.app.requests._verbs = one.verbs
    await world.app.requests.start()
    yield one
    await world.app.requests.stop()
    await one.fleet.kill_all()


async def says(house: Working, who: str, text: str) -> str:
    """What comes back."""
    before = len(await house.world.texts(who))
    await house.world.says(who, text)

    async def look() -> str:
        await house.world.settle()
        return "\n".join((await house.world.texts(who))[before:])

    return str(await soon(look))


async def test_the_founder_sees_tells_flags_and_ends_them(house: Working) -> None:
    await house.start("quotes", "sleep 100")
    await house.start("gone", "exit 3")
    await house.ended("gone")
    await house.world.says("ben", "/workers")

    async def shown() -> bool:
        await house.world.settle()
        return bool(await house.world.cards("ben", "workers"))

    await soon(shown)
    card = await house.world.card("ben", "workers")
    assert card.lead == "1 at work"
    assert "quotes: at work · since " in card.text
    assert "gone: has ended · it failed (3)" in card.text
    assert [one["label"] for one in card.card["buttons"]] == ["Tell quotes", "End quotes", "Flag quotes"]
    await card.tap("tell", text="the cap is 200")

    async def told() -> str:
        return await house.ok("told", by="quotes", worker="quotes")

    assert await soon(told) == "• the cap is 200"
    await card.tap("kill", sure="no")
    # The answer to the tell above comes from the loop, and may come after this one.
    assert "quotes works on." in (await house.world.texts("ben"))[-2:]
    assert (await house.listed())["quotes"]["alive"]
    await card.tap("kill", sure="yes")

    async def ended() -> bool:
        return not (await house.listed())["quotes"]["alive"]

    await soon(ended)

    async def said() -> bool:
        await house.world.settle()
        return (await house.world.texts("ben"))[-1] == "quotes is ended."

    await soon(said)
    await house.start("quotes", "sleep 100")  # another one of that name
    await card.tap("kill", sure="yes")

    async def refused() -> bool:
        await house.world.settle()
        return "There is no worker quotes at work" in (await house.world.texts("ben"))[-1]

    await soon(refused)
    assert (await house.listed())["quotes"]["alive"], "an old card ends nobody new"


async def test_eight_at_work_have_a_button_to_end_each(house: Working) -> None:
    for number in range(8):
        await house.start(f"w{number}")
    await house.world.says("ben", "/workers")

    async def shown() -> bool:
        await house.world.settle()
        return bool(await house.world.cards("ben", "workers"))

    await soon(shown)
    labels = [one["label"] for one in (await house.world.card("ben", "workers")).card["buttons"]]
    assert [one for one in labels if one.startswith("End ")] == [f"End w{number}" for number in range(8)]
    assert len(labels) == 16


async def test_what_nobody_waits_for_can_be_let_go(house: Working) -> None:
    await house.start("quotes")
    await house.ok("ask", by="quotes", worker="quotes", prompt="Is 140 too much?")
    await house.ok("kill", id="quotes")
    await house.world.says("ben", "/asks")
    assert "(Nobody waits for this any more)" in (await house.world.texts("ben"))[-1]
    card = await house.world.card("ben", "ask")
    await card.tap("drop")
    await house.pulse.look_after_workers()
    assert not (await house.listed())["quotes"]["alive"]
    assert (await house.world.card("ben", "ask")).lead == "That has settled itself."
    await house.world.says("ben", "/answer quotes-1 yes")
    assert "already taken care of" in (await house.world.texts("ben"))[-1]


async def test_who_may_do_what(house: Working) -> None:
    await house.start("quotes")
    assert await says(house, "ben", "/tell quotes mind the cap") == "quotes reads it at its next step."
    assert "Ben" in await says(house, "shirley", "/tell quotes x")
    assert "Only Ben can do that" in await says(house, "miguel", "/ask shirley where are you?")
    await house.world.says("shirley", "/workers")

    async def shown() -> bool:
        await house.world.settle()
        return bool(await house.world.cards("shirley", "workers"))

    await soon(shown)
    card = await house.world.card("shirley", "workers")
    assert card.card["buttons"] == []
    assert "There is no worker nobody" in await says(house, "ben", "/tell nobody x")
    assert "I do not know nobody" in await says(house, "ben", "/ask nobody x")
    assert "few words" in await says(house, "ben", "/tell quotes")


async def test_the_founder_asks_a_person_and_has_the_answer(house: Working) -> None:
    assert "Asked Celine" in await says(house, "ben", "/ask celine Is the pump on site?")
    card = await house.world.card("celine", "ask")
    assert card.card["title"] == "Ben bertanya", "in her language"
    await card.tap("answer", text="since noon")
    assert "Celine answered your question ben-1: since noon" in (await house.world.texts("ben"))[-1]
    assert await house.ok("asks") != ""
    await house.start("quotes")
    assert await says(house, "ben", "/ask quotes how far are you?") == "quotes reads it at its next step."
    assert await house.ok("told", by="quotes", worker="quotes") == "• Ben asks: how far are you?"


async def test_a_person_is_no_name_for_a_worker(house: Working) -> None:
    assert await house.refused("worker start", id="ben", prompt="x") == "worker_reserved"


async def test_a_flag_is_one_message_and_its_reply_is_told_to_the_worker(house: Working) -> None:
    await house.start("quotes")
    await house.ok("flag", by="quotes", id="quotes", note="the vendor wants cash")
    await house.ok("flag", by="quotes", id="quotes", note="the vendor wants cash")
    cards = [one for one in await house.world.cards("ben", "ask") if one.buttons()]
    assert len(cards) == 1
    card = cards[0]
    assert card.card["title"] == "quotes wants to be looked at"
    assert card.lead == "the vendor wants cash"
    assert "quotes" in await house.ok("status")
    assert "quotes" not in await house.ok("asks", json=True), "a flag is no question that a program waits for"
    await house.world.says("ben", "no cash, ever", reply_to=card.message_id)
    await house.pulse.look_after_workers()
    assert await house.ok("told", by="quotes", worker="quotes") == "• no cash, ever"
    assert not (await house.listed())["quotes"]["flagged"]
    await house.ok("flag", id="quotes", note="again")
    await house.ok("unflag", id="quotes")
    assert not (await house.listed())["quotes"]["flagged"]
    assert (await house.world.cards("ben", "ask"))[-1].lead == "That has settled itself."


async def test_25_a_stranded_question_says_so_and_its_answer_starts_a_successor(house: Working) -> None:
    await house.start("quotes", 'grep -q STOOD "$1" && { tail -n 12 "$1"; exit 0; }; sleep 100')
    await house.ok("ask", by="quotes", worker="quotes", prompt="Is 140 too much?", options="yes,no")
    await house.loop.beat()
    live = await house.world.card("ben", "ask")
    assert "has ended meanwhile" not in live.text
    await house.ok("kill", id="quotes")
    card = await house.world.card("ben", "ask")
    assert "quotes has ended meanwhile. Your answer starts another one" in card.text
    house.loop.decides({"action": "noop", "reason": "x"})
    await house.loop.beat(force=True)
    assert "STRANDED quotes-1 from quotes" in house.loop.prompt()
    await house.world.tap("ben", card.card["buttons"][1]["id"])
    await house.pulse.look_after_workers()
    ended = await house.ended("quotes")
    assert ended["exit_code"] == 0
    assert "Is 140 too much?" in house.transcript("quotes")
    assert "\nno\n" in house.transcript("quotes")
    assert await house.loop.journal() != []


@pytest.mark.parametrize("channel", ["telegram", "line", "slack"])
async def test_a_vendor_is_asked_on_their_own_account(tmp_path: Path, channel: str) -> None:
    from core.asks import asks

    async with open_house(tmp_path, [("ben", "telegram")], {"mr_wang_hvac": channel}) as place:
        store = place.app.store
        name = await store.write(
            lambda tx: (
                asks.ask(
                    tx, "quotes", "What would a new drain line cost?", to="mr_wang_hvac", channel="loop"
                ).id
            )
        )
        await place.settle()
        phone = place.phone("mr_wang_hvac", channel)
        assert await phone.sees("What would a new drain line cost?")
        assert not await place.phone("ben", "telegram").sees("drain line")
        await phone.taps("answer", text="140, tomorrow")
        row = await store.read(lambda s: s.get(AskRow, name))
        assert row is not None
        assert (row.answer, row.answered_by) == ("140, tomorrow", "mr_wang_hvac")
        second = await store.write(
            lambda tx: asks.ask(tx, "quotes", "And on Sunday?", to="mr_wang_hvac", channel="loop").id
        )
        await place.settle()
        await phone.says("Sunday is 200")
        row = await store.read(lambda s: s.get(AskRow, second))
        assert row is not None
        assert row.answer == "Sunday is 200", "plain words answer the one question that waits"


async def test_for_a_vendor_whom_nothing_reaches_a_lead_is_asked(house: Working) -> None:
    company = house.world.app.services.company
    vendor = next(one for one in company.vendors if one.person_id is None and one.phone)
    await house.ok("ask", worker="quotes", prompt="A price for the roof?", to=vendor.id)
    card = await house.world.card("ben", "ask")
    assert vendor.name in card.text
    assert str(vendor.phone) in card.text
