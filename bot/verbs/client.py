"""A verb of the loop from the shell. Beside a running service it is one row in the database, which the service carries out and
answers; without one the same is done here. The standard library alone: agents call verbs in loops."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence

from bot.verbs import grammar
from bot.verbs.calling import caller_of, session_of
from bot.verbs.grammar import Call, Help, WrongUse
from bot.verbs.home import AGAIN, RIDDEN_THROUGH, Answer, Home, Trouble, told
from core.store.calls import Gone, Unusable


def main(argv: Sequence[str]) -> int:
    try:
        call = grammar.read(argv, sys.stdin.read)
    except Help as wanted:
        print(wanted.usage)
        return 0
    except WrongUse as wrong:
        print(f"loopos: {wrong}\n{wrong.usage}", file=sys.stderr)
        return 2
    except UnicodeDecodeError:
        print("loopos: what came in is no text", file=sys.stderr)
        return 2
    try:
        return run(call, os.environ)
    except Trouble as trouble:
        print(f"loopos: {trouble}", file=sys.stderr)
        return 1
    except UnicodeEncodeError:
        print("loopos: what was typed is no text", file=sys.stderr)
        return 2


def run(call: Call, environ: Mapping[str, str]) -> int:
    home = Home(environ)
    worker = caller_of(home.database, environ)
    match call.verb:
        case "up":
            from bot.verbs.starting import up

            return up(home, worker, as_json=bool(call.args.get("json")))
        case "ask":
            return ask(home, call, worker, environ)
        case "wait":
            return wait(home, call, worker)
        case "attach":
            from bot.verbs.attaching import attach

            return attach(home, call, worker)
        case "ls" | "worker list" if call.args.pop("watch", False):
            return watch(home, call, worker)
        case "claim" | "unclaim":
            call.args.setdefault("session", worker or session_of(environ))
        case "told":
            call.args.setdefault("worker", worker or session_of(environ))
        case "_ run" if call.args.pop("wait", False):
            return run_and_wait(home, call, worker)
    return told(home.does(call.verb, call.args, worker), plain=call.verb == "_ run")


def watch(home: Home, call: Call, worker: str) -> int:
    """Until somebody has seen enough."""
    clear = "\x1b[H\x1b[2J" if sys.stdout.isatty() else ""
    while True:
        found = home.does(call.verb, call.args, worker)
        print(f"{clear}{found.out}", flush=True)
        if found.code:
            return told(Answer(found.code, "", found.err))
        time.sleep(2.0)


# --- verbs that wait


def ask(home: Home, call: Call, worker: str, environ: Mapping[str, str]) -> int:
    """Blocks until it is answered, whatever restarts; on standard output stands the answer alone."""
    args = dict(call.args)
    within, detach = args.pop("timeout", None), args.pop("detach", False)
    known = args.pop("resume", None)
    args.setdefault("worker", worker or session_of(environ) or "cli")
    if known is None:
        asked = home.does("ask", args, worker)
        if asked.code:
            return told(asked)
        if asked.err:
            print(f"loopos: {asked.err}", file=sys.stderr, flush=True)
        known = asked.out
    if detach:
        print(known, flush=True)
        return 0
    until = None if within is None else time.monotonic() + within
    while True:
        if _is_answered(home, known):
            return told(home.does("answered", {"id": known}, worker))
        if until is not None and time.monotonic() >= until:
            print(f"loopos: {known} was not answered within {within:g} s; it stays asked", file=sys.stderr)
            return 1
        time.sleep(0.1)


def _is_answered(home: Home, ask_id: str) -> bool:
    try:
        return home.calls.is_answered(ask_id)
    except Gone:
        raise Trouble(f"there is no question {ask_id}") from None
    except Unusable as error:
        raise Trouble(str(error)) from None


def run_and_wait(home: Home, call: Call, worker: str) -> int:
    """Until the founder has decided about it, and with the exit code of what ran."""
    first = home.does("_ run", call.args, worker)
    if first.code != 1 or not first.err.startswith("asked "):
        return told(first, plain=True)
    print(first.err, file=sys.stderr, flush=True)
    ask_id = first.err.rpartition(" ")[2]
    while True:
        found = home.does("approval", {"id": ask_id}, worker)
        if found.code != AGAIN:
            return told(found, plain=True)
        time.sleep(0.2)


def wait(home: Home, call: Call, worker: str) -> int:
    within = call.args.get("timeout")
    args = {key: value for key, value in call.args.items() if key != "timeout"}
    until = None if within is None else time.monotonic() + within
    down, last, looked = 0.0, time.monotonic(), False
    while True:
        left = None if until is None else until - time.monotonic()
        if left is not None and left <= 0:
            return _unchanged(home, worker)
        owned = home.is_owned()
        now = time.monotonic()
        down, last = (down + now - last if not owned else 0.0), now
        if not owned and looked and down < RIDDEN_THROUGH:  # whoever starts a service now needs the home
            time.sleep(0.3 if left is None else min(0.3, left))
            continue
        looked = True
        held = 20.0 if left is None else min(20.0, left)
        found = home.does("wait", {**args, "left": held if owned else 0, "down": down}, worker)
        if found.code != AGAIN:
            return told(found)
        if owned:
            with contextlib.suppress(ValueError, KeyError):
                down = float(json.loads(found.out)["down"])
            last = time.monotonic()
        elif down >= RIDDEN_THROUGH:
            return 2


def _unchanged(home: Home, worker: str) -> int:
    found = home.does("state", {}, worker)
    if found.code == 0:
        state = json.loads(found.out)
        found.out = json.dumps({**state, "changed": []}, ensure_ascii=False, indent=2)
    return told(found)
