"""What is typed after `loopos`, or `loopos _`, as one call. Pure, and the standard library alone.

Flags may stand anywhere before `--`, behind the words too; after it all is body. Scripts of older loops rely on that, which is why
argparse, which cannot do so, does not read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Kind = Literal["flag", "text", "seconds", "count", "usd", "many"]


class WrongUse(Exception):
    """Exit 2: `usage` on stderr, nothing was written."""

    def __init__(self, why: str, usage: str) -> None:
        super().__init__(why)
        self.usage = usage


class Help(Exception):
    """`usage` is wanted, and nothing else."""

    def __init__(self, usage: str) -> None:
        super().__init__(usage)
        self.usage = usage


@dataclass(frozen=True, slots=True)
class Form:
    """`words`: what must be there, in its order; a name with ? may be missing. `rest`: all further words joined by one blank,
    or what comes in where there are none, or a lone -; a name with ? is never read from there."""

    about: str
    words: tuple[str, ...] = ()
    rest: str = ""
    flags: Mapping[str, Kind] = field(default_factory=dict)
    needed: tuple[str, ...] = ()
    """Flags that must be there."""
    loose: bool = False
    """A flag that is not known is a word."""
    writes: bool = False
    acts: tuple[str, ...] = ()
    """Commands of core.acts.commands that the same does in chat."""


@dataclass(frozen=True, slots=True)
class Call:
    verb: str
    """As it stands in FORMS."""
    args: dict[str, Any]


_JSON: Final[Mapping[str, Kind]] = {"json": "flag"}

FORMS: Final[Mapping[str, Form]] = {
    "up": Form("start the service and the loop, unless they run", flags=_JSON, acts=("StartLoop",)),
    "down": Form("stop the loop and its workers; tickets go on", acts=("StopLoop",)),
    "tick": Form("one beat now", flags={"force": "flag", "json": "flag"}, acts=("Beat",)),
    "run": Form("one move for a goal, now", ("goal",), acts=("RunGoal",)),
    "_ run": Form(
        "one command through the gate", rest="cmd", flags={"reason": "text", "wait": "flag"}, loose=True, writes=True
    ),
    "status": Form("how the loop is", flags=_JSON),
    "state": Form("all that the loop knows now", flags=_JSON),
    "wait": Form(
        "wait until something is another, then its state",
        flags={
            "json": "flag", "since": "count", "as": "text", "only-asks": "flag", "actionable": "flag", "timeout": "seconds",
        },
    ),
    "asks": Form("what waits for an answer", flags={"json": "flag", "all": "flag"}),
    "answer": Form("answer a question", ("id",), "text", {"force": "flag"}, writes=True, acts=("AnswerAsk",)),
    "goal write": Form("write a goal", ("id",), "body", writes=True, acts=("WriteGoal",)),
    "goal archive": Form("put a goal away", ("id",), writes=True, acts=("ArchiveGoal",)),
    "goal on": Form("switch on a job that comes with the house", ("id",), writes=True, acts=("SwitchOnJob",)),
    "goal jobs": Form("the jobs that can be switched on", flags=_JSON),
    "goal list": Form("the live goals", flags=_JSON, acts=("LookAtGoals",)),
    "goal show": Form("one goal", ("id",), acts=("LookAtGoal",)),
    "sensor write": Form("write a sensor", ("name",), "script", writes=True),
    "sensor list": Form("the sensors", flags=_JSON),
    "sensor show": Form("one sensor", ("name",)),
    "sensor drop": Form("remove a sensor", ("name",), writes=True),
    "playbook write": Form("write the PLAYBOOK", rest="body", writes=True, acts=("WritePlaybook",)),
    "playbook show": Form("the PLAYBOOK", acts=("LookAtPlaybook",)),
    "playbook undo": Form("the PLAYBOOK as it was before", writes=True, acts=("RestorePlaybook",)),
    "notify": Form("tell the founder", rest="text", flags={"id": "text", "to": "text"}, loose=True, writes=True),
    "ask": Form(
        "ask a person, wait for the answer and print it alone",
        ("worker?",),
        flags={
            "prompt": "text", "ref": "text", "options": "text", "option": "many", "to": "text", "irreversible": "flag",
            "timeout": "seconds", "detach": "flag", "resume": "text",
        },
        needed=("prompt",),
    ),
    "schedule write": Form(
        "wake the loop once, or every so often",
        ("name",),
        flags={"in": "count", "every": "count", "note": "text", "if-missed": "text"},
        writes=True,
    ),
    "schedule rm": Form("drop a schedule", ("name",), writes=True),
    "schedule list": Form("the schedules", flags=_JSON),
    "worker start": Form(
        "start a worker on what it is told",
        ("id",),
        "prompt",
        {"command": "text", "verify": "text", "runner": "text"},
        writes=True,
    ),
    "worker kill": Form("end a worker", ("id",), writes=True, acts=("KillWorker",)),
    "worker list": Form("the workers", flags={"json": "flag", "all": "flag", "watch": "flag"}),
    "ls": Form(
        "the workers", flags={"json": "flag", "all": "flag", "watch": "flag"}, acts=("LookAtWorkers",)
    ),
    "kill": Form("end a worker", ("id",), writes=True, acts=("KillWorker",)),
    "attach": Form(
        "follow what a worker prints; what is typed is told to it",
        ("id",),
        flags={"lines": "count", "no-follow": "flag"},
    ),
    "flag": Form("a worker needs to be looked at", ("id",), "note?", writes=True, acts=("FlagWorker",)),
    "unflag": Form("it does not any more", ("id",), writes=True),
    "prune": Form("forget the workers that have ended", writes=True),
    "tell": Form("tell a worker something", ("id",), "text", loose=True, writes=True, acts=("TellWorker",)),
    "told": Form("what a worker was told, once", ("worker?",)),
    "claim": Form("have a name for oneself", ("name",), flags={"session": "text"}, writes=True),
    "unclaim": Form("let go of it", ("name",), flags={"session": "text"}, writes=True),
    "_ cost": Form("say what was spent", ("kind", "id", "runner", "usd"), loose=True, writes=True),
}  # fmt: skip
GROUPS: Final = {name.split()[0] for name in FORMS if " " in name and not name.startswith("_")}
ALONE: Final = frozenset({"run", "cost"})
"""Of these `loopos V` and `loopos _ V` are two."""
NAMES: Final = frozenset(name.split()[0] for name in FORMS if not name.startswith("_"))


def is_verb(argv: Sequence[str]) -> bool:
    """What is typed is one of the loop's verbs."""
    return bool(argv) and (argv[0] == "_" or argv[0].startswith("_") or argv[0] in NAMES)


