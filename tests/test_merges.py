"""Tickets that become one: whatever was asked before, and whoever answers late, no ticket ever points back at itself."""

from __future__ import annotations

from typing import Any

import pytest

from core.actors import Actor
from core.acts.commands import Cancel, Merge, Reopen
from core.acts.table import perform
from core.errors import Refused
from core.store.tables import Ticket
from core.tickets.records import find_ticket, survivor
from tests.world import CardSeen, World

BEN = Actor("ben", "web")


async def same_again(world: World) -> CardSeen:
    """T-1001 is resolved, T-1002 says much the same: the receipt asks."""
    await world.says("celine", "vila Bali: wastafel mampet")
    await (await world.card("celine", "job")).tap("resolve", amount="30")
    await world.wait(days=2)
    await world.says("celine", "vila Bali: saluran wastafel tersumbat lagi")
    receipt = await world.card("celine", "receipt")
    assert receipt.card["questions"], "it asks whether it is the same"
    return receipt


async def act(world: World, *commands: Any) -> None:
    for command in commands:
        await world.do(lambda tx, one=command: perform(tx, BEN, one))  # type: ignore[misc]
        await world.settle()


async def still_alive(world: World) -> None:
    """Words about either ticket are taken in."""
    for text in ("T-1001 any news?", "T-1002 any news?"):
        await world.says("celine", text)
    assert (await world.chat("celine"))[-1]["type"] in {"card", "text"}


async def test_the_old_ticket_was_merged_into_the_new_one_before_the_answer(world: World) -> None:
    receipt = await same_again(world)
    yes = receipt.card["questions"][0]["buttons"][0]["id"]
    await act(world, Reopen("T-1001"), Merge("T-1001", "T-1002"))
    await world.tap("celine", yes)
    first, second = await world.tickets()
    assert (first["merged_into"], second["merged_into"]) == ("T-1002", None)
    assert second["status"] not in {"NEW", "MERGED"}, "it goes on by itself"
    await still_alive(world)


async def test_the_answer_follows_the_old_ticket_to_where_it_went_on(world: World) -> None:
    receipt = await same_again(world)
    yes = receipt.card["questions"][0]["buttons"][0]["id"]
    await world.says("celine", "vila Bali: tikus di dapur")
    await act(world, Reopen("T-1001"), Merge("T-1001", "T-1003"))
    await world.tap("celine", yes)
    assert [t["merged_into"] for t in await world.tickets()] == ["T-1003", "T-1003", None]
    await still_alive(world)


async def test_nothing_is_merged_into_what_was_cancelled_meanwhile(world: World) -> None:
    receipt = await same_again(world)
    yes = receipt.card["questions"][0]["buttons"][0]["id"]
    await act(world, Reopen("T-1001"), Cancel("T-1001"))
    await world.tap("celine", yes)
    first, second = await world.tickets()
    assert (first["status"], second["merged_into"]) == ("CANCELLED", None)
    assert second["status"] not in {"NEW", "MERGED"}


@pytest.mark.parametrize("end", ["cancel", "merge"])
async def test_by_hand_neither(world: World, end: str) -> None:
    for text in ("vila Bali: wastafel mampet", "vila Bali: tikus di dapur", "vila Bali: mati lampu"):
        await world.says("celine", text)
    await act(world, Cancel("T-1001") if end == "cancel" else Merge("T-1001", "T-1003"))
    with pytest.raises(Refused) as refused:
        await act(world, Merge("T-1002", "T-1001"))
    assert refused.value.code == "wrong_state"


async def test_tickets_that_point_at_each_other_already_stop_nothing(world: World) -> None:
    """Rows that an earlier version left behind."""
    await world.says("celine", "vila Bali: wastafel mampet")
    await world.says("celine", "vila Bali: tikus di dapur")

    def knot(tx: Any) -> None:
        for one, other in (("T-1001", "T-1002"), ("T-1002", "T-1001")):
            ticket = tx.get(Ticket, one)
            ticket.status, ticket.merged_into = "MERGED", other

    await world.do(knot)
    assert await world.do(lambda tx: survivor(tx, find_ticket(tx, "T-1001")).ticket_id) == "T-1001"
    await still_alive(world)
