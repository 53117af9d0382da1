"""The chat commands: the same words on every platform. Each acts with the rights of who typed it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from bot.commands import asking, cost, learnt, looping, people, programs, system, tickets
from bot.commands.call import Call
from core.acts import commands as do
from core.acts.commands import Command
from core.context import Tx, Typed
from core.errors import Refused
from core.i18n import N_, Words
from core.team.rights import Right
from core.text import shorten


def _help(call: Call) -> None:
    words = call.reader.words
    lines = [
        words("Write what is wrong and where. I find the vendor, ask whoever must decide, and keep at it.")
    ]
    for name, command in COMMANDS.items():
        examples = f" ({', '.join(command.examples)})" if command.examples else ""
        lines.append(f"{name} – {words(command.about)}{examples}")
    call.reply("\n".join(lines))


@dataclass(frozen=True)
class ChatCommand:
    run: Callable[[Call], None]
    about: str
    examples: tuple[str, ...] = ()
    """As they are typed; the same in every language."""
    acts: tuple[type[Command], ...] = ()
    """What it may do to the company; nothing else. One that does nothing is looked up beside the writers."""
    reads: Right | None = None
    """The right to what it shows (of one that also does something: without words after it)."""


COMMANDS: Final = {
    "/help": ChatCommand(_help, N_("what I can do"), reads=Right.READ),
    "/tickets": ChatCommand(tickets.tickets, N_("the open tickets"), reads=Right.READ),
    "/ticket": ChatCommand(
        tickets.ticket, N_("one ticket with its history"), ("/ticket T-1001",), reads=Right.READ
    ),
    "/approve": ChatCommand(
        tickets.approve, N_("show a card again with its buttons"), ("/approve T-1001",), reads=Right.READ
    ),
    "/ack": ChatCommand(tickets.ack, N_("“I have it”"), ("/ack T-1001",), acts=(do.Acknowledge,)),
    "/resolve": ChatCommand(
        tickets.resolve,
        N_("“it is done”, with what it cost"),
        ("/resolve T-1001 132 new drain pan",),
        acts=(do.Resolve, do.CorrectBill),
    ),
    "/brain": ChatCommand(system.brain, N_("ask what we know"), ("/brain AC Taipei",), reads=Right.READ),
    "/memo": ChatCommand(
        learnt.memo,
        N_("something I should know from now on, in words or as a voice note"),
        ("/memo Water in Taipei: ring Mr. Wang first",),
        acts=(do.ProposeMemo,),
    ),
    "/asks": ChatCommand(asking.asks, N_("what is asked and waits for an answer"), reads=Right.READ),
    "/answer": ChatCommand(
        asking.answer, N_("answer a question"), ("/answer inbox-3 the blue key",), acts=(do.AnswerAsk,)
    ),
    "/goals": ChatCommand(looping.goals, N_("what the control loop works towards"), acts=(do.LookAtGoals,)),
    "/goal": ChatCommand(
        looping.goal,
        N_("one goal; write or put away one"),
        (
            "/goal rent",
            "/goal write rent every rent is in by the 5th",
            "/goal archive rent",
            "/goal on three-quotes",
        ),
        acts=(do.LookAtGoal, do.WriteGoal, do.ArchiveGoal, do.SwitchOnJob),
    ),
    "/workers": ChatCommand(looping.workers, N_("who works for the control loop"), acts=(do.LookAtWorkers,)),
    "/tell": ChatCommand(
        looping.tell,
        N_("tell a worker something"),
        ("/tell quotes the cap is 200 USD",),
        acts=(do.TellWorker,),
    ),
    "/ask": ChatCommand(
        looping.ask,
        N_("ask a person or a worker something, with an answer to you"),
        ("/ask celine Is the pump on site?",),
        acts=(do.AskAbout,),
    ),
    "/run": ChatCommand(looping.run, N_("one move for a goal, now"), ("/run rent",), acts=(do.RunGoal,)),
    "/tick": ChatCommand(looping.tick, N_("one beat of the control loop, now"), acts=(do.Beat,)),
    "/playbook": ChatCommand(
        looping.playbook,
        N_("how the control loop decides; with words after it, written anew"),
        acts=(do.LookAtPlaybook, do.WritePlaybook, do.RestorePlaybook),
    ),
    "/up": ChatCommand(looping.up, N_("start the control loop"), acts=(do.StartLoop,)),
    "/down": ChatCommand(looping.down, N_("stop the control loop; tickets go on"), acts=(do.StopLoop,)),
    "/sops": ChatCommand(
        learnt.procedures,
        N_("how things are done here"),
        ("/sops lockout", "/sops new"),
        reads=Right.READ,
    ),
    "/skills": ChatCommand(
        learnt.skills, N_("the routines that were learnt"), ("/skills taipei_ac_leak",), reads=Right.READ
    ),
    "/rules": ChatCommand(learnt.rules, N_("the rules, in force and proposed"), reads=Right.READ),
    "/oncall": ChatCommand(
        people.oncall,
        N_("who is on, and who is on instead of me"),
        ("/oncall haru 8h", "/oncall me"),
        acts=(do.SetOnCall, do.EndOnCall),
        reads=Right.READ,
    ),
    "/status": ChatCommand(system.status, N_("how I am"), reads=Right.READ),
    "/cost": ChatCommand(
        cost.cost,
        N_("what the models cost, in sums and as a picture"),
        ("/cost week", "/cost month Bali Villa"),
        reads=Right.SPENDING,
    ),
    "/report": ChatCommand(
        cost.statement,
        N_("what a property really cost, to be sent to its owner"),
        ("/report Bali Villa 2026-11",),
        reads=Right.STATEMENT,
    ),
    "/corrections": ChatCommand(
        system.corrections,
        N_("what I was taught, and how to take it back"),
        acts=(do.UndoCorrection, do.ReviewCorrection),
        reads=Right.CORRECTIONS,
    ),
    "/lang": ChatCommand(
        people.lang,
        N_("my language for you"),
        ("/lang en", "/lang zh-TW", "/lang ja", "/lang id", "/lang es"),
        acts=(do.ChooseLanguage,),
    ),
    "/link": ChatCommand(
        people.link, N_("one more account of yours, with a code that works once"), acts=(do.MakeLinkCode,)
    ),
    "/invite": ChatCommand(
        people.invite, N_("a code for somebody new"), ("/invite Dewi bali_villa",), acts=(do.Invite,)
    ),
    "/dashboard": ChatCommand(
        programs.dashboard, N_("the page with everything, signed in as you"), acts=(do.MakeSignInCode,)
    ),
    "/clients": ChatCommand(
        programs.clients, N_("which programs and browsers act for me"), acts=(), reads=Right.READ
    ),
    "/team": ChatCommand(
        people.team,
        N_("who is of the team"),
        ("/team remove dewi", "/team unlink telegram 1002"),
        acts=(do.RemovePerson, do.UnlinkAccount),
        reads=Right.READ,
    ),
    "/bind": ChatCommand(
        people.bind,
        N_("this group is about one property"),
        ("/bind bali_villa", "/bind off"),
        acts=(do.BindGroup, do.UnbindGroup),
    ),
}


ALIASES: Final = {"/start": "/help"}
"""What platforms send by themselves when somebody opens the chat."""


def menu(language: str) -> list[tuple[str, str]]:
    """(command without its slash, what it does) for a platform's own menu."""
    words = Words(language, ZoneInfo("UTC"))
    return [(name.removeprefix("/"), words(command.about)) for name, command in COMMANDS.items()]


