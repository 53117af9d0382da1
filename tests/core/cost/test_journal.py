"""usage.jsonl follows the ledger: every row once, whatever dies or fills up between."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from core.cost.journal import Journal
from core.cost.ledger import attribute
from core.metering import Usage
from core.store.tables import InboxRow, UsageRow
from tests.core.cost.books import FAST, call, ledger_of, planned, rows
from tests.world import World

KEYS = [
    *("ts", "model", "provider", "tier", "property_id", "ticket_id", "purpose"),
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "usd", "ms", "ok"),
]


@pytest.fixture
async def file(world: World, tmp_path: Path) -> Path:
    """Where the journal of a test writes; the house's own is at rest."""
    await world.app.models_and_speech.journal.stop()
    return tmp_path / "of_the_test.jsonl"


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


async def test_a_line_has_the_keys_that_programs_read(world: World, file: Path) -> None:
    await call(ledger_of(world), planned("fast", FAST, property_id="bali_villa"), Usage(1, 1))
    await Journal(world.store, file).catch_up()
    (line,) = lines(file)
    assert list(line)[: len(KEYS)] == KEYS
    assert list(line)[len(KEYS) :] == ["id", "seconds", "estimated", "error", "worker_id", "run_id"]
    assert (line["ts"], line["usd"]) == ("2026-11-20T04:00:00+00:00", "0.0000020")
    assert (line["ok"], line["ms"], line["property_id"], line["ticket_id"]) == (True, 12, "bali_villa", None)


async def test_each_settled_call_is_one_line_failed_ones_too(world: World, file: Path) -> None:
    ledger, journal = ledger_of(world), Journal(world.store, file)
    await call(ledger, planned(), Usage(1, 1))
    await call(ledger, planned(), None, ok=False)
    await ledger.reserve(planned())  # still under way
    assert await journal.catch_up() == 2
    await call(ledger, planned(), Usage(1, 1))
    assert await journal.catch_up() == 1
    assert await journal.catch_up() == 0
    assert [line["ok"] for line in lines(file)] == [True, False, True]
    assert sum(Decimal(line["usd"]) for line in lines(file)) == sum(
        one.usd for one in await rows(world) if one.settled_at
    )


async def test_a_running_journal_hears_of_each_settle(world: World, file: Path) -> None:
    journal = Journal(world.store, file)
    journal.start()
    await call(ledger_of(world), planned(), Usage(1, 1))
    await journal.stop()
    assert len(lines(file)) == 1


@pytest.mark.parametrize("torn", [b"", b'{"ts": "2026-11-20T04', b'{"ts": 1}\n[]\nnot json\n{"id'])
async def test_a_death_between_append_and_mark_repeats_no_line(world: World, file: Path, torn: bytes) -> None:
    ledger = ledger_of(world)
    for _ in range(3):
        await call(ledger, planned(), Usage(1, 1))
    await Journal(world.store, file).catch_up()
    with file.open("ab") as more:
        more.write(torn)
    await world.do(lambda tx: tx.change(update(UsageRow).values(exported=False)))
    await call(ledger, planned(), Usage(2, 2))
    assert await Journal(world.store, file).catch_up() == 4
    ids = []
    for line in file.read_text(encoding="utf-8").splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            assert line == "not json"
            continue
        if isinstance(found, dict) and "id" in found:
            ids.append(found["id"])
    assert sorted(ids) == sorted(one.id for one in await rows(world))


async def test_a_disk_that_takes_no_line_stops_nothing_and_loses_none(world: World, file: Path) -> None:
    file.mkdir()
    journal = Journal(world.store, file)
    journal.start()
    with capture_logs() as logs:
        await call(ledger_of(world), planned(), Usage(1, 1))
        await journal.stop()
    assert "usage_not_exported" in [entry["event"] for entry in logs]
    file.rmdir()
    assert await journal.catch_up() == 1
    assert len(lines(file)) == 1


async def test_what_was_made_for_a_message_waits_for_its_ticket(world: World, file: Path) -> None:
    ledger, journal = ledger_of(world), Journal(world.store, file)
    await world.do(lambda tx: tx.add(message("m1", tx.now)))
    await call(ledger, planned("fast", FAST, inbox_id="m1"), Usage(1, 1))
    assert await journal.catch_up() == 0
    await world.do(lambda tx: attribute(tx, "m1", "T-1001", "bali_villa"))
    assert await journal.catch_up() == 1
    assert (lines(file)[0]["ticket_id"], lines(file)[0]["property_id"]) == ("T-1001", "bali_villa")


async def test_what_was_made_for_a_message_without_a_ticket_is_written_once_that_is_known(
    world: World, file: Path
) -> None:
    journal = Journal(world.store, file)
    await world.do(lambda tx: tx.add(message("m1", tx.now)))
    await call(ledger_of(world), planned("fast", FAST, inbox_id="m1"), Usage(1, 1))
    await world.do(lambda tx: tx.change(update(InboxRow).values(status="processed")))
    assert await journal.catch_up() == 1
    assert lines(file)[0]["ticket_id"] is None


def message(inbox_id: str, now: Any) -> InboxRow:
    return InboxRow(
        id=inbox_id,
        channel="web",
        event_id=inbox_id,
        conversation_id="shirley",
        payload={},
        received_at=now,
        status="accepted",
    )
