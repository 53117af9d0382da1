"""What an agent that calls `loopos tickets` in a loop gets, and what it does not have to pay for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import JSON as JsonType
from sqlalchemy import Boolean, select

from bot.cli import main
from core.store import rows
from core.store.brain_tables import AcceptedRow, MemoRow, RuleRow, SkillRun, SkillVersion
from core.store.client_tables import Grant, Webhook
from core.store.tables import (
    Approval,
    Attachment,
    Cover,
    Departure,
    Dispatch,
    HistoryRow,
    IdentityRow,
    Member,
    Report,
    Ticket,
    Total,
    table,
)
from core.store.types import Money, Stored, UtcTime
from core.tickets import listing
from core.tickets.view import ticket_json
from tests.world import STORY, World

TOLD = (
    Ticket,
    Dispatch,
    Report,
    Attachment,
    HistoryRow,
    Approval,
    Member,
    IdentityRow,
    Cover,
    Departure,
    Total,
)
KNOWN = (AcceptedRow, MemoRow, RuleRow, SkillRun, SkillVersion, Grant, Webhook)


def test_rows_without_the_orm_know_how_each_column_is_kept() -> None:
    kinds: dict[type | tuple[type, ...], frozenset[str]] = {
        (JsonType, Stored): rows.JSON,
        Money: rows.MONEY,
        Boolean: rows.TRUTH,
        UtcTime: rows.MOMENT,
    }
    for model in (*TOLD, *KNOWN):
        for column in table(model).columns:
            for kind, names in kinds.items():
                assert (column.name in names) == isinstance(column.type, kind), f"{model}.{column.name}"


@pytest.fixture
async def lived(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """Some tickets in different states; the service runs on."""
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path))
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    await (await world.card("shirley", "job")).tap("ack")
    await (await world.card("shirley", "job")).tap("resolve", amount="132.50", outcome="新的排水盤 “ok”\n2")
    await world.says("celine", "vila Bali: 4 towels please, guests arrive tomorrow")
    await world.says("haru", "伊東の家 エアコンが冷えません")
    return world


async def by_orm(world: World) -> list[dict[str, object]]:
    return await world.store.read(
        lambda s: [ticket_json(t) for t in s.scalars(select(Ticket).order_by(Ticket.number))]
    )


async def test_the_listing_is_byte_for_byte_what_the_house_says(
    lived: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = json.dumps(await by_orm(lived), ensure_ascii=False, indent=2) + "\n"
    for batch in (200, 2, 1):
        monkeypatch.setattr(listing, "BATCH", batch)
        assert main(["tickets", "--json"]) == 0
        assert capsys.readouterr().out == expected


async def test_status_property_and_limit_narrow_it(lived: World, capsys: pytest.CaptureFixture[str]) -> None:
    every = await by_orm(lived)

    def listed(*more: str) -> list[object]:
        assert main(["tickets", "--json", *more]) == 0
        return [one["ticket_id"] for one in json.loads(capsys.readouterr().out)]

    ids = [one["ticket_id"] for one in every]
    assert listed("--limit", "2") == ids[-2:]
    assert listed("--limit", "99") == ids
    assert listed("--status", "resolved") == [
        one["ticket_id"] for one in every if one["status"] == "RESOLVED"
    ]
    assert listed("--property", "bali_villa", "--limit", "1") == ["T-1002"]
    assert listed("--property", "nowhere") == []
    assert main(["tickets", "--status", "sideways"]) == 2


async def test_one_ticket_by_any_way_of_writing_it(lived: World, capsys: pytest.CaptureFixture[str]) -> None:
    for said in ("T-1001", "t1001", "1001"):
        assert main(["ticket", said, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["ticket_id"] == "T-1001"
    assert main(["ticket", "T-1001"]) == 0
    assert "resolved" in capsys.readouterr().out
    assert main(["ticket", "7"]) == 1


def test_before_the_first_start_there_is_nothing_and_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOOPOS_HOME", str(tmp_path / "new"))
    assert main(["tickets", "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"
    assert main(["tickets"]) == 0
    assert capsys.readouterr().out == "No tickets yet.\n"


async def test_it_imports_neither_the_orm_nor_the_pipeline(lived: World, tmp_path: Path) -> None:
    code = (
        "import sys; from bot.cli import main; code = main(['tickets', '--json', '--limit', '1']);"
        "heavy = {'sqlalchemy', 'aiohttp', 'numpy', 'core.context', 'rich', 'alembic'} & set(sys.modules);"
        "sys.exit(f'imported: {heavy}' if heavy else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "LOOPOS_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)[0]["ticket_id"] == (await by_orm(lived))[-1]["ticket_id"]
