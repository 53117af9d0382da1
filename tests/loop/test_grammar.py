"""What is typed is understood as scripts of older loops type it; what is wrong writes nothing and says how it is used."""

from __future__ import annotations

from typing import Any

import pytest

from bot.verbs.grammar import FORMS, Help, WrongUse, is_verb, read, usage


def call(*argv: str, given: str = "") -> tuple[str, dict[str, Any]]:
    found = read(argv, lambda: given)
    return found.verb, found.args


@pytest.mark.parametrize(
    ("argv", "verb", "args"),
    [
        (["_", "run", "ls", "-la", "--reason", "look"], "_ run", {"cmd": "ls -la", "reason": "look"}),
        (["_", "run", "ls -la | wc -l", "--reason=look around"], "_ run", {"cmd": "ls -la | wc -l", "reason": "look around"}),
        (["_", "run", "--reason", "T", "--", "echo", "--reason"], "_ run", {"cmd": "echo --reason", "reason": "T"}),
        (["_", "run", "git", "log", "--oneline"], "_ run", {"cmd": "git log --oneline"}),
        (["run", "rent"], "run", {"goal": "rent"}),
        (["goal", "write", "rent", "goal:", "rent", "--journal", "new"], "goal write", {"id": "rent", "body": "goal: rent", "journal": "new"}),
        (["_", "goal", "archive", "rent"], "goal archive", {"id": "rent"}),
        (["notify", "the", "--bold", "one", "--to", "celine"], "notify", {"text": "the --bold one", "to": "celine"}),
        (["ask", "--prompt", "Which?", "--options", "a,b", "--option", "c, d", "inbox"], "ask", {"prompt": "Which?", "options": "a,b", "option": ["c, d"], "worker": "inbox"}),
        (["_ask", "--prompt", "Which?", "--timeout", "1.5"], "ask", {"prompt": "Which?", "timeout": 1.5}),
        (["wait", "--json", "--since", "7", "--only-asks"], "wait", {"json": True, "since": 7, "only_asks": True}),
        (["answer", "inbox-1", "--", "--force"], "answer", {"id": "inbox-1", "text": "--force"}),
        (["schedule", "write", "rent", "--every", "60", "--if-missed", "skip"], "schedule write", {"name": "rent", "every": 60, "if_missed": "skip"}),
        (["tick"], "tick", {}),
    ],
)  # fmt: skip
def test_what_is_typed(argv: list[str], verb: str, args: dict[str, Any]) -> None:
    assert is_verb(argv)
    assert call(*argv) == (verb, args)


@pytest.mark.parametrize("typed", [[], ["-"]])
def test_a_missing_body_or_a_lone_dash_is_what_comes_in(typed: list[str]) -> None:
    assert call("playbook", "write", *typed, given="# Rules\n\n- one\n") == (
        "playbook write",
        {"body": "# Rules\n\n- one"},
    )
    assert call("answer", "x-1", *typed, given="yes\n")[1]["text"] == "yes"


@pytest.mark.parametrize(
    "argv",
    [
        ["_"], ["_", "fly"], ["goal"], ["goal", "paint", "x"], ["goal", "write"], ["tick", "--loud"], ["tick", "now"],
        ["run"], ["ask", "inbox"], ["ask", "--prompt"], ["wait", "--since", "soon"], ["wait", "--since", "-1"],
        ["wait", "--timeout", "nan"], ["schedule", "write", "x", "--in", "1e3"], ["tick", "--force=yes"], ["state", "-j"],
    ],
)  # fmt: skip
def test_wrong_use_says_how_it_is_used(argv: list[str]) -> None:
    with pytest.raises((WrongUse, Help)) as wrong:
        call(*argv)
    assert wrong.value.usage.startswith("usage: loopos")  # type: ignore[attr-defined]
    if argv != ["_"]:
        assert isinstance(wrong.value, WrongUse)


@pytest.mark.parametrize("name", list(FORMS))
def test_help_of_every_verb_reads_nothing_and_writes_nothing(name: str) -> None:
    def given() -> str:
        raise AssertionError("it read what comes in")

    typed = name.split() if name.startswith("_") else ["_", *name.split()] if name != "run" else ["run"]
    for flag in ("--help", "-h"):
        if FORMS[name].loose and flag == "-h":
            continue
        with pytest.raises(Help) as helped:
            read([*typed, "some", flag], given)
        assert helped.value.usage == usage(name)
