"""The loop as programs meet it: real processes, a service that is started and killed, verbs beside it and without it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]


class Home:
    def __init__(self, path: Path) -> None:
        self.path = path
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(path),
            "LOOPOS_HOME": str(path / "home"),
            "LOOPOS_EMBED": "off",
            "LOOPOS_LLM": "offline",
            "LOOPOS_WHISPER": "off",
            "LOOPOS_DEMO": "1",
            "PORT": str(port),
        }

    @property
    def loop(self) -> Path:
        return self.path / "home" / "loop"

    def start(self, *said: str, given: str | None = None, **env: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "bot", *said],
            env={**self.env, **env},
            cwd=ROOT,
            stdin=subprocess.PIPE if given is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *said: str, given: str | None = None, **env: str) -> tuple[int, str, str]:
        process = self.start(*said, given=given, **env)
        out, err = process.communicate(given, timeout=120)
        return process.returncode, out, err

    def ok(self, *said: str, given: str | None = None, **env: str) -> str:
        code, out, err = self.run(*said, given=given, **env)
        assert code == 0, (said, out, err)
        return out

    def pid(self) -> int:
        return int((self.path / "home" / "owner.lock").read_text())


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    one = Home(tmp_path)
    yield one
    try:
        os.kill(one.pid(), signal.SIGKILL)
    except (OSError, ValueError):
        return


def killed(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z":
            return
        time.sleep(0.02)


def until(look: Any, within: float = 30.0) -> Any:
    end = time.monotonic() + within
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come")


def test_a_day_with_the_service_down_up_killed_and_up_again(home: Home) -> None:
    assert home.ok("goal", "write", "rent", "goal: rent is in by the 5th") == "write-goal rent\n"
    assert home.ok("tick").startswith("moved: ")
    assert home.ok("tick") == "unchanged\n"
    state = json.loads(home.ok("state", "--json"))
    assert (state["pulse_alive"], "rent" in state["goals"]) == (False, True)
    started = home.ok("up")
    assert started == f"loop started (pid {home.pid()})\n"
    assert home.ok("up") == f"loop already running (pid {home.pid()})\n"
    assert json.loads(home.ok("state"))["pulse_alive"] is True
    assert home.ok("_", "run", "ls", "goals", "--reason", "look") == "run-shell · look\n"
    waiting = home.start("ask", "inbox", "--prompt", "Which key?")
    until(lambda: "inbox-1" in home.ok("asks"))
    killed(home.pid())
    assert waiting.poll() is None, "who asks waits on, whatever restarts"
    assert json.loads(home.ok("state"))["pulse_alive"] is False
    assert home.ok("answer", "inbox-1", "the", "red", "one") == "answered inbox-1\n"
    assert waiting.communicate(timeout=60) == ("the red one\n", "")
    assert home.ok("up").startswith("loop started")
    assert home.ok("down") == "loop stopped: 0 workers ended\n"
    assert home.ok("tick") == "stopped\n"
    assert json.loads(home.ok("status", "--json"))["pulse"]["running"] is False
    journal = (home.loop / "journal.md").read_text().splitlines()
    for line in ("write-goal rent", "run-shell · look", "loop stopped"):
        assert len([one for one in journal if one.endswith(f" {line}")]) == 1, line


def test_34_two_services_one_home(home: Home) -> None:
    home.ok("up")
    code, _, err = home.run("serve")
    assert (code, "already running" in err) == (1, True)
    killed(home.pid())
    assert home.ok("up").startswith("loop started")


def test_36_a_wait_rides_through_a_restart_and_hears_of_what_changed(home: Home) -> None:
    home.ok("up")
    first = json.loads(home.ok("wait", "--json"))
    assert first["changed"] == ["asks"]
    waiting = home.start("wait", "--json", "--since", str(first["cursor"]))
    time.sleep(0.5)
    killed(home.pid())
    assert home.ok("up").startswith("loop started")
    assert waiting.poll() is None
    home.ok("goal", "write", "pool", "goal: clean")
    out, err = waiting.communicate(timeout=60)
    found = json.loads(out)
    assert (waiting.returncode, "goals" in found["changed"], err) == (0, True, "")
    assert json.loads(home.ok("wait", "--timeout", "1", "--since", str(found["cursor"])))["changed"] == []


def test_32_with_no_service_a_wait_ends_with_two(home: Home) -> None:
    home.ok("goal", "list")
    code, out, _ = home.run("wait")
    assert code == 0, "a pending ask returns at once, whoever runs"
    assert json.loads(out)["changed"] == ["asks"]
    began = time.monotonic()
    code, out, _ = home.run("wait")
    assert (code, json.loads(out)["changed"]) == (2, ["pulse-down"])
    assert time.monotonic() - began >= 14


def test_eight_verbs_at_once_without_a_service_each_take_their_turn(home: Home) -> None:
    home.ok("goal", "list")
    running = [home.start("goal", "write", f"g{n}", f"goal: {n}") for n in range(8)]
    for one in running:
        one.communicate(timeout=120)
    assert [one.returncode for one in running] == [0] * 8
    assert {f"g{n}" for n in range(8)} <= {one.split()[0] for one in home.ok("goal", "list").splitlines()}


def test_a_script_finds_its_bin_and_its_folders(home: Home) -> None:
    home.ok("up")
    (home.loop / "config.json").write_text(
        json.dumps({"judgment": "command", "tick_command": "sh reports/me"})
    )
    (home.loop / "reports" / "me").write_text(
        'cd "$LOOOP_DATA_DIR" || exit 9\n'
        '"$LOOOP_BIN" _ goal list --json > reports/goals\n'
        "printenv | sort > reports/env\n"
        'echo \'{"action": "noop", "reason": "seen"}\' > .decision.json\n'
    )
    assert home.ok("tick", "--force") == "moved: noop · seen\n"
    assert "setup" in (home.loop / "reports" / "goals").read_text()
    env = (home.loop / "reports" / "env").read_text()
    for name in ("BIN", "DATA_DIR", "CONFIG", "CLAIMS_DIR", "REPORTS_DIR", "COST_LEDGER"):
        assert f"LOOPOS_{name}=" in env
        assert f"LOOOP_{name}=" in env
