"""What is changed, answered or made worse later: an edit does what a message does and no more, keeps its room, and nobody is
left asleep by waits that were planned when it was mild."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from channels.telegram.channel import Telegram
from channels.telegram.parse import event_of
from tests.platforms import House, open_house
from tests.world import World

MILD, DEADLY = "Warm Taipei 浴室水龍頭漏水", "Warm Taipei 浴室失火了,濃煙,房客還在裡面"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    people = [("ben", "telegram"), ("shirley", "telegram"), ("haru", "line"), ("ben", "line")]
    async with open_house(tmp_path, people) as one:
        yield one


async def test_an_edit_that_becomes_a_danger_does_what_a_danger_does(house: House) -> None:
    shirley, ben = house.phone("shirley", "telegram"), house.phone("ben", "telegram")
    ref = await shirley.says(MILD)
    await house.fakes["telegram"].edits(shirley.account, ref, DEADLY)
    await house.settle()
    assert await shirley.sees("119")
    assert (await house.ticket())["severity"] == 5
    assert await ben.sees("T-1001")


async def test_messages_of_two_groups_that_bear_the_same_number_are_two_messages(house: House) -> None:
    """Telegram counts from 1 in every supergroup."""
    telegram, ben = house.fakes["telegram"], house.phone("ben", "telegram")
    taipei, bali = telegram.room("Taipei"), telegram.room("Bali")
    await ben.says("/bind warm_taipei_2br", room=taipei)
    await ben.says("/bind bali_villa", room=bali)
    first = await ben.says("The bathroom tap is dripping", room=taipei)
    second = await ben.says("The wifi is down", room=bali)
    assert first == second
    by_place = {one["property_id"]: one["ticket_id"] for one in await house.tickets()}
    assert by_place.keys() == {"warm_taipei_2br", "bali_villa"}
    await telegram.edits(ben.account, second, "The wifi is down in the guest house", room=bali)
    await house.settle()
    await ben.says("Somebody is at home after three", room=bali, reply_to=second)
    words = {
        one["property_id"]: [report["raw_input"] for report in one["reports"]]
        for one in await house.tickets()
    }
    assert words == {
        "warm_taipei_2br": ["The bathroom tap is dripping"],
        "bali_villa": ["The wifi is down in the guest house", "Somebody is at home after three"],
    }


async def test_who_works_elsewhere_speaks_in_a_group_of_what_the_group_is_about(house: House) -> None:
    telegram, ben, shirley = (
        house.fakes["telegram"],
        house.phone("ben", "telegram"),
        house.phone("shirley", "telegram"),
    )
    bali = telegram.room("Bali")
    await ben.says("/bind bali_villa", room=bali)
    await shirley.says("浴室水龍頭漏水", room=bali)
    await shirley.says("Warm Taipei 冷氣不冷", room=bali)
    assert [one["property_id"] for one in await house.tickets()] == ["bali_villa", "warm_taipei_2br"]


async def test_a_message_that_comes_long_after_its_edit_is_not_filed_a_second_time(house: House) -> None:
    telegram, shirley = house.fakes["telegram"], house.phone("shirley", "telegram")
    telegram.deliver = False
    ref = await telegram.says(shirley.account, MILD)
    await telegram.edits(shirley.account, ref, "Warm Taipei 廚房水龍頭漏水")
    said, changed = [event_of(one.body, house.clock.now()) for one in telegram.pending]
    platform = next(one for one in house.app.platforms if isinstance(one, Telegram))
    await platform._ingress.take([changed])
    await house.wait(seconds=40)
    assert (await house.ticket())["raw_input"] == "Warm Taipei 廚房水龍頭漏水"
    await platform._ingress.take([said])
    await house.settle()
    ticket = await house.ticket()
    assert ticket["raw_input"] == "Warm Taipei 廚房水龍頭漏水"
    assert {"old": MILD, "new": "Warm Taipei 廚房水龍頭漏水"} in [
        one["detail"].get("edited") for one in ticket["history"]
    ]
    await telegram.edits(shirley.account, ref, "Warm Taipei 陽台水龍頭漏水")
    (again,) = [event_of(one.body, house.clock.now()) for one in telegram.pending[2:]]
    await platform._ingress.take([again])
    await house.settle()
    assert (await house.ticket())["raw_input"] == "Warm Taipei 陽台水龍頭漏水"


async def test_an_edit_that_changes_nothing_does_nothing(house: House) -> None:
    shirley = house.phone("shirley", "telegram")
    ref = await shirley.says("哈囉")
    before = len(await shirley.chat())
    await house.fakes["telegram"].edits(shirley.account, ref, "哈囉 ")
    await house.settle()
    assert len(await shirley.chat()) == before


async def test_a_command_is_carried_out_once(house: House) -> None:
    ben = house.phone("ben", "telegram")
    ref = await ben.says("/lang ja")
    before = len(await ben.chat())
    await house.fakes["telegram"].edits(ben.account, ref, "/lang es")
    await house.settle()
    assert len(await ben.chat()) == before


async def test_a_typo_mended_among_people_is_none_of_our_business(house: House) -> None:
    telegram, shirley = house.fakes["telegram"], house.phone("shirley", "telegram")
    room = telegram.room("Friends")
    ref = await shirley.says("Warm Taipei 冷氣漏誰", room=room)
    await telegram.edits(shirley.account, ref, "Warm Taipei 冷氣漏水", room=room)
    await house.settle()
    assert await house.tickets() == []


async def test_small_talk_that_becomes_a_report_stays_in_its_room(house: House) -> None:
    telegram, ben, shirley = (
        house.fakes["telegram"],
        house.phone("ben", "telegram"),
        house.phone("shirley", "telegram"),
    )
    room = telegram.room("Taipei")
    await ben.says("/bind warm_taipei_2br", room=room)
    ref = await shirley.says("早安", room=room)
    await telegram.edits(shirley.account, ref, "冷氣漏水", room=room)
    await house.settle()
    ticket = await house.ticket()
    assert (ticket["property_id"], ticket["source"]["conversation_id"]) == ("warm_taipei_2br", room)


async def test_on_line_only_a_quote_of_ours_speaks_to_us(house: House) -> None:
    haru, line = house.phone("haru", "line"), house.fakes["line"]
    theirs = await line.says(haru.account, "洗濯機の話", room="housekeeping")
    await haru.says("エアコンが冷えません 伊東の家", room="housekeeping", reply_to=str(theirs))
    assert await house.tickets() == []


async def test_an_answer_to_our_words_belongs_to_their_ticket(house: House) -> None:
    shirley = house.phone("shirley", "telegram")
    await shirley.says(MILD)
    await shirley.says("Warm Taipei 廚房燈不亮")
    await shirley.says("T-1001 還在滴")
    added = next(one for one in reversed(await shirley.chat()) if "T-1001" in one.text and not one.buttons)
    await shirley.says("謝謝,等你們", reply_to=added.ref)
    first = (await house.tickets())[0]
    assert [report["raw_input"] for report in first["reports"]][-1] == "謝謝,等你們"


async def test_what_becomes_urgent_at_night_wakes_somebody_now(world: World) -> None:
    """Sent at three in the night, to be told in the morning; then a second report makes it worse."""
    world.clock.at = world.clock.at.replace(hour=19)  # in UTC
    await world.says("celine", "vila Bali: wastafel mampet")
    before = await world.ticket()
    assert (before["status"], await world.cards("celine", "job")) == ("DISPATCHED", [])
    await world.says("miguel", "T-1001: the sink overflows and the water runs into the socket, it sparks")
    assert (await world.ticket())["severity"] >= 4
    assert await world.cards("celine", "job"), "she is told at once"
    await world.wait(minutes=5)
    told = [row["detail"]["who"] for row in (await world.ticket())["history"] if row["event"] == "notified"]
    assert len(set(told)) >= 2, "and the next one soon after"


async def test_words_that_were_taken_back_stand_nowhere_any_more(house: House, tmp_path: Path) -> None:
    """Not in the database's pages either: neither the ticket, nor the cards that went out, nor the message as it came in."""
    shirley, line = house.phone("haru", "line"), house.fakes["line"]
    secret = "MYSECRETNUMBER 0912345678"
    ref = await shirley.says(f"伊東の家 洗濯機が壊れました {secret}")
    assert (await house.ticket())["raw_input"].endswith(secret)
    await line.unsends("haru", ref)
    await house.settle()
    await house.app.store.write(lambda tx: None)
    import sqlite3

    with sqlite3.connect(tmp_path / "loopos.db") as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        dump = "\n".join(db.iterdump())
    assert secret not in dump
    assert secret.encode() not in (tmp_path / "loopos.db").read_bytes()


async def test_the_files_of_the_house_are_its_users_own(house: House, tmp_path: Path) -> None:
    for file in tmp_path.glob("loopos.db*"):
        assert file.stat().st_mode & 0o077 == 0, file.name
