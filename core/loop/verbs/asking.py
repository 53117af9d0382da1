"""Commands through the gate, notices, questions and answers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Final, assert_never

from core import names
from core.acts.commands import AnswerAsk
from core.acts.table import perform
from core.asks import asks
from core.context import Tx
from core.errors import Refused
from core.i18n import N_
from core.loop import acting, virtual
from core.loop.acting import failed_text
from core.loop.judging import NotDone, judged
from core.loop.moves import RunShell, line_of
from core.loop.verbs.call import AGAIN, Asked, Carrier, Reply, body_of
from core.loop.verbs.workers import own
from core.model import Role
from core.store import loop_events
from core.store.loop_tables import LoopApproval
from core.workers import roster, tells

LONGEST: Final = 20_000
"""Characters of a command."""


async def run_shell(verbs: Carrier, asked: Asked) -> Reply:
    cmd = body_of(asked.text("cmd"))
    if len(cmd) > LONGEST:
        raise Refused("too_long", most=LONGEST)
    reason = asked.text("reason") or " ".join(cmd.split())[:100]
    config, who = await verbs.house.config(), verbs.house.services.company.founder.id
    move = RunShell(action="run_shell", cmd=cmd, reason=reason, journal=asked.text("journal") or None)
    verdict = await judged(cmd, config)
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
        case "rejected" | "lapsed" | "unknown":
            return Reply(1, err=f"{row.state} {row.ask_id}")
        case _:
            assert_never(row.state)


async def notify(verbs: Carrier, asked: Asked) -> Reply:
    text, to = body_of(asked.text("text")), asked.text("to") or None
    if asked.worker and asked.text("id"):
        own(asked, asked.text("id"))
    fresh = await verbs.house.store.write(lambda tx: acting.notify(tx, text, to))
    if fresh:
        verbs.pulse.acting.hook(text, await verbs.house.config())
    line = f"notify · {text}"
    await verbs.note(asked, f"{line} [{asked.text('id')}]" if asked.text("id") else line)
    return Reply(out=f"notify · {text}")


async def list_asks(verbs: Carrier, asked: Asked) -> Reply:
    every = bool(asked.args.get("all"))

    def rows(session: Any) -> list[dict[str, Any]]:
        rows = asks.pending(session, None, every=every)
        return [one.to_json() for one in virtual.with_state(session, rows)]

    found = await verbs.house.store.read(rows)
    if asked.args.get("json"):
        return Reply(out=json.dumps(found, ensure_ascii=False, indent=2))
    lines = [f"{one['id']}  {' '.join(one['prompt'].split())[:120]}" for one in found]
    return Reply(out="\n".join(lines) or "Nothing is asked.")


async def answer(verbs: Carrier, asked: Asked) -> Reply:
    ask_id = asked.text("id")
    said = AnswerAsk(ask_id, asked.text("text"), again=bool(asked.args.get("force")))
    await verbs.house.store.write(lambda tx: perform(tx, asked.who, said))
    await verbs.pulse.looking.observe()
    return Reply(out=f"answered {ask_id}")


async def ask(verbs: Carrier, asked: Asked) -> Reply:
    """Its id; whoever asked waits for the answer by themselves, but a person, who is told it in chat."""
    name = asked.text("worker") or "cli"
    options = [one.strip() for one in asked.text("options").split(",") if one.strip()]
    company = verbs.house.services.company
    attachment = await verbs.house.attachment(asked.text("ref"))
    person, prompt, to = company.person(asked.actor), asked.text("prompt"), asked.text("to") or None

    def put(tx: Tx) -> tuple[str, tuple[str, Mapping[str, str]]]:
        worker, whom = name, to
        if person is not None and (company.person(name) is not None or name in set(Role)):
            worker, whom = person.id, name
        elif person is not None and roster.live(tx.session, name) is not None:
            tells.tell(tx, name, f"{person.name} asks: {prompt}", person.id)
            return name, (N_("{worker} reads it at its next step."), {"worker": name})
        elif person is not None and roster.newest(tx.session, name) is None:
            raise Refused("unknown_person", name=name[:60])
        row = asks.ask(
            tx,
            own(asked, names.checked(worker)),
            prompt,
            options=[*options, *asked.args.get("option", [])],
            reference=asked.text("ref"),
            to=whom,
            irreversible=bool(asked.args.get("irreversible")),
            channel=asked.channel,
            asked_by=person.id if person is not None else None,
            attachment=attachment,
        )
        people = ", ".join(asks.name_of(tx, one) for one in row.to)
        return row.id, (N_("Asked {people}. The answer comes to you here."), {"people": people})

    ask_id, said = await verbs.house.store.write(put)
    await verbs.pulse.looking.observe()
    named = asked.text("ref")
    gone = (
        f"{named} is no file of reports/ that could go with it: its name stands on the card"
        if named and attachment is None
        else ""
    )
    return Reply(out=ask_id, err=gone, said=said)


async def answered(verbs: Carrier, asked: Asked) -> Reply:
    """The answer, which whoever asked has from now on; AGAIN: there is none yet."""

    def fetch(tx: Tx) -> tuple[str | None, int]:
        row = asks.find(tx, asked.text("id"))
        if asked.worker and row.worker != asked.worker:
            raise NotDone("refused", f"{row.id} is a question of {row.worker}")
        worker = roster.live(tx.session, row.worker)
        told = tells.waiting(tx.session, row.worker, worker.run) if worker is not None else 0
        return asks.fetched(tx, row.id), told

    found, told = await verbs.house.store.write(fetch)
    if found is None:
        return Reply(AGAIN)
    return Reply(out=found, err=f"told: {told} for you" if told else "")
