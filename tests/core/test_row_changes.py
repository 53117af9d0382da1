"""A card shows what the rows say, whoever changed them and whether or not they thought of cards."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from core.context import Tx
from core.ids import new_id
from core.store.brain_tables import MemoRow
from core.store.tables import HistoryRow, OutboxRow, Question, Ticket
from tests.world import STORY, World


async def sent(world: World) -> int:
    await world.settle()
    return await world.store.read(lambda s: s.scalar(select(func.count()).select_from(OutboxRow)) or 0)


@pytest.fixture
async def reported(world: World) -> World:
    await world.says("shirley", STORY)
    return world


async def test_a_changed_ticket_is_shown_as_it_is(reported: World) -> None:
    def calm(tx: Tx) -> None:
        ticket = tx.get(Ticket, "T-1001")
        assert ticket is not None
        ticket.severity = 2

    await reported.do(calm)
    await reported.settle()
    for who, kind in (("ben", "approval"), ("shirley", "receipt")):
        card = await reported.card(who, kind)
        assert card.card["facts"][0]["value"].startswith("2")


async def test_a_question_that_is_asked_stands_on_the_receipt(reported: World) -> None:
    def ask(tx: Tx) -> None:
        tx.add(
            Question(
                id=new_id(),
                ticket_id="T-1001",
                kind="near_power",
                person_id="shirley",
                channel="web",
                conversation_id="shirley",
                text="",
                options=["yes", "no"],
                created_at=tx.now,
            )
        )

    before = len((await reported.card("shirley", "receipt")).card["questions"])
    await reported.do(ask)
    await reported.settle()
    assert len((await reported.card("shirley", "receipt")).card["questions"]) == before + 1


async def test_what_a_failed_part_changed_is_not_shown_and_what_came_before_it_is(reported: World) -> None:
    def work(tx: Tx) -> None:
        ticket = tx.get(Ticket, "T-1001")
        assert ticket is not None
        ticket.severity = 3
        with contextlib.suppress(ZeroDivisionError), tx.nested():
            ticket.severity = 1
            tx.session.flush()
            raise ZeroDivisionError

    await reported.do(work)
    await reported.settle()
    assert (await reported.card("ben", "approval")).card["facts"][0]["value"].startswith("3")


async def test_what_no_card_shows_sends_nothing(reported: World) -> None:
    before = await sent(reported)

    def spend(tx: Tx) -> None:
        ticket = tx.get(Ticket, "T-1001")
        assert ticket is not None
        ticket.cost_usd = Decimal("0.25")

    await reported.do(spend)
    await reported.do(
        lambda tx: tx.add(
            HistoryRow(ticket_id="T-1001", at=tx.now, event="notified", actor="loopos", detail={})
        )
    )
    assert await sent(reported) == before


async def test_a_memo_that_changed_is_shown_as_it_is(world: World) -> None:
    await world.says("shirley", "/memo the fuse box of Warm Taipei is behind the mirror")

    def reword(tx: Tx) -> None:
        row = tx.session.scalars(select(MemoRow)).one()
        row.content = {**row.content, "transcript": "the fuse box is in the hall"}

    await world.do(reword)
    await world.settle()
    assert "the fuse box is in the hall" in str((await world.card("ben", "memo")).card)
