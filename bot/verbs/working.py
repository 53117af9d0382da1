"""The process of a built-in worker: it has one step after another taken by the service, prints what came of each, and ends or rests
as it is told. It waits for a service that is not there."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Final

from bot.verbs.calling import caller_of
from bot.verbs.home import Home, Trouble

PAUSE: Final = 1.0
TRIES: Final = 30
"""Times in a row that a step may be refused."""


def main(worker: str) -> int:
    home = Home(os.environ, alone=False)
    calls, refused = caller_of(home.database, os.environ), 0
    said = False
    mine = home.path / "loop" / "sessions" / worker / "go.json"
    while True:
        if not mine.exists():
            print("its home is gone", flush=True)
            return 1
        if not home.is_owned():
            if not said:
                print("waiting for the service", flush=True)
            said = True
            time.sleep(PAUSE)
            continue
        said = False
        try:
            found = home.does("step", {"worker": worker}, calls or worker)
            if found.code:
                raise Trouble(found.err)
            outcome = json.loads(found.out)
        except (Trouble, ValueError) as trouble:
            print(f"no step: {trouble}", flush=True)
            refused += 1
            if refused >= TRIES:
                return 1
            time.sleep(PAUSE)
            continue
        refused = 0
        for line in outcome["lines"]:
            print(line, flush=True)
        match outcome["next"]:
            case "rest":
                return 0
            case "end":
                return int(outcome["code"])
            case "wait":
                time.sleep(float(outcome["seconds"]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
