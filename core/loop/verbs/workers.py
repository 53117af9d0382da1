"""Workers: started and ended, told and listed; what they take for themselves, and what they cost."""

from __future__ import annotations

import json
from decimal import Decimal
from functools import partial
from typing import Any, Final

from core import names
from core.cards import workers as cards
from core.context import Tx
from core.cost import external
from core.errors import Refused
from core.i18n import N_
from core.loop import starting
from core.loop.house import is_down
from core.loop.judging import NotDone
from core.loop.verbs.call import Asked, Carrier, Reply, body_of
from core.money import usd
from core.outbox import card_publisher
from core.outbox.said_once import first_time
from core.store.worker_tables import WorkerRow
from core.workers import leases, roster, tells
from core.workers.builtin import Builtin
from core.workers.fleet import Order

COST_KINDS: Final = ("tick", "goal", "session")


def own(asked: Asked, name: str) -> str:
    """A worker speaks for itself alone. Raises NotDone."""
    if asked.worker and name != asked.worker:
        raise NotDone("refused", f"{asked.worker} may not do this as {names.shown(name)}")
    return name


async def start(verbs: Carrier, asked: Asked) -> Reply:
    order = Order(
        asked.text("id"),
        body_of(asked.text("prompt")),
        asked.told_by,
        asked.text("runner"),
        asked.text("command"),
        asked.text("verify"),
    )
    who = verbs.house.services.company.founder.id
    began = await starting.start(verbs.house, order, await verbs.house.config(), asked.told_by)
    if began.asked:
        await verbs.note(Asked("", {}, asked.actor, asked.worker), f"asked {began.asked}")
        return Reply(1, err=f"asked {who}: {began.asked}")
    kept = names.checked(order.id)
    line = await verbs.note(asked, f"start-worker {kept}", goal=kept)
    err = f"asked {who}: {began.verify_asked}" if began.verify_asked else ""
    if await verbs.house.store.read(is_down):
        err = f"{err}\nthe loop is stopped, and it works all the same".strip()
    return Reply(out=line, err=err, said=(N_("{worker} works on it."), {"worker": kept}))


async def kill(verbs: Carrier, asked: Asked) -> Reply:
    worker = asked.text("id")
    if names.shown(worker) == names.PULSE:
        raise Refused("worker_reserved", worker=names.PULSE)
    wished = bool(asked.worker)
    if wished:
        own(asked, worker)
    ended = await verbs.house.fleet.kill(worker, wished=wished, run=int(asked.args.get("run") or 0))
    await verbs.house.fleet.settle_leases()
    await verbs.note(asked, f"kill-worker {ended}", goal=ended)
    return Reply(out=f"killed {ended}", said=(N_("{worker} is ended."), {"worker": ended}))


async def listed(verbs: Carrier, asked: Asked) -> Reply:
    house = verbs.house
    await house.fleet.observe()
    now, config = house.services.clock.now(), await house.config()
    every = bool(asked.args.get("all"))
    found = await house.store.read(lambda session: house.workers(session, now, config, every=every))
    if asked.args.get("json"):
        return Reply(out=json.dumps(found, ensure_ascii=False, indent=2))
    if asked.args.get("shown"):
        return Reply(card=partial(cards.card, found, house.services.company, now))
    said = (N_("Nobody works."), dict[str, str]()) if not found else None
    return Reply(out="\n".join(_line(one) for one in found), said=said)


def _line(one: dict[str, Any]) -> str:
    """One worker in a line of the shell."""
    parts = [one["id"], one["health"] if one["alive"] else f"{one['state']} {one['exit_code']}"]
    parts += [f"waits for {one['ask_id']}"] if one["ask_id"] and one["alive"] else []
    parts += [f"verify {one['verify']}"] if one["verify"] else []
    parts += [f"flagged: {one['note'] or '-'}"] if one["flagged"] else []
    parts += [f"up {_span(one['uptime_s'])}"]
    parts += [f"idle {_span(one['idle_s'])}"] if one["idle_s"] is not None else []
    parts += [f"{one['cost_usd']:.4f} USD"]
    return "  ".join(parts)


def _span(seconds: int) -> str:
    if seconds >= 3600:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"


async def flag(verbs: Carrier, asked: Asked) -> Reply:
    worker, note = own(asked, asked.text("id")), asked.text("note")
    fleet = verbs.house.fleet
    kept = await verbs.house.store.write(lambda tx: fleet.raise_flag(tx, worker, note, asked.actor))
    await verbs.note(asked, f"flag {kept}{f' · {note}' if note else ''}")
    return Reply(out=f"flagged {kept}", said=(N_("{worker} is flagged."), {"worker": kept}))


