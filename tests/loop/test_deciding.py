"""A command that decides, and all that such a command does wrong (acceptance cases 15, 16)."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.loop.deciding import CommandDecider, Undecided
from core.loop.moves import BadMove, read_move
from core.processes import began

ENV = {"PATH": os.environ["PATH"]}
NOOP = '{"action": "noop", "reason": "quiet"}'


def decider(folder: Path, command: str, within: float = 20.0) -> CommandDecider:
    return CommandDecider(command, folder, ENV, within, (b"sk-secret-1",))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "tick-1"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    "command",
    [
        f"cat > prompt; echo '{NOOP}' > .decision.json",
        f"cat {{{{prompt_file}}}} > prompt; echo '{NOOP}' > .decision.json",
    ],
)
async def test_15_it_is_given_the_brief_and_leaves_one_object(
    tmp_path: Path, run: Path, command: str
) -> None:
    text = await decider(tmp_path, command).decide("=== NOW ===\n漏水", run)
    assert read_move(text).action == "noop"
    assert "漏水" in (tmp_path / "prompt").read_text()
    assert not (tmp_path / ".decision.json").exists()
    assert json.loads((run / "decision.json").read_text())["reason"] == "quiet"
    assert (run / "prompt.md").read_text().startswith("=== NOW ===")


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("true", "silent", ".decision.json"),
        ("echo 'I would wait'", "silent", ""),
        (f"echo '{NOOP}' > .decision.json; echo broken >&2; exit 3", "exit 3", "broken"),
        ("kill -KILL $$", "signal SIGKILL", ""),
        ("no-such-program-here", "exit 127", "not found"),
        (f"echo '{NOOP}' > .decision.json; sleep 60", "timeout", "within 0.6 s"),
        ("ln -s /etc/passwd .decision.json", "silent", ""),
        ("head -c 300000 /dev/zero > .decision.json", "silent", ""),
    ],
)
async def test_16_what_it_does_instead(tmp_path: Path, run: Path, command: str, code: str, said: str) -> None:
    (tmp_path / ".decision.json").write_text(NOOP)  # left by one before
    with pytest.raises(Undecided) as undecided:
        await decider(tmp_path, command, 0.6 if "sleep" in command else 20).decide("brief", run)
    assert undecided.value.code == code
    assert said in str(undecided.value)
    assert not (tmp_path / ".decision.json").exists(), "a leftover never runs"


async def test_16_babble_is_no_move(tmp_path: Path, run: Path) -> None:
    text = await decider(tmp_path, "echo 'Sure! ```json {} ```' > .decision.json").decide("brief", run)
    with pytest.raises(BadMove):
        read_move(text)


async def test_a_secret_in_its_output_is_struck_out(tmp_path: Path, run: Path) -> None:
    command = 'echo key sk-secret-1; echo \'{"action": "noop", "reason": "sk-secret-1"}\' > .decision.json'
    text = await decider(tmp_path, command).decide("brief", run)
    assert "sk-secret" not in text + (run / "output.log").read_text() + (run / "decision.json").read_text()


@pytest.mark.long
async def test_one_that_outlived_its_service_is_ended_and_its_move_never_taken(
    tmp_path: Path, run: Path
) -> None:
    """The service was killed with -9 while it decided: the next life ends it before its own decider starts."""
    code = (
        "import asyncio, sys; from pathlib import Path; from core.loop.deciding import CommandDecider;"
        "asyncio.run(CommandDecider(sys.argv[1], Path(sys.argv[2]), {'PATH': '/usr/bin:/bin'}).decide('b', Path(sys.argv[3])))"
    )
    slow = 'sleep 2; echo \'{"action": "noop", "reason": "from the past"}\' > .decision.json; sleep 60'
    service = subprocess.Popen([sys.executable, "-c", code, slow, str(tmp_path), str(run)])
    noted = tmp_path / ".decider.json"
    async with asyncio.timeout(30):
        while not noted.exists():
            await asyncio.sleep(0.05)
    pid = json.loads(noted.read_text())["pid"]
    service.kill()
    service.wait()
    assert began(pid) is not None, "it lives on"
    text = await decider(tmp_path, f"sleep 3; echo '{NOOP}' > .decision.json").decide("brief", run)
    assert json.loads(text)["reason"] == "quiet"
    async with asyncio.timeout(10):
        while began(pid) is not None and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
            await asyncio.sleep(0.05)
