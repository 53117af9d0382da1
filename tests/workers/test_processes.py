"""Workers as programs meet them: a real service that is killed with -9, real workers that live on, verbs beside it."""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.loop.test_processes import Home, killed, until

pytestmark = pytest.mark.long
HERE = Path(__file__).parent


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    one = Home(tmp_path)
    one.env["TASK_WORD"] = "pumps"
    yield one
    one.run("down")
    try:
        killed(one.pid())
    except (OSError, ValueError):
        return


def configure(home: Home, **values: Any) -> None:
    home.loop.mkdir(parents=True, exist_ok=True)
    path = home.loop / "config.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps({**known, **values}))


def worker(home: Home, name: str, **args: str) -> dict[str, Any]:
    found = json.loads(home.ok("ls", "--json", "--all"))
    one: dict[str, Any] = next(one for one in reversed(found) if one["id"] == name)
    return one


def asks(home: Home) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(home.ok("asks", "--json"))
    return [one for one in found if one["kind"] != "setup"]


def transcript(home: Home, name: str) -> str:
    try:
        return (home.loop / "sessions" / name / "transcript.log").read_text()
    except OSError:
        return ""


def scripts(home: Home, **texts: str) -> None:
    """Workers whose id is a name of these do just that."""
    folder = home.path / "scripts"
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.sh").write_text(text)
    configure(home, worker_command=f'bash {folder}/"$LOOPOS_SESSION_ID".sh {{{{prompt_file}}}}')


def test_a_looop_worker_unchanged_across_a_kill_of_the_service(home: Home) -> None:
    script = HERE / "looop_worker.sh"
    configure(home, runners={"agent": {"interactive": f"bash {script} {{{{prompt_file}}}}"}}, default="agent",
              pass_env=["TASK_WORD"])  # fmt: skip
    home.ok("up")
    assert home.ok("worker", "start", "pumps", "look at the pumps") == "start-worker pumps\n"
    ask = until(lambda: asks(home))[0]
    assert (ask["id"], ask["worker"], ask["options"]) == ("pumps-1", "pumps", ["north", "south"])
    assert (ask["state"], ask["kind"]) == ("LIVE", "ask")
    state = json.loads(home.ok("state"))
    assert state["workers"] == [
        {
            "id": "pumps",
            "state": "running",
            "alive": True,
            "exit_code": None,
            "health": "waiting-ask",
            "verify": None,
        }
    ]
    assert (home.loop / "claims" / "pump-room.json").exists()
    killed(home.pid())
    assert worker(home, "pumps")["alive"], "it lives on, and is seen without a service"
    assert home.ok("answer", "pumps-1", "south") == "answered pumps-1\n"
    until(lambda: "south it is" in transcript(home, "pumps"))
    home.ok("up")
    assert home.ok("tell", "pumps", "mind", "the", "--wet", "floor") == "told pumps\n"
    until(lambda: not worker(home, "pumps")["alive"])
    ended = worker(home, "pumps")
    print(transcript(home, "pumps"))
    assert (ended["state"], ended["exit_code"], ended["cost_usd"]) == ("exited", 0, 0.12345)
    assert transcript(home, "pumps").splitlines()[:4] == [
        "[pumps] task read",
        "claimed pump-room",
        "[pumps] south it is",
        "[pumps] was told: • mind the --wet floor",
    ]
    assert (
        home.loop / "reports" / "pumps.md"
    ).read_text() == "# pumps\n\npump: south\nnote: • mind the --wet floor\n"
    assert not (home.loop / "claims" / "pump-room.json").exists()
    journal = (home.loop / "journal.md").read_text()
    for line in ("start-worker pumps", "notify · the south pump is looked at", "kill-worker pumps"):
        assert line in journal
    cost = json.loads(home.ok("cost", "all", "--json"))
    assert cost["by_tier"] == {"external": "0.12345"}


