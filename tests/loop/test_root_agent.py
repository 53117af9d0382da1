"""A script that was written for an older loop's help drives ours through a day, unchanged, across a kill -9 of the service."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.loop.test_processes import Home, home, killed, until

pytestmark = pytest.mark.long
SCRIPT = Path(__file__).with_name("root_agent.sh")
assert home  # the fixture


def test_a_root_agents_day(home: Home) -> None:
    home.ok("goal", "list")
    (home.loop / "config.json").write_text(json.dumps({"judgment": "external", "interval": 1}))
    inbox = home.loop / "reports" / "inbox"
    inbox.write_text("nothing\n")
    home.ok("up")
    env = {
        **home.env,
        "LOOOP_BIN": str(home.loop / "bin" / "loopos"),
        "LOOOP_DATA_DIR": str(home.loop),
        "LOOOP_REPORTS_DIR": str(home.loop / "reports"),
    }
    agent = subprocess.Popen(
        ["sh", str(SCRIPT)], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    log = home.loop / "reports" / "agent.log"

    def says(text: str) -> str:
        found = until(lambda: log.exists() and text in log.read_text() and log.read_text(), 60)
        return str(found)

    try:
        says("woke:")
        worker = home.start("ask", "--prompt", "Which key?", SESSION_ID="cleaner")
        assert worker.communicate(timeout=60) == ("yes, the blue one\n", "")
        says("answered cleaner-1")
        inbox.write_text("two towels for room 3\n")
        says("told")
        assert "notify · Towels are ordered." in (home.loop / "journal.md").read_text()
        killed(home.pid())
        home.ok("up")
        inbox.write_text("the boiler is cold\n")
        assert "asked ben: cli-1" in says("asked ben: ")
        state = json.loads(home.ok("state"))
        approval = next(one for one in state["asks"] if one["kind"] == "approval")
        assert approval["payload"] == "rm -rf ./reports/old"
        assert state["judgment"] == "external"
        inbox.write_text("done\n")
        out, err = agent.communicate(timeout=90)
    finally:
        if agent.poll() is None:
            os.kill(agent.pid, 9)
    assert (agent.returncode, out) == (0, ""), err
    journal = (home.loop / "journal.md").read_text()
    for line in (
        "root: begin",
        "write-playbook",
        "root: watch the inbox",
        "run-shell · how many goals",
        "archive-goal inbox",
    ):
        assert line in journal
    assert "it ran?" not in log.read_text()
    assert not (home.loop / "goals" / "inbox.md").exists()
    assert "failed" not in log.read_text()
