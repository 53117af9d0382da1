"""A house that lives at another time than its machine: for playing in minutes what takes months."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.line import parse as line
from channels.slack import message_parts as slack
from channels.slack.webhook import genuine, sign
from channels.telegram import parse as telegram
from core.clock import SystemClock, host_seconds, shift_by, stamped

DAY = 86_400


@pytest.fixture
def tomorrow() -> Iterator[None]:
    shift_by(DAY)
    yield
    shift_by(0)


def test_a_message_stays_as_fresh_as_it_was(tomorrow: None) -> None:
    now, host = SystemClock().now(), datetime.now(UTC).timestamp()
    assert timedelta(seconds=DAY - 1) < now - datetime.now(UTC) < timedelta(seconds=DAY + 1)
    for at in (slack.moment(f"{host:.6f}"), line.moment({"timestamp": host * 1000}), stamped(host)):
        assert abs(now - at) < timedelta(seconds=2)
    tap: Any = {"update_id": 1, "callback_query": {
        "id": "9", "data": "ack:x", "from": {"id": 7}, "message": {"message_id": 1, "date": 1, "chat": {"id": 7, "type": "private"}},
    }}  # fmt: skip
    kept = telegram.event_of(tap, now).payload
    assert abs(kept["received_at"] - host) < 2


def test_signatures_keep_the_hosts_clock(tomorrow: None) -> None:
    host = str(int(datetime.now(UTC).timestamp()))
    assert genuine(b"{}", host, sign(b"{}", host, "secret"), "secret", SystemClock().now())
    shifted = str(int(SystemClock().now().timestamp()))
    assert not genuine(b"{}", shifted, sign(b"{}", shifted, "secret"), "secret", SystemClock().now())
    assert abs(host_seconds(SystemClock().now()) - datetime.now(UTC).timestamp()) < 2


def loopos(home: Path, *said: str, **env: str) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("LOOPOS_", "SLACK_"))}
    settings = {"LOOPOS_HOME": str(home), "LOOPOS_DEMO": "1", "LOOPOS_EMBED": "off", **env}
    return subprocess.run(
        [sys.executable, "-m", "bot", *said],
        env={**kept, **settings},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.long
def test_verbs_live_by_it_and_doctor_says_so(tmp_path: Path) -> None:
    def ages(**env: str) -> list[int]:
        told = json.loads(
            loopos(tmp_path / "h", "brain", "query", "AC leak in Taipei", "--json", **env).stdout
        )
        return [one["age_days"] for one in told["sources"] if one["age_days"] is not None]

    today = ages()
    assert today
    assert ages(LOOPOS_TIME_SHIFT=str(100 * DAY)) == [one + 100 for one in today]
    assert "+86400 seconds" in loopos(tmp_path / "h", "doctor", LOOPOS_TIME_SHIFT=str(DAY)).stdout


@pytest.mark.long
def test_it_is_refused_where_a_vendor_is_not_a_stand_in(tmp_path: Path) -> None:
    tokens = {
        "SLACK_BOT_TOKEN": "xoxb-" + hashlib.sha256(b"x").hexdigest()[:30],
        "SLACK_SIGNING_SECRET": "s" * 32,
    }
    done = loopos(tmp_path / "h", "skills", LOOPOS_TIME_SHIFT="60", **tokens)
    assert done.returncode == 2
    assert "LOOPOS_TIME_SHIFT" in done.stderr
    local = loopos(
        tmp_path / "h", "skills", LOOPOS_TIME_SHIFT="60", SLACK_API_URL="http://127.0.0.1:9/api/", **tokens
    )
    assert local.returncode == 0, local.stderr
    assert loopos(tmp_path / "h", "skills", LOOPOS_TIME_SHIFT="soon").returncode == 2
