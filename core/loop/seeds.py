"""What a loop begins with: a PLAYBOOK to be talked about, two goals, one sensor that wakes once a day."""

from __future__ import annotations

from typing import Final

PLAYBOOK: Final = """\
# PLAYBOOK

How this company decides. The loop reads it at every decision; a person may edit it at any time.

## What comes first
1. The goal `setup`, while it is there.
2. Whatever concerns a guest who is in the house, or arrives today.
3. A goal that changed.
4. A goal whose time has come.
5. Nothing: noop.

## Moves
- Prefer the smallest move that helps: ask one person one question, look something up, remind somebody.
- One move at a time; look at what came of it before the next.
- Work that takes more than a look is a worker's, with a brief that names its end.

## Guardrails
- Nothing that cannot be undone without a person's yes: no payment, no merge, no message to a guest, no vendor.
- Ask instead of guessing. Who is asleep is asked in the morning, unless somebody is in danger.
- Money and vendors go through the gate of the house, never around it.
"""

SETUP: Final = """\
goal: learn how this company works, one question at a time, and write the PLAYBOOK for it

- Ask the founder, with buttons where there are few answers: what the work is, where news comes from, what comes first, what is
  never done without asking, who may be woken when, what a quiet day looks like.
- Show the PLAYBOOK as a draft; write it when it is confirmed; archive this goal.
"""

DAILY: Final = """\
goal: once a day, turn one problem that came back in the journal into one small rule of the PLAYBOOK, after a yes
last-improved: never
"""

TODAY: Final = """\
#!/bin/sh
# Only the date: the loop looks around at least once a day.
date +%F
"""

CONFIG: Final = """\
{
  "interval": 60,
  "judgment": "auto"
}
"""

FILES: Final = {
    "goals/setup.md": SETUP,
    "goals/playbook-daily.md": DAILY,
    "sensors/today": TODAY,
    "config.json": CONFIG,
    "PLAYBOOK.md": PLAYBOOK,
}
"""The PLAYBOOK last: a folder that has one was seeded to the end."""