class ChatCommands:
    """core.context.Commands over the table above."""

    def looks(self, text: str) -> bool:
        name, rest = _named(text)
        command = COMMANDS.get(name)
        return command is not None and (not command.acts or (command.reads is not None and not rest))

    def question_in(self, text: str) -> str:
        """What is asked of all that the company knows; empty where nothing is."""
        name, rest = _named(text)
        return rest if name == "/brain" else ""

    def look(self, tx: Tx, typed: Typed) -> Callable[[Tx], None]:
        return self._called(tx, typed).finish

    def run(self, tx: Tx, typed: Typed) -> None:
        self._called(tx, typed).finish(tx)

    @staticmethod
    def _called(tx: Tx, typed: Typed) -> Call:
        name, rest = _named(typed.text)
        command = COMMANDS.get(name)
        if command is None:
            raise Refused("unknown_command", name=shorten(typed.text.strip().partition(" ")[0], 30))
        said = ([*typed.raw.split(None, 1), "", ""])[1].strip()
        call = Call(
            tx, typed.person, typed.address, typed.reader, rest, typed.room, command.acts, typed.near, said
        )
        command.run(call)
        return call


def _named(text: str) -> tuple[str, str]:
    """(the command, what was said after it)"""
    name, *rest = text.split(None, 1) or [""]
    said = name.casefold().split("@")[0]
    return ALIASES.get(said, said), " ".join("".join(rest).split())
