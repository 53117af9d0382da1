"""A card shows what the rows say, whoever changed them and whether or not they thought of cards."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from core.access import sign_in
from core.actors import Actor
from core.acts.commands import MakeToken
from core.acts.table import perform
from core.asks import approvals
from core.context import Tx
from core.ids import new_id
from core.model import SecretKind
from core.money import Amount, Local
from core.store.brain_tables import MemoRow
from core.store.client_tables import Grant, Secret
from core.store.loop_tables import LoopApproval
from core.store.tables import HistoryRow, OutboxRow, Question, Ticket
from core.tickets.records import find_ticket
from core.workflow import bills, dispatching
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


# --- cards that belong to no ticket follow their rows, whoever changes them


async def stands(world: World, kind: str) -> tuple[str, list[str]]:
    """(lead, the actions of the buttons) of the founder's card."""
    await world.settle()
    card = await world.card("ben", kind)
    return str(card.card["lead"]), sorted(card.buttons())


async def dispatched(world: World) -> None:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")


async def test_an_order_that_is_off_is_shown_as_off(world: World) -> None:
    await dispatched(world)

    def recall(tx: Tx) -> None:
        ticket = find_ticket(tx, "T-1001")
        ticket.dispatches[-1].recalled = True
        dispatching.ask_whether_off(tx, ticket)

    def known(tx: Tx) -> None:
        find_ticket(tx, "T-1001").dispatches[-1].recalled = False

    await world.do(recall)
    assert (await stands(world, "recalled"))[1] == ["off"]
    await world.do(known)
    assert await stands(world, "recalled") == ("It is off, and counts no more.", [])


async def test_an_unusual_bill_follows_every_part_of_it(world: World) -> None:
    await dispatched(world)

    def book(dollars: str, local: Local | None = None, doubtful: bool = True) -> Callable[[Tx], None]:
        def work(tx: Tx) -> None:
            ticket = find_ticket(tx, "T-1001")
            dispatch = ticket.dispatches[-1]
            if dispatch.bill is None:
                bills.book(tx, ticket, dispatch, Amount(Decimal(dollars), local))
            dispatch.bill, dispatch.doubtful = Amount(Decimal(dollars), local), doubtful

        return work

    await world.do(book("900.00"))
    assert "900.00" in (await stands(world, "outlier"))[0]
    await world.do(book("800.00"))
    assert "800.00" in (await stands(world, "outlier"))[0]
    await world.do(book("800.00", Local(Decimal(24000), "TWD", Decimal(30))))
    assert "24,000" in (await stands(world, "outlier"))[0]
    await world.do(book("800.00", Local(Decimal(24000), "TWD", Decimal(30)), doubtful=False))
    assert await stands(world, "outlier") == ("Estimates may be made of it.", [])


async def test_a_browser_that_was_let_in_elsewhere_is_shown_so(world: World) -> None:
    await world.do(lambda tx: sign_in.ask(tx, "ben", "Firefox", "10.0.0.1", "/"))
    assert (await stands(world, "signin"))[1] == ["allow", "deny"]

    def allow(tx: Tx) -> None:
        (row,) = tx.session.scalars(select(Secret).where(Secret.kind == SecretKind.WAITING))
        row.detail = {**row.detail, "answer": "allowed"}

    await world.do(allow)
    assert await stands(world, "signin") == ("You let that browser in.", [])


async def test_a_token_that_was_taken_back_is_off_the_list(world: World) -> None:
    command = MakeToken("ben", "reports", "read", "api", 30, told=True)
    await world.do(lambda tx: perform(tx, Actor("ben", "cli"), command))
    await world.says("ben", "/clients")
    assert (await stands(world, "clients"))[1] == ["revoke"]

    def revoke(tx: Tx) -> None:
        (grant,) = tx.session.scalars(select(Grant))
        grant.revoked_at = tx.now

    await world.do(revoke)
    lead, buttons = await stands(world, "clients")
    assert lead.startswith("Nothing acts for you") and buttons == []


async def test_what_the_loop_did_with_a_yes_stands_on_its_question(world: World) -> None:
    ask_id = await world.do(
        lambda tx: (
            approvals.put(
                tx, "shell", "rm -rf old", "pulse", why="it deletes", more={"reason": "tidy"}
            ).ask_id
        )
    )
    assert (await stands(world, "ask"))[1] == ["approve", "reject"]
    await (await world.card("ben", "ask")).tap("approve")

    def end(tx: Tx) -> None:
        row = tx.get(LoopApproval, ask_id)
        assert row is not None
        row.state, row.code, row.output = "failed", 3, "no such file"

    await world.do(end)
    assert "exit 3" in (await stands(world, "ask"))[0]
