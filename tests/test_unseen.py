"""Whom the platform does not name can do nothing here; they are told how to be known, and a danger counts all the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.telegram import BOT
from tests.platforms import House, open_house
from tests.world import STORY


@pytest.fixture(params=["telegram", "line"])
async def house(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[House]:
    people = [(one, request.param) for one in ("ben", "shirley")]
    async with open_house(tmp_path, people) as one:
        yield one


def channel_of(house: House) -> str:
    return next(iter(house.fakes))


def room_of(house: House) -> str:
    fake = house.fakes[channel_of(house)]
    return str(
        fake.room("Desk", kind="supergroup") if channel_of(house) == "telegram" else fake.group("desk")
    )


async def unseen_says(house: House, room: str, text: str, *, called: bool = True) -> None:
    fake = house.fakes[channel_of(house)]
    if channel_of(house) == "telegram":
        somebody = fake.person("Somebody")
        name = f"@{BOT['username']}"
        said: dict[str, Any] = {"text": text}
        if called:
            entity = {"type": "mention", "offset": 0, "length": len(name)}
            said = {"text": f"{name} {text}", "entities": [entity]}
        await fake.sends(somebody, room=room, sender_chat={"id": int(room), "type": "supergroup"}, **said)
    else:
        more: dict[str, Any] = {"text": text}
        if called:
            own = {"type": "user", "index": 0, "length": 7, "isSelf": True}
            more = {"text": f"@LoopOS {text}", "mention": {"mentionees": [own]}}
        event = fake.message("text", house.phone("shirley", "line").account, room, **more)
        del event["source"]["userId"]
        await fake.send(event)
    await house.settle()


async def said_in(house: House, room: str) -> list[str]:
    return [one.text for one in await house.phone("ben", channel_of(house)).chat(room)]


async def test_whoever_cannot_be_seen_is_told_how_to_be_known(house: House) -> None:
    room = room_of(house)
    await unseen_says(house, room, "Warm Taipei: the towels are missing")
    assert await house.tickets() == []
    told = [text for text in await said_in(house, room) if "who you are" in text]
    assert len(told) == 1
    assert ("anonymous" in told[0]) is (channel_of(house) == "telegram")


async def test_in_their_language_and_not_again_and_again(house: House) -> None:
    room = room_of(house)
    for number in range(6):
        await unseen_says(house, room, f"毛巾不夠了,{number} 條")
    told = [text for text in await said_in(house, room) if "知道您是誰" in text or "看不到您是誰" in text]
    assert len(told) == 3


async def test_people_talking_among_themselves_are_left_alone(house: House) -> None:
    room = room_of(house)
    await unseen_says(house, room, "lunch?", called=False)
    assert not any("who you are" in text for text in await said_in(house, room))


async def test_a_command_does_nothing(house: House) -> None:
    room = room_of(house)
    await house.phone("shirley", channel_of(house)).says(STORY)
    await unseen_says(house, room, "/resolve T-1001 1")
    await unseen_says(house, room, "/tickets")
    assert (await house.ticket())["status"] == "AWAITING_HUMAN"
    assert not any("T-1001" in text for text in await said_in(house, room))


async def test_a_danger_is_warned_of_and_told_to_the_founder(house: House) -> None:
    room, ben = room_of(house), house.phone("ben", channel_of(house))
    await unseen_says(house, room, "strong smell of gas in Warm Taipei, we are still inside")
    assert any("119" in text for text in await said_in(house, room))
    assert any("smell of gas" in text and "Warm Taipei" in text for text in await ben.texts())
    assert await house.tickets() == []
