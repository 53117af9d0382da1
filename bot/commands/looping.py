"""Commands to the control loop: each is owed to it, and it answers here when it is done."""

from __future__ import annotations

from bot.commands.call import Call
from core.acts import commands as do
from core.errors import Refused


def goals(call: Call) -> None:
    call.do(do.LookAtGoals(_here(call)))


def goal(call: Call) -> None:
    """`/goal ID`, `/goal write ID TEXT`, `/goal archive ID`, `/goal on JOB`"""
    verb, rest = ([*call.said.split(None, 1), "", ""])[:2]
    goal_id, body = ([*rest.split(None, 1), "", ""])[:2]
    match verb.casefold():
        case "write":
            if not goal_id or not body.strip():
                raise Refused("text_needed")
            call.do(do.WriteGoal(_here(call), goal_id, f"goal: {body.strip().removeprefix('goal:').strip()}"))
        case "archive":
            call.do(do.ArchiveGoal(_here(call), goal_id))
        case "on":
            call.do(do.SwitchOnJob(_here(call), goal_id))
        case "":
            raise Refused("text_needed")
        case _:
            call.do(do.LookAtGoal(_here(call), call.words_after))


def run(call: Call) -> None:
    if not call.words_after:
        raise Refused("text_needed")
    call.do(do.RunGoal(_here(call), call.words_after))


def tick(call: Call) -> None:
    call.do(do.Beat(_here(call)))


def playbook(call: Call) -> None:
    if call.words_after.casefold() == "undo":
        call.do(do.RestorePlaybook(_here(call)))
    elif call.said.strip():
        call.do(do.WritePlaybook(_here(call), call.said.strip()))
    else:
        call.do(do.LookAtPlaybook(_here(call)))


def workers(call: Call) -> None:
    call.do(do.LookAtWorkers(_here(call)))


def tell(call: Call) -> None:
    """`/tell WORKER TEXT`"""
    worker, text = _named(call)
    call.do(do.TellWorker(_here(call), worker, text))


def ask(call: Call) -> None:
    """`/ask NAME TEXT`: a person, a role, or a worker"""
    name, text = _named(call)
    call.do(do.AskAbout(_here(call), name, text))


def _named(call: Call) -> tuple[str, str]:
    name, text = ([*call.said.split(None, 1), "", ""])[:2]
    if not name or not text.strip():
        raise Refused("text_needed")
    return name, text.strip()


def up(call: Call) -> None:
    call.do(do.StartLoop(_here(call)))


def down(call: Call) -> None:
    call.do(do.StopLoop(_here(call)))


def _here(call: Call) -> str:
    """Where it answers: where nobody else reads along."""
    alone = call.alone()
    return alone[0].conversation_id if alone else call.address.conversation_id
