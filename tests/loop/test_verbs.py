"""Verbs as the owner of the home carries them out; what one types for each is in test_grammar."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from core.actors import OPERATOR, Actor, worker_of
from core.loop.requests import ENGLISH
from core.loop.verbs.call import AGAIN, Asked, Reply
from core.loop.verbs.table import VERBS, Verbs
from core.phrases import refusal
from core.store.loop_tables import LoopGuard
from core.team.rights import Right
from core.workflow.loop_requests import NEEDS
from tests.loop.beating import NOOP, Beating, beating
from tests.world import World


class Shell:
    def __init__(self, loop: Beating) -> None:
        self.loop = loop
        self.verbs = Verbs(loop.pulse, alive=True)

    async def __call__(self, verb: str, caller: str = "", **args: Any) -> Reply:
        reply = await self.verbs.carry_out(Asked(verb, args, worker=caller))
        await self.loop.world.settle()
        return reply

    async def json(self, verb: str, **args: Any) -> Any:
        reply = await self(verb, json=True, **args)
        assert reply.code == 0, reply.err
        return json.loads(reply.out)

    def why(self, reply: Reply) -> str:
        now = self.loop.world.clock.now()
        return reply.err or (refusal(reply.refused, ENGLISH, now) if reply.refused else "")


@pytest.fixture
async def shell(world: World) -> Shell:
    return Shell(await beating(world))


BAD = ["", "..", "a/b", "a\\b", ".x", "a b", "-x", "a\x00b", "x" * 81]


@pytest.mark.parametrize("bad", BAD)
async def test_02_a_bad_id_is_refused_by_every_verb_that_writes_and_nothing_is_made(
    shell: Shell, bad: str
) -> None:
    before = sorted(str(one) for one in shell.loop.folder.rglob("*") if ".git" not in one.parts)
    every: dict[str, dict[str, Any]] = {
        "goal write": {"id": bad, "body": "x"},
        "goal archive": {"id": bad},
        "sensor write": {"name": bad, "script": "echo x"},
        "sensor drop": {"name": bad},
        "schedule write": {"name": bad, "every": 60},
        "ask": {"worker": bad or "a b", "prompt": "x"},
        "run": {"goal": bad},
    }
    for verb, args in every.items():
        reply = await shell(verb, **args)
        assert reply.code == 1, verb
        assert len(shell.why(reply).splitlines()) == 1
    assert sorted(str(one) for one in shell.loop.folder.rglob("*") if ".git" not in one.parts) == before


@pytest.mark.parametrize(
    ("verb", "args"),
    [
        ("goal write", {"id": "x", "body": " \n"}),
        ("sensor write", {"name": "x", "script": ""}),
        ("playbook write", {"body": ""}),
        ("notify", {"text": ""}),
        ("_ run", {"cmd": ""}),
        ("answer", {"id": "setup-1", "text": ""}),
    ],
)
async def test_an_empty_body_is_refused(shell: Shell, verb: str, args: dict[str, Any]) -> None:
    assert (await shell(verb, **args)).code == 1


async def test_goals_are_written_listed_shown_and_put_away(shell: Shell) -> None:
    assert (
        await shell("goal write", id="rent", body="goal: rent is in\n- first note")
    ).out == "write-goal rent"
    assert {"id": "rent", "goal": "rent is in"} in await shell.json("goal list")
    assert (await shell("goal show", id="rent")).out == "goal: rent is in\n- first note\n"
    assert (await shell("goal show", id="looop-rent")).out.startswith("goal: rent")
    assert (await shell("goal archive", id="rent", journal="paid up")).out == "archive-goal rent"
    assert (await shell.loop.journal()) == ["write-goal rent", "paid up"]
    assert "rent" not in (await shell.json("state"))["goals"]
    missing = await shell("run", goal="nothing")
    assert (missing.code, "setup" in missing.err) == (1, True)
    alone = await shell("run", goal="setup")
    assert (alone.code, alone.out[:6], "no language model" in alone.err) == (0, "moved:", True)
    assert (await shell("run", goal="rent")).code == 0, "an archived one, too"


async def test_22_the_playbook_keeps_its_former_body(shell: Shell) -> None:
    before = (shell.loop.folder / "PLAYBOOK.md").read_text()
    assert (await shell("playbook write", body="# Ours\n- one")).out == "write-playbook"
    assert (await shell("playbook show")).out == "# Ours\n- one\n"
    assert [one.read_text() for one in (shell.loop.folder / "playbook.d").iterdir()] == [before]


async def test_a_state_is_whole_and_senses_nothing(shell: Shell) -> None:
    shell.loop.decides(NOOP)
    shell.loop.sensor("water", 'echo \'{"signal": "dry", "detail": 1}\'')
    before = await shell.json("state")
    assert before.keys() == {
        "world_hash", "pulse_alive", "judgment", "cursor", "snapshots", "asks", "workers", "goals", "schedules",
        "flapping", "journal_tail", "data_dir",
    }  # fmt: skip
    assert "sensor-water" not in before["snapshots"]
    await shell.loop.beat()
    found = await shell.json("state")
    assert found["snapshots"]["sensor-water"] == {"signal": "dry", "detail": 1}
    assert (found["pulse_alive"], found["judgment"]) == (True, "command")
    assert [one["id"] for one in found["asks"]] == ["setup-1"]
    assert found["asks"][0].keys() >= {
        "id",
        "worker",
        "prompt",
        "reference",
        "options",
        "ts",
        "kind",
        "state",
        "to",
    }
    status = await shell.json("status")
    assert status["pulse"]["running"] is True
    assert isinstance(status["pulse"]["pid"], str)
    assert isinstance(status["cost_today_usd"], float)
    assert status["guards"]["decides_last_hour"] == 1


async def test_a_tick_says_how_it_went(shell: Shell) -> None:
    shell.loop.decides(NOOP, "nonsense")
    assert (await shell("tick")).out == "moved: noop · quiet"
    assert (await shell("tick")).out == "unchanged"
    failed = await shell("tick", force=True)
    assert (failed.code, failed.out, failed.err[:16]) == (1, "", "failed: no move:")
    assert (await shell("tick")).out == "unchanged"
    waits = await shell("tick", force=True)
    assert (waits.code, waits.out) == (0, "backing off 60 s")
    await shell("down")
    assert (await shell("tick", force=True)).out == "stopped"
    found = await shell.json("tick")
    assert found.keys() == {"ran", "outcome", "changed", "move", "journal", "run_id", "world_hash"}
    assert (await shell("up")).out.startswith("loop started (pid ")
    assert (await shell("up")).out.startswith("loop already running (pid ")


async def test_12_a_damaged_record_keeps_it_idle_until_somebody_starts_it_anew(shell: Shell) -> None:
    shell.loop.decides(NOOP)
    await shell("tick")

    def damage(tx: Any) -> None:
        tx.get(LoopGuard, "committed").value = "{"

    await shell.loop.world.store.write(damage)
    idle = await shell("tick", force=True)
    assert (idle.code, "begins anew" in idle.err) == (1, True)
    await shell("up")
    assert (await shell("tick")).out == "moved: noop · quiet"


async def test_a_command_that_only_looks_runs_and_any_other_asks(shell: Shell) -> None:
    done = await shell("_ run", cmd="echo hello; echo 'to the side' >&2", reason="greet")
    assert (done.code, done.out) == (0, "run-shell · greet")
    assert "hello" in done.err
    failed = await shell("_ run", cmd="ls /no/such/place", reason="look")
    assert (failed.code, "exit 2" in failed.err) == (1, True)
    assert (await shell.loop.journal())[-1].startswith("failed · run-shell · look: exit 2")
    refused = await shell("_ run", cmd="sudo id")
    assert (refused.code, "another user" in refused.err) == (1, True)
    asked = await shell("_ run", cmd="touch done", reason="mark")
    assert (asked.code, asked.err) == (1, "asked ben: cli-1")
    assert (await shell("approval", id="cli-1")).code == AGAIN
    listed = await shell.json("asks")
    approval = next(one for one in listed if one["kind"] == "approval")
    assert (approval["payload"], len(approval["payload_sha256"])) == ("touch done", 64)
    nobody = await shell("answer", id="cli-1", text="yes")
    assert nobody.code == 1, "only the founder's tap decides those"
    await (await shell.loop.world.card("ben", "ask")).tap("approve")
    await shell.loop.beat()
    over = await shell("approval", id="cli-1")
    assert (over.code, over.out) == (0, "run-shell · mark")
    assert (shell.loop.folder / "done").exists()


async def test_many_questions_at_once_are_all_asked(shell: Shell) -> None:
    replies = await asyncio.gather(*(shell("_ run", cmd=f"touch q{n}") for n in range(12)))
    assert {one.err for one in replies} == {f"asked ben: cli-{n}" for n in range(1, 13)}
    assert len(list((shell.loop.folder / "asks").glob("cli-*.json"))) == 12


@pytest.mark.parametrize("cmd", ["echo " + "a" * 30_000, "echo " + "$(echo " * 600 + ")" * 600])
async def test_a_command_that_is_too_much_is_refused_or_asked_about(shell: Shell, cmd: str) -> None:
    reply = await shell("_ run", cmd=cmd)
    assert reply.code == 1
    assert "asked ben" in reply.err or reply.refused is not None


async def test_24_an_answer_is_the_first_unless_forced(shell: Shell) -> None:
    name = (await shell("ask", worker="inbox", prompt="Which key?", options="red,blue")).out
    assert name == "inbox-1"
    assert (await shell("ask", worker="inbox", prompt="Which key?")).out == name, "the same question"
    assert (await shell("answered", id=name)).code == AGAIN
    replies = await asyncio.gather(*(shell("answer", id=name, text=f"key {n}") for n in range(8)))
    assert sorted(one.code for one in replies) == [0, 1, 1, 1, 1, 1, 1, 1]
    assert (await shell("answer", id=name, text="the green one", force=True)).out == "answered inbox-1"
    assert (await shell("answered", id=name)).out == "the green one"
    assert (await shell("answer", id="inbox-9", text="x")).code == 1
    assert (await shell("ask", worker="inbox", prompt="Which key?")).out == "inbox-2", "never used again"
    folder = shell.loop.folder
    assert json.loads((folder / "answers" / "inbox-1.json").read_text())["answer"] == "the green one"
    assert json.loads((folder / "asks" / "inbox-2.json").read_text())["prompt"] == "Which key?"


async def waits(shell: Shell, **args: Any) -> Any:
    """What a client that waits is told; None: nothing yet."""
    reply = await shell("wait", left=0.0, **args)
    return None if reply.code == AGAIN else json.loads(reply.out)


async def test_32_36_a_client_that_waits_hears_of_every_change_once(shell: Shell) -> None:
    shell.loop.decides(NOOP)
    await shell.loop.beat()
    first = await waits(shell)
    assert first["changed"] == ["asks"], "a pending ask wakes at once"
    assert await waits(shell) is None, "and a held one does not again"
    await shell("goal write", id="rent", body="x")
    woke = await waits(shell)
    assert woke["changed"] == ["goals"]
    await shell("playbook write", body="# other")  # while the client acts upon the former
    assert (await waits(shell))["changed"] == ["playbook"]
    assert await waits(shell) is None
    await shell("notify", text="hello")
    assert await waits(shell) is None, "the journal alone wakes nobody"
    assert (await waits(shell, actionable=True))["changed"] == ["journal"]
    shell.loop.sensor("water", "echo wet")
    await shell.loop.beat()
    assert (await waits(shell))["changed"] == ["snapshots"]
    again = await waits(shell, since=woke["cursor"], **{"as": "other"})
    assert set(again["changed"]) == {"asks", "playbook", "snapshots"}
    await shell("ask", worker="w", prompt="x")
    assert (await waits(shell, only_asks=True))["changed"] == ["asks"]
    assert await waits(shell, only_asks=True) is None
    await shell.loop.passes(seconds=601)
    assert (await waits(shell))["changed"] == ["asks"], "what is held is said again after ten minutes"
    await shell("down")
    down = await shell("wait", left=0.0, down=15.0)
    assert (down.code, json.loads(down.out)["changed"]) == (2, ["pulse-down"])


async def test_a_sensor_is_written_by_the_shells_gate(shell: Shell) -> None:
    assert (await shell("sensor write", name="water", script="echo dry")).out == "write-sensor water"
    assert "water" in await shell.json("sensor list")
    assert (await shell("sensor show", name="water")).out == "#!/usr/bin/env bash\necho dry\n"
    asked = await shell("sensor write", name="mail", script="python3 -c 'print(1)'")
    assert (asked.out, asked.err) == ("write-sensor mail", "asked ben: pulse-1")
    assert (await shell("sensor write", name="bad", script="sudo id")).code == 1
    assert not (shell.loop.folder / "sensors" / "bad.sh").exists()
    assert (await shell("sensor drop", name="water")).out == "drop-sensor water"
    assert (await shell("sensor show", name="water")).code == 1


async def test_schedules(shell: Shell) -> None:
    assert (
        await shell("schedule write", name="rent", every=86400, note="the bank")
    ).out == "write-schedule rent"
    assert await shell.json("schedule list") == {"rent": 0}
    assert (await shell("schedule write", name="rent", every=59)).code == 1
    both: dict[str, Any] = {"name": "x", "in": 5, "every": 60}
    assert (await shell("schedule write", **both)).code == 1
    assert (await shell("schedule rm", name="rent")).out == "drop-schedule rent"
    assert (await shell("schedule rm", name="rent")).code == 1


async def test_what_is_told_is_told_once_in_ten_minutes(shell: Shell) -> None:
    for _ in range(3):
        assert (await shell("notify", text="The pool is green.")).out == "notify · The pool is green."
    assert len([one for one in await shell.loop.world.texts("ben") if "pool is green" in one]) == 1
    assert (await shell("notify", text="x", to="nobody-here")).code == 1


@pytest.mark.parametrize(
    ("verb", "args"),
    [
        ("answer", {"id": "setup-1", "text": "yes"}),
        ("goal write", {"id": "x", "body": "x"}),
        ("sensor write", {"name": "x", "script": "echo"}),
        ("playbook write", {"body": "x"}),
        ("_ run", {"cmd": "ls"}),
        ("tick", {}),
        ("down", {}),
    ],
)
async def test_a_worker_proposes_and_never_approves(shell: Shell, verb: str, args: dict[str, Any]) -> None:
    reply = await shell(verb, caller="inbox", **args)
    assert (reply.code, "may not" in reply.err) == (1, True)


def test_every_verb_has_somebody_who_carries_it_out() -> None:
    from bot.verbs.grammar import FORMS

    assert set(FORMS) - {"attach"} == set(VERBS) - {"answered", "approval", "step"}, (
        "attach reads a file by itself"
    )


# --- from chat


async def test_a_lead_steers_goals_and_the_founder_the_playbook(world: World) -> None:
    loop = await beating(world)
    loop.decides(NOOP)
    await loop.beat()
    world.app.requests._verbs = Verbs(loop.pulse, alive=True)
    await world.app.requests.start()

    async def says(person: str, text: str) -> str:
        before = len(await world.texts(person))
        await world.says(person, text)
        async with asyncio.timeout(10):
            while len(await world.texts(person)) == before:
                await asyncio.sleep(0.02)
                await world.settle()
        return (await world.texts(person))[-1]

    assert "playbook-daily" in await says("shirley", "/goals")
    assert "/goal" in await says("ben", "/help")
    assert await says("ben", "/goal write pool goal: the pool is clean") == "The goal pool is written."
    assert "the pool is clean" in await says("ben", "/goal pool")
    assert (loop.folder / "goals" / "pool.md").exists()
    refused = await says("shirley", "/goal write x y")
    assert "Ben" in refused
    assert "Ben" in await says("shirley", "/playbook # mine")
    assert not (loop.folder / "goals" / "x.md").exists()
    assert await says("ben", "/tick") == "I looked around: nothing new."
    assert "PLAYBOOK is written" in await says("ben", "/playbook # Ours\n\n- one\n- two")
    assert (loop.folder / "PLAYBOOK.md").read_text() == "# Ours\n\n- one\n- two\n"
    assert "- two" in await says("ben", "/playbook")
    assert "PLAYBOOK is written" in await says("ben", "/playbook show me")
    assert "former PLAYBOOK holds again" in await says("ben", "/playbook undo")
    assert (loop.folder / "PLAYBOOK.md").read_text() == "# Ours\n\n- one\n- two\n"
    assert "stopped" in await says("ben", "/down")
    assert await says("ben", "/up") == "The loop runs."
    assert "no goal" in await says("ben", "/run nothing")
    assert (await loop.journal()).count("write-goal pool") == 1
    assert "loop stopped" in await loop.journal()


DECIDES = {
    "tick",
    "run",
    "goal write",
    "goal archive",
    "goal on",
    "up",
    "down",
    "_ run",
    "sensor write",
    "sensor drop",
}
DECIDES |= {"playbook write", "playbook undo", "worker start", "answer"}
NOT_OPS = DECIDES | {"tell"} | {name for name, right in NEEDS.items() if right is Right.TEND}


@pytest.mark.parametrize("verb", sorted(NEEDS))
async def test_whoever_bids_a_verb_may_when_it_is_carried_out(shell: Shell, verb: str) -> None:
    """Through the door itself: a worker, somebody of the team, the founder, somebody who has left since."""
    reply = await shell(verb, "quotes")
    assert ("it proposes, it never approves" in reply.err) == (verb in DECIDES), reply
    for who, refused in (
        ("shirley", verb in NOT_OPS),
        ("ben", False),
        ("gone", True),
    ):
        reply = await shell.verbs.carry_out(Asked(verb, {}, who, "", "slack"))
        assert (reply.refused is not None and reply.refused.code == "not_for_you") == refused, (who, reply)
        await shell.loop.world.settle()


def test_nobody_is_the_operator_by_their_name() -> None:
    assert Asked("up", {}).who == OPERATOR
    assert Asked("up", {}, "cli", "", "slack").who == Actor("cli", "slack")
    assert Asked("up", {}, "ben", "", "cli").who == Actor("ben", "cli")
    assert Asked("up", {}, "cli", "quotes").who == worker_of("quotes")
