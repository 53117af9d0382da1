"""What cannot be undone waits for the founder's tap, is shown to the byte, and lapses in silence."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from core.asks import approvals
from core.context import Tx
from core.store.loop_tables import AskRow, LoopApproval, LoopLine
from tests.world import World

CMD = "rm -rf ./build && echo 'done'"


async def put(world: World, payload: str = CMD, worker: str = "pulse") -> str:
    def work(tx: Tx) -> str:
        row = approvals.put(tx, "shell", payload, worker, why="clean up", more={"reason": "clean up"})
        return row.ask_id

    found = await world.store.write(work)
    await world.settle()
    return found


async def row(world: World, ask_id: str) -> Any:
    return await world.store.read(lambda s: s.get(LoopApproval, ask_id))


async def journal(world: World) -> list[str]:
    return await world.store.read(lambda s: [one.text for one in s.scalars(select(LoopLine))])


async def test_35_the_card_shows_the_exact_payload_and_one_tap_decides(world: World) -> None:
    name = await put(world)
    card = await world.card("ben", "ask")
    assert CMD in card.text
    assert approvals.digest(CMD) in card.text
    assert card.buttons().keys() == {"approve", "reject"}
    assert await put(world) == name, "the same while it waits is the same question"
    assert await put(world, CMD + " ") != name, "a changed payload is another"
    assert await put(world, worker="quotes") != name
    await card.tap("approve", by="shirley")
    assert (await row(world, name)).state == "pending", "it is the founder's alone"
    await card.tap("approve")
    await card.tap("approve")
    assert (await row(world, name)).state == "approved"
    taken = [await world.store.write(lambda tx: approvals.take(tx, name)) for _ in range(3)]
    assert taken == [True, False, False], "it runs once"


async def test_35_words_decide_nothing_and_no_is_journalled(world: World) -> None:
    name = await put(world)
    await world.says("ben", f"/answer {name} yes")
    assert (await row(world, name)).state == "pending"
    await (await world.card("ben", "ask")).tap("reject")
    assert (await row(world, name)).state == "rejected"
    assert await journal(world) == [f"rejected {name}"]
    assert not await world.store.write(lambda tx: approvals.take(tx, name))
    again = await put(world)
    assert again != name, "asked anew, it is another question"


async def test_silence_lapses_after_a_day_and_is_no_yes(world: World) -> None:
    name = await put(world)
    await world.wait(hours=23)
    assert (await row(world, name)).state == "pending"
    await world.wait(hours=2)
    assert (await row(world, name)).state == "lapsed"
    assert f"lapsed {name}" in await journal(world)
    card = await world.card("ben", "ask")
    assert card.buttons() == {}
    asked = await world.store.read(lambda s: s.get(AskRow, name))
    assert asked is not None
    assert asked.to == ["ben"], "no deputy decides"


async def test_what_was_running_when_the_process_died_is_never_tried_again(world: World) -> None:
    name = await put(world)
    await (await world.card("ben", "ask")).tap("approve")
    assert await world.store.write(lambda tx: approvals.take(tx, name))
    assert [one.ask_id for one in await world.store.write(approvals.died)] == [name]
    assert (await row(world, name)).state == "unknown"
    assert not await world.store.write(lambda tx: approvals.take(tx, name))
