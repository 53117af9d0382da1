"""A home of an earlier version is taken over with everything that was owed in it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from core.store import schema
from core.store.url import sqlite_url


def at_revision(path: Path, revision: str) -> sqlite3.Connection:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()
    return sqlite3.connect(path)


def test_jobs_that_waited_for_a_later_moment_become_timers_and_others_stay(tmp_path: Path) -> None:
    """The queue of 0005 held a delayed job in its lane; what the night held back must still be said in the morning."""
    path = tmp_path / "loopos.db"
    with closing(at_revision(path, "0005")) as old, old:
        rows = [
            (1, "deliver", '{"outbox": "o1"}', "out:web:ben", "2099-01-01 06:00:00.000000", 0),
            (2, "deliver", '{"outbox": "o2"}', "out:web:ben", "2020-01-01 06:00:00.000000", 0),
            (3, "process", '{"inbox": "i1"}', "in:web:ben", "2099-01-01 06:00:00.000000", 2),
        ]
        old.executemany(
            "insert into jobs (id, task, args, lane, run_at, attempts, deaths) values (?, ?, ?, ?, ?, ?, 0)",
            rows,
        )
    assert schema.upgrade(sqlite_url(path))
    with closing(sqlite3.connect(path)) as now:
        assert [row[0] for row in now.execute("select id from jobs order by id")] == [2, 3]
        ((kind, subject, args, due),) = now.execute("select kind, subject, args, due_at from deadlines")
        assert (kind, subject) == ("job", "o1")
        assert json.loads(args) == {"task": "deliver", "args": {"outbox": "o1"}, "lane": "out:web:ben"}
        assert due.startswith("2099-01-01 06:00:00")


def test_questions_of_tickets_that_ended_are_asked_no_more_and_reports_know_their_message(
    tmp_path: Path,
) -> None:
    path = tmp_path / "loopos.db"
    columns = "ticket_id, number, status, category, severity, risk_tags, language, source, reporter, raw_input, transcript_native, transcript_en, triage, knowledge, matched_voice_memo_ids, matched_historical_ids, facts, cost_usd, created_at"
    with closing(at_revision(path, "0005")) as old, old:
        for number, status in ((1001, "RESOLVED"), (1002, "DISPATCHED")):
            values = f"'T-{number}', {number}, '{status}', 'other', 2, '[]', 'en', '{{}}', 'ben', '', '', '', '{{}}', '{{}}', '[]', '[]', '{{}}', '0', '2026-01-01'"
            old.execute(f"insert into tickets ({columns}) values ({values})")
            old.execute(
                "insert into questions (id, ticket_id, kind, person_id, channel, conversation_id, text, options, created_at)"
                f" values ('q{number}', 'T-{number}', 'ask', 'ben', 'web', 'ben', '', '[]', '2026-01-01')"
            )
        old.execute(
            "insert into reports (ticket_id, reporter, at, source, raw_input, transcript_native, transcript_en, language, triage)"
            """ values ('T-1001', 'ben', '2026-01-01', '{"message_id": "m-7"}', '', '', '', 'en', '{}')"""
        )
    schema.upgrade(sqlite_url(path))
    with closing(sqlite3.connect(path)) as now:
        assert dict(now.execute("select id, answer from questions")) == {"q1001": "", "q1002": None}
        assert now.execute("select message_id from reports").fetchall() == [("m-7",)]
