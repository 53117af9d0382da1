"""Commands through the gate, notices, questions and answers."""

from __future__ import annotations

import json
import os
from typing import Any, Final

from core import names
from core.asks import asks
from core.errors import Refused
from core.loop import acting, virtual
from core.loop.acting import failed_text
from core.loop.moves import RunShell, line_of
from core.loop.verbs.call import AGAIN, Asked, Carrier, Reply, body_of
from core.store import loop_events
from core.store.loop_tables import LoopApproval

LONGEST: Final = 20_000
"""Characters of a command."""


async def run_shell(verbs: Carrier, asked: Asked) -> Reply:
    cmd = body_of(asked.text("cmd"))
    if len(cmd) > LONGEST:
        raise Refused("too_long", most=LONGEST)
    reason = asked.text("reason") or " ".join(cmd.split())[:100]
    config, who = await verbs.house.config(), verbs.house.services.company.founder.id
    move = RunShell(action="run_shell", cmd=cmd, reason=reason, journal=asked.text("journal") or None)
    verdict = await verbs.pulse.acting.judged(cmd, config)
    if verdict.kind == "ask":
        ask_id = await verbs.pulse.ask_for(move, verdict.why, asked.told_by)
        await verbs.house.store.write(lambda tx: loop_events.journal(tx, asked.told_by, f"asked {ask_id}"))
        await verbs.pulse.settled(f"asked {ask_id}")
        return Reply(1, err=f"asked {who}: {ask_id}")
    run_id = names.run_id(verbs.house.services.clock.now().astimezone(verbs.house.zone))
    code, output = await verbs.pulse.acting.run(cmd, config, f"{run_id}-{os.urandom(3).hex()}")
    line = line_of(move)
    if code != 0:
        await verbs.house.store.write(
            lambda tx: loop_events.journal(
                tx, asked.told_by, f"{line}: {failed_text(code, output)}", failed=True
            )
        )
        await verbs.pulse.settled(line)
        return Reply(1, err=f"{output.rstrip()}\n{failed_text(code, '')}".strip())
    await verbs.note(asked, line)
    return Reply(out=f"run-shell · {reason}", err=output.rstrip("\n"))


async def approval(verbs: Carrier, asked: Asked) -> Reply:
    """How an approved command ended; AGAIN while it is open."""
    row = await verbs.house.store.read(lambda session: session.get(LoopApproval, asked.text("id")))
    if row is None:
        raise Refused("unknown_ask", ask=asked.text("id")[:80])
    match row.state:
        case "pending" | "approved" | "running":
            return Reply(AGAIN)
        case "done" | "failed":
            return Reply(row.code or 0, out=f"run-shell · {row.more.get('reason', '')}" if not row.code else "",
                         err=row.output.rstrip("\n"))  # fmt: skip
    return Reply(1, err=f"{row.state} {row.ask_id}")


async def notify(verbs: Carrier, asked: Asked) -> Reply:
    text, to = body_of(asked.text("text")), asked.text("to") or None
    fresh = await verbs.house.store.write(lambda tx: acting.notify(tx, text, to))
    if fresh:
        verbs.pulse.acting.hook(text, await verbs.house.config())
    line = f"notify · {text}"
    await verbs.note(asked, f"{line} [{asked.text('id')}]" if asked.text("id") else line)
    return Reply(out=f"notify · {text}")


async def list_asks(verbs: Carrier, asked: Asked) -> Reply:
    every = bool(asked.args.get("all"))

    def rows(session: Any) -> list[dict[str, Any]]:
        known = {row.id: approval for row, approval in virtual.open_asks(session)}
        return [asks.ask_json(row, known.get(row.id)) for row in asks.pending(session, None, every=every)]

    found = await verbs.house.store.read(rows)
    if asked.args.get("json"):
        return Reply(out=json.dumps(found, ensure_ascii=False, indent=2))
    lines = [f"{one['id']}  {' '.join(one['prompt'].split())[:120]}" for one in found]
    return Reply(out="\n".join(lines) or "Nothing is asked.")


async def answer(verbs: Carrier, asked: Asked) -> Reply:
    ask_id, again = asked.text("id"), bool(asked.args.get("force"))
    who = asked.who
    await verbs.house.store.write(
        lambda tx: asks.answer(tx, asks.find(tx, ask_id), asked.text("text"), who, again=again)
    )
    await verbs.pulse.observe()
    return Reply(out=f"answered {ask_id}")


async def ask(verbs: Carrier, asked: Asked) -> Reply:
    """Its id; whoever asked waits for the answer by themselves."""
    worker = names.checked(asked.text("worker") or "cli")
    options = [one.strip() for one in asked.text("options").split(",") if one.strip()]
    row = await verbs.house.store.write(
        lambda tx: (
            asks.ask(
                tx,
                worker,
                asked.text("prompt"),
                options=[*options, *asked.args.get("option", [])],
                reference=asked.text("ref"),
                to=asked.text("to") or None,
                irreversible=bool(asked.args.get("irreversible")),
                channel=asked.channel,
            ).id
        )
    )
    await verbs.pulse.observe()
    return Reply(out=row)


async def answered(verbs: Carrier, asked: Asked) -> Reply:
    """The answer, which whoever asked has from now on; AGAIN: there is none yet."""
    found = await verbs.house.store.write(lambda tx: asks.fetched(tx, asked.text("id")))
    return Reply(AGAIN) if found is None else Reply(out=found)