async def unflag(verbs: Carrier, asked: Asked) -> Reply:
    worker = own(asked, asked.text("id"))

    def lower(tx: Tx) -> str:
        row = roster.newest(tx.session, worker)
        if row is None:
            raise Refused("unknown_worker", worker=worker[:80])
        verbs.house.fleet.lower_flag(tx, row)
        return row.id

    kept = await verbs.house.store.write(lower)
    await verbs.note(asked, f"unflag {kept}")
    return Reply(out=f"unflagged {kept}")


async def prune(verbs: Carrier, asked: Asked) -> Reply:
    await verbs.house.fleet.observe()
    gone = await verbs.house.fleet.prune()
    if gone:
        await verbs.pulse.looking.observe()
    return Reply(out=f"pruned {len(gone)} finished worker sessions")


async def tell(verbs: Carrier, asked: Asked) -> Reply:
    await verbs.house.fleet.observe()
    worker, text = asked.text("id"), body_of(asked.text("text"))

    def put(tx: Tx) -> str:
        known = [one.id for one in roster.all_live(tx.session)]
        kept = names.checked(worker, known)
        if roster.newest(tx.session, kept) is None:
            raise Refused("unknown_worker", worker=kept)
        tells.tell(tx, kept, text, asked.told_by)
        return kept

    kept = await verbs.house.store.write(put)
    await verbs.pulse.looking.observe()
    return Reply(out=f"told {kept}", said=(N_("{worker} reads it at its next step."), {"worker": kept}))


async def told(verbs: Carrier, asked: Asked) -> Reply:
    worker = own(asked, asked.text("worker"))
    found = await verbs.house.store.write(lambda tx: tells.take(tx, worker))
    return Reply(out="\n".join(f"• {one}" for one in found))


async def claim(verbs: Carrier, asked: Asked) -> Reply:
    session = own(asked, asked.text("session"))
    await verbs.house.fleet.observe()
    name = names.checked(asked.text("name"))
    await verbs.house.store.write(lambda tx: leases.claim(tx, name, session))
    await verbs.house.fleet.settle_leases()
    await verbs.pulse.looking.observe()
    return Reply(out=f"claimed {name}")


async def unclaim(verbs: Carrier, asked: Asked) -> Reply:
    session = own(asked, asked.text("session")) if asked.worker else asked.text("session")
    name = names.checked(asked.text("name"))
    await verbs.house.fleet.unclaim(name, session)
    await verbs.pulse.looking.observe()
    return Reply(out=f"unclaimed {name}")


async def cost(verbs: Carrier, asked: Asked) -> Reply:
    """What somebody says that they spent. It never makes a metered sum smaller."""
    if asked.text("kind") not in COST_KINDS:
        return Reply(2, err=f"loopos: KIND is one of {', '.join(COST_KINDS)}")
    worker = names.checked(asked.text("id"))
    if asked.text("kind") == "session":
        own(asked, worker)
    amount = external.amount_of(asked.text("usd"))
    if amount is None:
        return Reply(err=f"dropped: {names.shown(asked.text('usd'))[:40]} is no amount that was spent")
    setting = await verbs.house.config()
    by = asked.worker or worker

    def keep(tx: Tx) -> None:
        row = roster.newest(tx.session, by)
        external.report(
            tx,
            names.shown(asked.text("runner")) or "?",
            amount,
            worker_id=by,
            run_id=str(row.run) if row is not None else None,
            ticket_id=row.ticket_id if row is not None else None,
            property_id=row.property_id if row is not None else None,
        )
        if (
            row is not None
            and setting.worker_budget_usd
            and roster.spent(tx.session, row) > setting.worker_budget_usd
        ):
            _tell_over_budget(tx, row, setting.worker_budget_usd)

    await verbs.house.store.write(keep)
    return Reply(out=f"cost · {by} {amount:f} USD")


def _tell_over_budget(tx: Tx, row: WorkerRow, budget: Decimal) -> None:
    if not first_time(tx, f"worker-budget:{row.run}"):
        return
    spent = roster.spent(tx.session, row)
    card_publisher.tell(
        tx,
        tx.services.company.founder,
        lambda words: words(
            N_("{worker} has spent {spent} USD; its budget was {budget}."),
            worker=row.id,
            spent=str(usd(spent)),
            budget=str(usd(budget)),
        ),
    )


async def step(verbs: Carrier, asked: Asked) -> Reply:
    """One step of the built-in worker, for its own process."""
    worker = own(asked, asked.text("worker"))
    house, config = verbs.house, await verbs.house.config()
    builtin = Builtin(
        house.store,
        house.services,
        house.folder.path,
        config.fetch_allow,
        config.worker_budget_usd,
        house.secrets,
    )
    outcome = await builtin.step(worker)
    if outcome.next in {"rest", "end"}:
        await house.fleet.settle_leases()
        await verbs.pulse.looking.observe()
    return Reply(out=json.dumps(outcome.to_json(), ensure_ascii=False))