def read(argv: Sequence[str], given: Callable[[], str]) -> Call:
    """`given`: reads what comes in. Raises WrongUse, Help."""
    words = list(argv)
    underscored = words[0] == "_" or (words[0].startswith("_") and len(words[0]) > 1)
    if words[0] == "_":
        words = words[1:]
    elif underscored:
        words[0] = words[0][1:]
    if not words or words[0] in {"--help", "-h"}:
        raise Help(overview())
    name, words = _named(words, underscored)
    form = FORMS[name]
    return Call(name, _args(name, form, words, given))


def _named(words: list[str], underscored: bool) -> tuple[str, list[str]]:
    first = words[0]
    if underscored and first in ALONE and f"_ {first}" in FORMS:
        return f"_ {first}", words[1:]
    if first in GROUPS and first not in FORMS:
        if len(words) > 1 and f"{first} {words[1]}" in FORMS:
            return f"{first} {words[1]}", words[2:]
        under = [one for one in FORMS if one.startswith(f"{first} ")]
        text = "\n".join(usage(one) for one in under)
        if len(words) > 1 and words[1] in {"--help", "-h"}:
            raise Help(text)
        raise WrongUse(f"{first} takes one of {', '.join(one.split()[1] for one in under)}", text)
    if first in FORMS:
        return first, words[1:]
    raise WrongUse(f"there is no verb {first[:40]!r}", overview())