def test_a_worker_decides_nothing_whatever_it_says_of_itself(home: Home) -> None:
    home.ok("up")
    bins = 'BIN="$LOOPOS_BIN"; PLAIN="$(dirname "$BIN")/loopos"; rm -f "$LOOPOS_DATA_DIR"/sessions/*/*.json\n'
    tries = [
        ("answer", "answer boss-1 yes"), ("goal", "goal write x y"), ("sensor", "sensor write x 'echo 1'"),
        ("playbook", "playbook write no rules"), ("start", "worker start other do it"), ("run", "_ run echo hi"),
        ("goalrun", "run x"), ("up", "up"), ("down", "down"), ("tick", "tick"), ("kill", "kill victim"),
        ("told", "told victim"), ("claim", "claim x --session victim"), ("ask", "ask victim --prompt hi --detach"),
        ("cost", "_ cost session victim me 1"), ("flag", "flag victim"),
        ("rule", "rules approve r-1 --as ben"), ("token", "clients token --person ben"), ("memo", "memo add be kind"),
        ("serve", ""), ("learn", "learn"), ("team", "team remove ben"),
    ]  # fmt: skip
    lines = []
    for how in ('"$BIN"', '"$PLAIN"', 'env -i PATH="$PATH" LOOPOS_HOME="$LOOPOS_HOME" "$PLAIN"',
                'LOOPOS_CALLER=victim "$PLAIN"', 'setsid env -i PATH="$PATH" LOOPOS_HOME="$LOOPOS_HOME" "$PLAIN"'):  # fmt: skip
        lines.append(
            f"{how} goal list >/dev/null </dev/null && echo reads || echo BAD {shlex.quote(how)} reading"
        )
        every = tries if how in {'"$BIN"', '"$PLAIN"'} else tries[:5] + tries[10:11] + tries[16:17]
        for name, args in every:
            lines.append(
                f"{how} {args} >/dev/null 2>&1 </dev/null && echo BAD {shlex.quote(how)} {name} || echo no"
            )
    scripts(home, evil=bins + "\n".join(lines) + "\necho finished\n", victim="sleep 200")
    home.ok("worker", "start", "victim", "x")
    home.ok("ask", "boss", "--prompt", "may I?", "--detach")
    home.ok("worker", "start", "evil", "x")
    until(lambda: "finished" in transcript(home, "evil"), 120)
    assert "BAD" not in transcript(home, "evil"), transcript(home, "evil")
    assert transcript(home, "evil").count("reads") == 5, "looking is allowed, however it is called"
    assert worker(home, "victim")["alive"]
    assert asks(home)[0]["id"] == "boss-1"
    assert "no rules" not in (home.loop / "PLAYBOOK.md").read_text()


def test_asks_of_the_dead_and_a_successor_with_question_answer_and_report(home: Home) -> None:
    first = """
if grep -q "WHERE IT STOOD" "$1"; then sed -n '/WHERE IT STOOD/,$p' "$1"; exit 0; fi
echo "two quotes so far" > "$LOOPOS_REPORTS_DIR/quotes.md"
"$LOOPOS_BIN" ask --prompt "Is 140 too much?" --detach
kill -9 $$
"""
    scripts(home, quotes=first)
    home.ok("up")
    home.ok("worker", "start", "quotes", "three quotes for the roof")
    until(lambda: not worker(home, "quotes")["alive"])
    assert worker(home, "quotes")["exit_code"] == 137
    ask = asks(home)[0]
    assert (ask["id"], ask["state"]) == ("quotes-1", "STRANDED")
    home.ok("answer", "quotes-1", "no,", "take", "it")
    until(lambda: worker(home, "quotes")["exit_code"] == 0)
    said = transcript(home, "quotes")
    for part in ("Is 140 too much?", "no, take it", "two quotes so far"):
        assert part in said
    assert "start-worker quotes · quotes-1 was answered" in (home.loop / "journal.md").read_text()


def test_without_a_service_a_worker_starts_runs_asks_and_is_ended(home: Home) -> None:
    scripts(home, alone='a=$("$LOOPOS_BIN" ask --prompt "go?"); echo "<$a>"; sleep 200')
    began = time.monotonic()
    assert home.ok("worker", "start", "alone", "x") == "start-worker alone\n"
    assert time.monotonic() - began < 60, "its caller's output was let go of"
    until(lambda: asks(home))
    home.ok("answer", "alone-1", "yes")
    until(lambda: "<yes>" in transcript(home, "alone"))
    assert home.ok("kill", "alone") == "killed alone\n"
    assert worker(home, "alone")["state"] == "killed"


def test_attach_shows_what_it_printed(home: Home) -> None:
    scripts(home, loud="seq 100; sleep 100")
    home.ok("worker", "start", "loud", "x")
    until(lambda: "100" in transcript(home, "loud"))
    assert home.ok("attach", "loud", "--lines", "2") == "99\n100\n"
    code, _, err = home.run("attach", "nobody")
    assert (code, err) == (1, "loopos: there is no worker 'nobody' with a transcript\n")


def test_a_worker_cannot_read_what_the_service_was_started_with(home: Home) -> None:
    home.env["SLACK_BOT_TOKEN_X_SECRET"] = "xoxb-very-secret-9"
    script = """
for one in /proc/[0-9]*; do tr '\\0' '\\n' < $one/environ 2>/dev/null | grep VERY -i; done
echo done-looking
"""
    scripts(home, spy=script)
    home.ok("up")
    home.ok("worker", "start", "spy", "x")
    until(lambda: "done-looking" in transcript(home, "spy"))
    assert "xoxb" not in transcript(home, "spy")
    assert os.environ.get("SLACK_BOT_TOKEN_X_SECRET") is None
