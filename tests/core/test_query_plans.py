"""No statement on a message's way reads a whole table that grows with the past, whatever SQLite makes of the data."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event

from core.cost import report
from core.store.session_rows import SessionRows
from core.store.url import file_of
from tests.world import STORY, World

GROW = frozenset(
    [
        "accepted",
        "approvals",
        "attachments",
        "card_copies",
        "cards",
        "deadlines",
        "dispatches",
        "history",
        "inbox",
        "offers",
        "outbox",
        "questions",
        "reports",
        "skill_runs",
        "tickets",
        "usage",
        "web_messages",
    ]
)
"""Tables that have more rows the longer a house stands."""


@pytest.fixture
def executed() -> Iterator[dict[str, Any]]:
    """Each statement that runs meanwhile, with what it was run with the last time."""
    found: dict[str, Any] = {}

    def keep(
        _connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool
    ) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
            found[statement] = parameters[0] if many else parameters

    event.listen(Engine, "before_cursor_execute", keep)
    yield found
    event.remove(Engine, "before_cursor_execute", keep)


def scans(db: sqlite3.Connection, executed: dict[str, Any]) -> list[str]:
    """The steps that read such a table from end to end; an index of the few that are open is read whole at any size."""
    of_few = {
        name
        for (name,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'"
        )
    }
    found = []
    for statement, parameters in executed.items():
        for *_, step in db.execute(f"EXPLAIN QUERY PLAN {statement}", parameters):
            read = re.match(r"SCAN (\w+)(?: USING (?:COVERING )?INDEX (\w+))?", step)
            if read and read[1] in GROW and read[2] not in of_few:
                found.append(f"{step}: {' '.join(statement.split())[-300:]}")
    return found


async def test_a_ticket_lives_and_ends_without_a_look_at_all_of_them(
    world: World, executed: dict[str, Any]
) -> None:
    for _ in range(2):  # the second time there is a past
        await world.says("shirley", STORY)
        await (await world.card("ben", "approval")).tap("approve")
        job = await world.card("shirley", "job")
        await job.tap("ack")
        await (await world.card("shirley", "job")).tap(
            "resolve", amount="132", outcome="drain pan replaced", rating="5"
        )
        await world.says("shirley", "any news?")
        await world.wait(days=40)
    copy = sqlite3.connect(":memory:", cached_statements=0)  # a plan that was asked for is asked for anew
    with sqlite3.connect(file_of(world.app.settings.database)) as db:
        db.backup(copy)
    assert len(executed) > 50
    assert scans(copy, executed) == []
    # What SQLite counts of a small house makes it read whole tables of the large one: it never counts.
    assert not copy.execute("SELECT name FROM sqlite_master WHERE name LIKE 'sqlite_stat%'").fetchall()
    copy.execute("DROP INDEX ix_reports_ticket_id")
    assert any(one.startswith("SCAN reports") for one in scans(copy, executed))


async def test_what_a_lead_pays_this_month_is_found_without_the_past(
    world: World, executed: dict[str, Any]
) -> None:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    executed.clear()
    only = ["warm_taipei_2br", "bali_villa"]
    now = world.clock.at
    company = world.app.services.company
    await world.store.read(lambda s: report.find(SessionRows(s), company, "month", now, only))
    with contextlib.closing(sqlite3.connect(file_of(world.app.settings.database))) as db:
        steps = [
            step
            for statement, parameters in executed.items()
            for *_, step in db.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            if step.startswith("SEARCH")
        ]
    assert steps
    assert all(" AND " in step for step in steps), steps  # each is bounded by the month too