def _args(name: str, form: Form, words: list[str], given: Callable[[], str]) -> dict[str, Any]:
    flags: dict[str, Kind] = {**form.flags, **({"journal": "text"} if form.writes else {})}
    found: dict[str, Any] = {}
    plain: list[str] = []
    while words:
        word = words.pop(0)
        if word == "--":
            plain += words
            break
        if word in {"--help", "-h"} and not (form.loose and word == "-h"):
            raise Help(usage(name))
        if not word.startswith("-") or word == "-" or (form.loose and not word.startswith("--")):
            plain.append(word)
            continue
        flag, equals, value = word.removeprefix("--").partition("=")
        kind = flags.get(flag) if word.startswith("--") else None
        if kind is None:
            if not form.loose:
                raise WrongUse(f"unknown flag {word[:40]}", usage(name))
            plain.append(word)
        elif kind == "flag":
            if equals:
                raise WrongUse(f"--{flag} takes no value", usage(name))
            found[flag] = True
        else:
            if not equals:
                if not words:
                    raise WrongUse(f"--{flag} needs a value", usage(name))
                value = words.pop(0)
            found[flag] = [*found.get(flag, []), value] if kind == "many" else _value(name, flag, kind, value)
    for needed in form.needed:
        if needed not in found and "resume" not in found:
            raise WrongUse(f"--{needed} is missing", usage(name))
    for one in form.words:
        if plain:
            found[one.removesuffix("?")] = plain.pop(0)
        elif not one.endswith("?"):
            raise WrongUse(f"{one.upper()} is missing", usage(name))
    if form.rest:
        if plain == ["-"] or (not plain and not form.rest.endswith("?")):
            found[form.rest.removesuffix("?")] = given().rstrip("\n")
        else:
            found[form.rest.removesuffix("?")] = " ".join(plain)
    elif plain:
        raise WrongUse(f"{plain[0][:40]!r} is too much", usage(name))
    return {key.replace("-", "_"): value for key, value in found.items()}


def _value(name: str, flag: str, kind: Kind, text: str) -> Any:
    try:
        match kind:
            case "count":
                number = int(text)
                if not 0 <= number <= 10**12:
                    raise ValueError(text)
                return number
            case "seconds":
                seconds = float(text)
                if not 0 <= seconds <= 10**8:
                    raise ValueError(text)
                return seconds
    except ValueError:
        raise WrongUse(f"--{flag} needs a number, not {text[:40]!r}", usage(name)) from None
    return text


def usage(name: str) -> str:
    form = FORMS[name]
    parts = ["usage: loopos", name]
    parts += [f"[{one[:-1].upper()}]" if one.endswith("?") else one.upper() for one in form.words]
    parts += [_rest(form.rest)] if form.rest else []
    every: dict[str, Kind] = {**form.flags, **({"journal": "text"} if form.writes else {})}
    for flag, kind in every.items():
        said = f"--{flag}" if kind == "flag" else f"--{flag} {'TEXT' if kind in {'text', 'many'} else 'N'}"
        parts.append(said if flag in form.needed else f"[{said}]")
    return f"{' '.join(parts)}\n  {form.about}"


def _rest(name: str) -> str:
    return f"[{name[:-1].upper()}...]" if name.endswith("?") else f"{name.upper()}..."


def overview() -> str:
    width = max(len(name) for name in FORMS)
    return "\n".join(
        ["usage: loopos [_] VERB ...", *(f"  {name:<{width}}  {form.about}" for name, form in FORMS.items())]
    )
