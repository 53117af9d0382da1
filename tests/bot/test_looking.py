"""Commands that only look: what they do not have to pay for, and that both ways of reading find the same."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.cli import main
from core.access import grants
from core.actors import Actor
from core.context import Tx
from core.cost import report, statement
from core.cost.months import month_named
from core.store.plain import reading
from core.store.rows import Rows
from core.store.session_rows import SessionRows
from core.store.tables import Counter
from core.team.company_now import company_now
from core.tickets import listing
from core.workflow import company_view, memo_view, rule_view, rules, skill_view
from tests.world import STORY, World, open_world

LOOKING = (
    ["tickets", "--json"],
    ["ticket", "T-1001"],
    ["cost", "all", "--json"],
    ["cost"],
    ["report", "warm_taipei_2br"],
    ["team"],
    ["clients"],
    ["clients", "webhooks"],
    ["memo", "ls", "--all"],
    ["memo", "show", "memo_taipei_ac"],
    ["skills", "--json"],
    ["skills", "show", "taipei_ac_leak"],
    ["skills", "export", "taipei_ac_leak"],
    ["rules", "--json"],
    ["company", "--json"],
)
HEAVY = {"sqlalchemy", "aiohttp", "numpy", "structlog", "rich", "alembic", "core.context", "core.acts.table"}


async def lived(world: World) -> None:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    await (await world.card("shirley", "job")).tap("ack")
    await (await world.card("shirley", "job")).tap("resolve", amount="132.50", outcome="新的排水盤")
    world.clock.at += timedelta(minutes=1)
    await world.says("celine", "vila Bali: 4 towels please, guests arrive tomorrow")
    actor = Actor("ben", "web")
    await world.do(lambda tx: rules.propose_words(tx, actor, "ask me before any plumber", "", "bali_villa"))
    await world.says("ben", "/memo the pool man of Bali has the key of the pump room")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("DATABASE_URL", "LOOPOS_COMPANY", "LOOPOS_BUDGET_USD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path))
    monkeypatch.setenv("LOOPOS_DEMO", "1")
    return tmp_path


async def test_none_imports_the_orm_or_the_pipeline(home: Path) -> None:
    async with open_world(home) as world:
        await lived(world)
    code = (
        f"import sys; from bot.cli import main; codes = [main(one) for one in {[*LOOKING]!r}];"
        f"print(sorted({HEAVY!r} & set(sys.modules)), codes, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ}, capture_output=True, text=True, check=False
    )
    assert done.stderr.splitlines()[-1] == f"[] {[0] * len(LOOKING)}", done.stderr


def everything(rows: Rows, written: Any, now: datetime) -> dict[str, Any]:
    """What each view finds."""
    company = company_now(rows, written)
    place = company.place("warm_taipei_2br")
    assert place is not None
    month = month_named(f"{now.astimezone(place.zone):%Y-%m}", place.zone)
    return {
        "tickets": list(listing.tickets(rows)),
        "team": [person.id for person in company.team],
        "skills_in_force": [one.skill_id for one in company.skills],
        "costs": [
            asdict(report.find(rows, company, period, now, only))
            for period in ("today", "week", "month", "all")
            for only in (None, [], ["warm_taipei_2br", "bali_villa"])
        ],
        "statement": asdict(statement.find(rows, place, month)),
        "skills": [skill_view.told(rows, row) for row in skill_view.shown(rows)],
        "rules": [rule_view.told(row) for row in rule_view.listed(rows)],
        "memos": memo_view.proposed(rows),
        "waiting": company_view.waiting_files(rows),
        "noticed": company_view.is_noticed(rows, written),
        "acting": [one.to_json() for one in grants.listed(rows, now)],
        "hooks": grants.webhooks(rows),
    }


async def test_a_connection_of_its_own_and_a_session_find_the_same(world: World) -> None:
    await lived(world)
    await world.says("ben", "/connect")
    written, now = world.app.services.written, world.clock.at
    by_session = await world.store.read(lambda session: everything(SessionRows(session), written, now))
    with reading(world.app.settings.database) as rows:
        assert rows is not None
        assert everything(rows, written, now) == by_session
    assert len(by_session["tickets"]) == 2
    assert by_session["statement"]["entries"][0]["bill"] is not None
    assert by_session["rules"]
    assert by_session["memos"]


async def test_a_moment_and_a_list_are_found_as_they_are_kept(world: World) -> None:
    await lived(world)

    def look(rows: Rows) -> list[list[Any]]:
        first = rows.rows("SELECT MIN(created_at) AS created_at FROM tickets")[0].created_at
        assert first.tzinfo is UTC
        return [
            rows.rows("SELECT ticket_id FROM tickets WHERE created_at >= :first", first=first),
            rows.rows("SELECT ticket_id FROM tickets WHERE created_at > :first", first=first),
            rows.rows("SELECT ticket_id FROM tickets WHERE ticket_id IN :ids", ids=["T-1002", "T-7"]),
            rows.rows("SELECT ticket_id FROM tickets WHERE ticket_id IN :ids", ids=[]),
        ]

    by_session = await world.store.read(lambda session: look(SessionRows(session)))
    with reading(world.app.settings.database) as rows:
        assert rows is not None
        assert look(rows) == by_session
    assert [len(one) for one in by_session] == [2, 1, 1, 0]


async def test_a_file_that_nobody_noticed_is_noticed_by_whoever_looks(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_world(home) as world:
        await lived(world)
    capsys.readouterr()
    assert await asyncio.to_thread(main, ["skills", "--json"]) == 0
    (known,) = json.loads(capsys.readouterr().out)
    path = home / "company" / "skills" / "taipei_ac_leak.json"
    skill = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**skill, "auth_cap_usd": "100.00"}), encoding="utf-8")
    assert await asyncio.to_thread(main, ["company", "--json"]) == 0
    (waits,) = json.loads(capsys.readouterr().out)["pending"]
    assert (waits["file"], waits["old"]) == ("skills/taipei_ac_leak.json", f"v{known['version']}")


@pytest.mark.parametrize(
    "typed", [["skills", "show", "nothing"], ["rules", "show", "nothing"], ["memo", "show", "x"]]
)
async def test_what_is_not_there_is_said(
    typed: list[str], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_world(home) as world:
        await lived(world)
    capsys.readouterr()
    assert main(typed) == 1
    assert capsys.readouterr().err.startswith("loopos: ")


def test_before_the_first_start_the_demo_has_its_team_and_nothing_is_made(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["team", "--json"]) == 0
    assert "shirley" in [one["id"] for one in json.loads(capsys.readouterr().out)]
    assert main(["clients", "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"
    assert list(home.iterdir()) == []


async def test_what_was_written_a_moment_before_is_seen(world: World) -> None:
    def work(tx: Tx) -> list[Any]:
        tx.add(Counter(name="written", value=1))
        return SessionRows(tx.session).rows("SELECT name FROM counters WHERE name = :name", name="written")

    assert [one.name for one in await world.do(work)] == ["written"]


async def test_an_older_database_is_named_with_its_cure_and_left_as_it_is(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_world(home) as world:
        await lived(world)
    with contextlib.closing(sqlite3.connect(home / "loopos.db")) as db:
        db.execute("UPDATE alembic_version SET version_num = '0024'")
        db.commit()
        capsys.readouterr()
        for typed in LOOKING:
            assert main(typed) == 1, typed
            assert "loopos db upgrade" in capsys.readouterr().err, typed
        assert db.execute("SELECT version_num FROM alembic_version").fetchall() == [("0024",)]
