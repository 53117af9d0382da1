"""What the loop goes by: goals, sensors, PLAYBOOK, schedules."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

from core import names
from core.errors import Refused
from core.i18n import N_
from core.loop import schedules
from core.loop.judging import NotDone
from core.loop.moves import WriteSensor, line_of
from core.loop.sensing import sensors_in
from core.loop.shell_gate import judge
from core.loop.verbs.call import Asked, Carrier, Reply, body_of
from core.workers import jobs


async def goal_write(verbs: Carrier, asked: Asked) -> Reply:
    body = body_of(asked.text("body"))
    kept = await asyncio.to_thread(verbs.house.folder.write_goal, asked.text("id"), body)
    line = await verbs.note(asked, f"write-goal {kept}", goal=kept)
    config = await verbs.house.config()
    said = N_("The goal {goal} is written.")
    if config.decides(model=verbs.pulse.model is not None) == "reflexes":
        said = N_("The goal {goal} is written. Without a language model nobody works on it by itself.")
    return Reply(out=line, said=(said, {"goal": kept}))


async def goal_archive(verbs: Carrier, asked: Asked) -> Reply:
    kept = await asyncio.to_thread(verbs.house.folder.archive_goal, asked.text("id"))
    line = await verbs.note(asked, f"archive-goal {kept}", goal=kept)
    return Reply(out=line, said=(N_("The goal {goal} is put away."), {"goal": kept}))


async def goal_on(verbs: Carrier, asked: Asked) -> Reply:
    """One of the jobs that come with the house is a goal from now on."""
    name = asked.text("id")
    shipped = jobs.job(name)
    if shipped is None:
        there = ", ".join(jobs.ABOUT)
        return Reply(1, err=f"there is no job {names.shown(name)}; there are: {there}",
                     refused=Refused("unknown_job", job=names.shown(name), jobs=there))  # fmt: skip
    return await goal_write(verbs, replace(asked, args={**asked.args, "id": name, "body": shipped.goal}))


async def goal_jobs(verbs: Carrier, asked: Asked) -> Reply:
    """What can be switched on."""
    live = await asyncio.to_thread(verbs.house.folder.goals)
    if asked.args.get("json"):
        return Reply(
            out=json.dumps(
                [{"id": name, "about": one, "on": name in live} for name, one in jobs.ABOUT.items()]
            )
        )
    return Reply(
        out="\n".join(
            f"{name}  {'on ' if name in live else 'off'}  {one}" for name, one in jobs.ABOUT.items()
        )
    )


async def goal_list(verbs: Carrier, asked: Asked) -> Reply:
    found = await asyncio.to_thread(verbs.house.folder.goals)
    heads = {name: title_of(body) for name, body in found.items()}
    if asked.args.get("json"):
        return Reply(
            out=json.dumps([{"id": name, "goal": head} for name, head in heads.items()], ensure_ascii=False)
        )
    text = "\n".join(f"{name}  {head}" for name, head in heads.items())
    left = ", ".join(name for name in jobs.ABOUT if name not in heads)
    said = (N_("There are no goals."), dict[str, str]()) if not text else None
    if text and left:
        said = (
            N_("{goals}\n\n/goal on NAME switches one of these on: {jobs}"),
            {"goals": text, "jobs": left},
        )
    return Reply(out=text, said=said)


def title_of(body: str) -> str:
    """The line that says what a goal is."""
    lines = [one.strip() for one in body.splitlines() if one.strip() and one.strip() != "---"]
    named = next((one for one in lines if one.startswith("goal:")), lines[0] if lines else "")
    return named.removeprefix("goal:").strip()[:200]


async def goal_show(verbs: Carrier, asked: Asked) -> Reply:
    return Reply(out=await asyncio.to_thread(verbs.house.folder.goal, asked.text("id")))


async def sensor_write(verbs: Carrier, asked: Asked) -> Reply:
    script, config = body_of(asked.text("script")), await verbs.house.config()
    verdict = await asyncio.to_thread(judge, script, config.shell_allow, config.fetch_allow)
    if verdict.kind == "refused":
        raise NotDone("refused", verdict.why)
    kept = await asyncio.to_thread(verbs.house.folder.write_sensor, asked.text("name"), script)
    move = WriteSensor(action="write_sensor", name=kept, script=script)
    line = await verbs.note(asked, line_of(move))
    pending = await verbs.pulse.pending_sensor(kept)
    who = verbs.house.services.company.founder.id
    return Reply(out=line, err=f"asked {who}: {pending}" if pending else "")


async def sensor_list(verbs: Carrier, asked: Asked) -> Reply:
    found = await asyncio.to_thread(sensors_in, verbs.house.folder.path / "sensors")
    if asked.args.get("json"):
        return Reply(out=json.dumps([one.name for one in found]))
    return Reply(out="\n".join(one.name for one in found))


async def sensor_show(verbs: Carrier, asked: Asked) -> Reply:
    return Reply(out=await asyncio.to_thread(verbs.house.folder.sensor, asked.text("name")))


async def sensor_drop(verbs: Carrier, asked: Asked) -> Reply:
    kept = await asyncio.to_thread(verbs.house.folder.drop_sensor, asked.text("name"))
    return Reply(out=await verbs.note(asked, f"drop-sensor {kept}"))


async def playbook_write(verbs: Carrier, asked: Asked) -> Reply:
    now = verbs.house.services.clock.now()
    await asyncio.to_thread(verbs.house.folder.write_playbook, body_of(asked.text("body")), now)
    line = await verbs.note(asked, "write-playbook")
    return Reply(
        out=line, said=(N_("The PLAYBOOK is written. /playbook undo brings the former one back."), {})
    )


async def playbook_undo(verbs: Carrier, asked: Asked) -> Reply:
    former = await asyncio.to_thread(verbs.house.folder.former_playbook)
    if not former:
        raise Refused("no_former")
    now = verbs.house.services.clock.now()
    await asyncio.to_thread(verbs.house.folder.write_playbook, former, now)
    line = await verbs.note(asked, "write-playbook · the former one again")
    return Reply(out=line, said=(N_("The former PLAYBOOK holds again."), {}))


async def playbook_show(verbs: Carrier, asked: Asked) -> Reply:
    return Reply(out=await asyncio.to_thread(verbs.house.folder.playbook))


async def schedule_write(verbs: Carrier, asked: Asked) -> Reply:
    now = verbs.house.services.clock.now()
    plan = schedules.new_schedule(
        now,
        asked.args.get("in"),
        asked.args.get("every"),
        asked.text("note"),
        asked.text("if_missed") or "run_once",
    )
    folder = verbs.house.folder.path / "schedules"
    kept = await asyncio.to_thread(schedules.write, folder, asked.text("name"), plan)
    line = await verbs.note(asked, f"write-schedule {kept}")
    verbs.pulse.plan_again()
    return Reply(out=line)


async def schedule_rm(verbs: Carrier, asked: Asked) -> Reply:
    folder = verbs.house.folder.path / "schedules"
    kept = await asyncio.to_thread(schedules.drop, folder, asked.text("name"))
    return Reply(out=await verbs.note(asked, f"drop-schedule {kept}"))


async def schedule_list(verbs: Carrier, asked: Asked) -> Reply:
    plans = await asyncio.to_thread(schedules.read_all, verbs.house.folder.path / "schedules")
    found = schedules.signals(plans, verbs.house.services.clock.now())
    if asked.args.get("json"):
        return Reply(out=json.dumps(found, ensure_ascii=False))
    notes = {name: one.note for name, one in plans.items() if one is not None}
    return Reply(
        out="\n".join(f"{name}  {one}  {notes.get(name, '')}".rstrip() for name, one in found.items())
    )
