"""Every surface on which something is done, held against the one table of acts."""

from __future__ import annotations

import argparse
import ast
import inspect
import types
import typing
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from bot import cli
from bot.api import routes as api_routes
from bot.api.endpoints import ENDPOINTS
from bot.api.openapi import PREFIX
from bot.commands import COMMANDS
from bot.mcp.tools import TOOLS
from bot.oauth import routes as oauth_routes
from bot.pages import signing_in
from bot.serve import http_app
from bot.verbs.grammar import FORMS
from core import phrases
from core.access.credentials import Caller
from core.actors import OPERATOR, Actor, worker_of
from core.acts import commands
from core.acts.commands import Command
from core.acts.table import ACTS, perform
from core.buttons.forms import FORM
from core.buttons.readers import ON_TICKET, STANDALONE, Pressed, read
from core.cards.card import Card
from core.cards.view import Action
from core.clients.errors import ClientError
from core.clients.operations import Operations
from core.company.skills import Skill
from core.errors import Refused
from core.i18n import Words
from core.loop.verbs.table import VERBS
from core.model import LANGUAGES
from core.skills.runner import command_of
from core.store.tables import Approval, Base, Ticket
from core.team.rights import MAY, Part, Right, refusal_of, require
from core.workflow.loop_requests import NEEDS
from tests.clients.conftest import TEAM
from tests.platforms import open_house
from tests.world import STORY, World

ROOT = Path(__file__).parents[2]
PROGRAMS_ACT = [*(one.acts for one in ENDPOINTS), *(one.acts for one in TOOLS.values())]
READERS = {
    **{("ticket", action): reader for action, reader in ON_TICKET.items()},
    **{(kind, action): reader for kind, every in STANDALONE.items() for action, reader in every.items()},
}


def act_of(reader: object) -> set[type]:
    """The commands that a reader says it makes."""
    named = typing.get_type_hints(reader)["return"]
    return set(typing.get_args(named)) if isinstance(named, types.UnionType) else {named}


EVERY_STEP = Skill.model_validate(
    {
        "skill_id": "s", "version": 1, "name": "s", "description": "s",
        "trigger_conditions": {"category": ["pest"]}, "preferred_vendors": ["v"], "auth_cap_usd": "1",
        "sources": {"generated_by": "ben", "generated_at": "2026-01-01T00:00:00Z"},
        "workflow_steps": [
            {"do": "notify_reporter"}, {"do": "ask_reporter", "with": {"text": "sorry"}},
            {"do": "notify_guest"}, {"do": "offer_compensation", "with": {"up_to_usd": "5"}},
            {"do": "escalate", "with": {"to": "lead"}}, {"do": "dispatch_vendor"},
            {"do": "wait_acknowledgement"}, {"do": "follow_up"}, {"do": "check"}, {"do": "close"},
        ],
    }
)  # fmt: skip


def calls_of(name: str) -> list[tuple[str, ast.Call]]:
    """Every call of something of that name, however it was imported: (file, call)."""
    return [
        (path.relative_to(ROOT).as_posix(), node)
        for folder in ("bot", "channels", "core")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and name in {getattr(node.func, "id", ""), getattr(node.func, "attr", "")}
    ]


def drawn_buttons() -> set[str]:
    """The action of every button that any card of ours can have."""
    found = set()
    for path, node in calls_of("ButtonDraft"):
        action = node.args[0]
        assert isinstance(action, ast.Constant), f"{path}:{node.lineno}: a button without a plain action"
        found.add(str(action.value))
    return found


def test_cards_are_made_in_one_folder_and_nothing_there_reaches_a_row() -> None:
    for name in ("CardDraft", "ButtonDraft"):
        outside = {path for path, _ in calls_of(name) if not path.startswith("core/cards/")}
        assert outside <= {"core/outbox/card_publisher.py"}, name  # the same draft without what takes a reply
    for path in (ROOT / "core" / "cards").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            named = (
                [one.name for one in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            for one in named:
                assert one.split(".")[0] not in {"sqlalchemy", "sqlite3", "importlib", "bot", "channels"}, (
                    path
                )


def test_every_button_that_is_drawn_has_a_reader_that_names_its_act() -> None:
    """Which actions there are is a closed set, so that no way of drawing a button (another name for it, a value that is made
    up) passes the type checker with one that nobody reads."""
    actions = {action for _, action in READERS}
    assert set(typing.get_args(Action)) == actions
    assert drawn_buttons() == actions
    for where, reader in READERS.items():
        assert act_of(reader) <= set(ACTS), where


def test_every_chat_command_names_its_acts_or_what_it_reads() -> None:
    for name, command in COMMANDS.items():
        assert command.acts or command.reads is not None, name
        assert set(command.acts) <= set(ACTS), name


def test_every_shell_verb_names_its_acts_or_what_it_reads_or_runs_the_installation() -> None:
    (verbs,) = (one for one in cli.parser()._actions if isinstance(one, argparse._SubParsersAction))
    assert set(verbs.choices) == set(cli.VERBS)
    for name, verb in cli.VERBS.items():
        assert verb.acts or verb.reads or verb.operates, name
        assert {getattr(commands, one) for one in verb.acts} <= set(ACTS), name
        assert not verb.reads or Right(verb.reads), name


WAYS_IN: dict[str, tuple[type[Command], ...] | str] = {
    "POST /consent": oauth_routes.ACTS,
    "POST /signout": signing_in.ACTS,
    "POST /api/v1/company/{kind}/{name}": api_routes.EDIT_ACTS,
    "POST /api/v1/media": "a photo or a recording is kept for the message that comes with it",
    "* /api/v1/{rest}": "there is no such address",
    "POST /signin": "somebody proves who they are",
    "POST /token": "a program shows its own secret",
    "POST /register": "a program says its name",
    "POST /revoke": "a program lets go of its own token",
    "POST /mcp": "a tool, which names its acts",
    "DELETE /mcp": "a program ends its own session",
    "POST /api/messages": "an event, taken in like any message",
    "POST /api/taps": "an event: the button names its act",
    "POST /api/media": "a photo or a recording is kept for the message that comes with it",
    "POST /v/{token}": "an event: the vendor's button names its act",
    "POST /slack/events": "events",
    "POST /telegram/webhook": "events",
    "POST /line/webhook": "events",
}
"""Every address that takes something: what is done there, or why nothing is."""


async def test_every_address_that_takes_something_names_its_acts(tmp_path: Path) -> None:
    async with open_house(tmp_path, TEAM, LOOPOS_BASE_URL="") as house:
        served = http_app(house.app).router.routes()
    there = {
        f"{route.method} {route.resource.canonical}"
        for route in served
        if route.resource is not None and route.method not in {"GET", "HEAD", "OPTIONS"}
    }
    by_endpoint = {f"{one.method} {PREFIX}{one.path}": one for one in ENDPOINTS if one.method != "GET"}
    # Which of the platforms listens here depends on the settings.
    platforms = {name for name, why in WAYS_IN.items() if why == "events"}
    assert there | platforms == {*by_endpoint, *WAYS_IN}
    for name, one in by_endpoint.items():
        assert one.acts or one.files, f"{name} does something and does not say what"
        assert not (one.acts and one.files), name
    assert not any(one.acts or one.files for one in ENDPOINTS if one.method == "GET")
    for acts in WAYS_IN.values():
        assert isinstance(acts, str) or set(acts) <= set(ACTS)


def importers(module: str, names: set[str]) -> set[str]:
    """Files that take one of these from there, under whatever name, or the module as a whole."""
    package, _, last = module.rpartition(".")
    return {
        path.relative_to(ROOT).as_posix()
        for folder in ("bot", "channels", "core")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (
            isinstance(node, ast.ImportFrom)
            and (
                (node.module == module and names & {one.name for one in node.names})
                or (node.module == package and last in {one.name for one in node.names})
            )
        )
        or (isinstance(node, ast.Import) and module in {one.name for one in node.names})
    }


def test_whoever_performs_an_act_is_known() -> None:
    """A new caller says here where its commands are named."""
    assert importers("core.acts.table", {"perform", "ACTS"}) == {
        "bot/clients.py",  # VERBS of bot.cli
        "bot/commands/call.py",  # COMMANDS
        "bot/oauth/routes.py",  # ACTS
        "bot/pages/signing_in.py",  # ACTS
        "bot/setup/init.py",  # VERBS
        "bot/side_acts.py",  # VERBS
        "bot/team.py",  # VERBS
        "channels/link/routes.py",  # a vendor looked
        "core/buttons/taps.py",  # the readers
        "core/clients/operations.py",  # ENDPOINTS, TOOLS
        "core/intake/messages.py",  # an answer in words, a code
        "core/intake/reported_done.py",
        "core/intake/steps.py",
        "core/loop/acting.py",  # its moves
        "core/loop/verbs/asking.py",  # an answer from the shell
        "core/skills/runner.py",  # steps of a skill
        "core/workers/tools.py",  # ProposeDispatch
    }


NOISE = frozenset(
    {
        "inbox",
        "outbox",
        "cards",
        "card_copies",
        "web_messages",
        "jobs",
        "deadlines",
        "notices",
        "counters",
        "usage",
        "buttons",
    }
)
"""What is written because something was said and answered."""


async def test_a_chat_command_that_only_reads_changes_nothing(world: World) -> None:
    await world.says("shirley", STORY)

    def house(session: Session) -> dict[str, list[tuple[object, ...]]]:
        return {
            name: sorted((tuple(row) for row in session.execute(table.select())), key=repr)
            for name, table in Base.metadata.tables.items()
            if name not in NOISE
        }

    reading = [name for name, command in COMMANDS.items() if not command.acts]
    assert {"/tickets", "/skills", "/rules", "/sops", "/cost", "/report"} <= set(reading)
    before = await world.store.read(house)
    for name in reading:
        for more in ("", " T-1001", " taipei_ac_leak", " lockout"):
            await world.says("ben", f"{name}{more}")
    assert await world.store.read(house) == before


async def test_a_program_does_no_more_than_its_door_says(world: World) -> None:
    desk = Operations(world.store, world.app.services)
    person = world.app.services.company.founder
    caller = typing.cast(Caller, SimpleNamespace(person=person, words=Words("en", ZoneInfo("UTC"))))
    with pytest.raises(AssertionError, match="without saying so"):
        await desk.doing((commands.Acknowledge,)).act(caller, "api", commands.Cancel("T-1001"))
    with pytest.raises(ClientError):
        await desk.doing((commands.Cancel,)).act(caller, "api", commands.Cancel("T-1001"))


def test_every_verb_of_the_loop_needs_a_right_and_the_same_one_wherever_it_is_bid() -> None:
    shown = set(FORMS) - {"attach"}  # which reads a file of the home, and tells by "tell"
    assert set(NEEDS) == set(VERBS)
    assert shown <= set(NEEDS)
    for name in shown:
        for act in FORMS[name].acts:
            right = ACTS[getattr(commands, act)].right
            assert right is NEEDS[name] or name == "answer", (
                name
            )  # of what cannot be undone: the founder's alone


@pytest.mark.parametrize("verb", sorted(NEEDS))
async def test_a_worker_does_what_its_right_allows_and_nothing_else(world: World, verb: str) -> None:
    async def may(actor: Actor) -> bool:
        try:
            await world.do(lambda tx: require(tx, actor, NEEDS[verb]))
        except Refused:
            return False
        return True

    decides = {"tick", "run", "goal write", "goal archive", "goal on", "up", "down", "_ run", "sensor write"}
    decides |= {"sensor drop", "playbook write", "playbook undo", "worker start", "answer"}
    assert await may(worker_of("quotes")) == (verb not in decides)
    assert await may(OPERATOR)
    assert await may(Actor("ben", "slack"))
    assert not await may(Actor("operator", "slack"))
    assert not await may(Actor("nobody", "cli"))


def test_every_command_has_one_act_and_every_act_is_done_somewhere() -> None:
    every = {
        one
        for _, one in inspect.getmembers(commands, inspect.isclass)
        if issubclass(one, Command) and one.__subclasses__() == [] and one is not Command
    }
    assert every == set(ACTS)
    by_buttons = set().union(*map(act_of, READERS.values()))
    by_words = {act for command in COMMANDS.values() for act in command.acts}
    by_shell = {getattr(commands, act) for verb in cli.VERBS.values() for act in verb.acts}
    by_programs = {act for acts in PROGRAMS_ACT for act in acts}
    assert by_programs <= every
    by_skills = {
        type(command_of(cast(Ticket, SimpleNamespace(ticket_id="T-1")), one, step))
        for one in [EVERY_STEP]
        for step in one.workflow_steps
    }
    assert all(ACTS[one].right is Right.ROUTINE for one in by_skills)
    assert MAY[Right.ROUTINE] == {Part.ROUTINE}, "no person takes a step of a skill"
    # A stranger's code, and a vendor who looks at the page.
    by_loop = {commands.ProposeDispatch}
    assert ACTS[commands.ProposeDispatch].right is Right.PROPOSE_DISPATCH
    assert [one for one, parts in MAY.items() if Part.WORKER in parts] == [
        Right.PROPOSE_DISPATCH,
        Right.TEND,
        Right.TELL,
        Right.LOOP_STATE,
    ]
    by_pages = {act for acts in WAYS_IN.values() if not isinstance(acts, str) for act in acts}
    assert every - by_buttons - by_words - by_shell - by_programs - by_skills - by_loop - by_pages == {
        commands.Join,
        commands.OpenOffer,
    }


def test_commands_are_values() -> None:
    for one in ACTS:
        assert one.__dataclass_params__.frozen, one  # type: ignore[attr-defined]
    assert commands.Cancel("T-1001") == commands.Cancel("T-1001")


@pytest.mark.parametrize("right", list(Right))
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_right_belongs_to_somebody_and_its_refusal_is_a_sentence_in_five_languages(
    right: Right, language: str
) -> None:
    assert MAY[right]
    english = phrases.REFUSED[refusal_of(right)]
    words = Words(language, ZoneInfo("UTC"))
    said = phrases.refusal(Refused(refusal_of(right), who="Ben"), words)
    assert said
    assert (said == english.replace("{who}", "Ben")) == (language == "en")
    assert "{" not in said


def test_only_who_is_named_on_the_approval_decides_about_money() -> None:
    for one in (commands.Approve, commands.Reject, commands.ChangeAmount, commands.ChangeVendor):
        assert ACTS[one].right is Right.DECIDE
    assert MAY[Right.DECIDE] == {Part.DECIDER}


@pytest.mark.parametrize(
    ("kind", "action"), [("ticket", "shred"), ("join", "approve"), ("nothing", "take"), ("offer", "ack")]
)
def test_a_button_of_another_card_means_nothing(kind: str, action: str) -> None:
    with pytest.raises(Refused) as refused:
        read(kind, kind == "ticket", action, Pressed("T-1001", {}, {}))
    assert refused.value.code == "unknown_button"


@pytest.mark.parametrize("said", ["4_5", "+45", "-1", "10001", "9" * 400, "1e3", "half an hour"])
def test_minutes_that_are_no_plain_number_are_asked_again(said: str) -> None:
    with pytest.raises(Refused) as refused:
        read("ticket", True, "resolve", Pressed("T-1001", {}, {"amount": "10", "minutes": said}))
    assert refused.value.code == "minutes_unclear"


# --- the same act from different surfaces


async def test_the_button_and_the_words_do_the_same(world: World) -> None:
    await world.says("shirley", STORY)
    await (await world.card("ben", "approval")).tap("approve")
    await world.says("shirley", "/ack t1001")
    first = await world.ticket()
    assert first["dispatches"][-1]["acknowledged_by"] == "shirley"
    assert any("T-1001" in text for text in await world.texts("shirley"))
    card = await world.card("shirley", "job")
    assert {"resolve", "unack"} <= set(card.buttons())


@pytest.mark.parametrize("person", ["haru", "celine", "mr_wang_hvac", "nobody", ""])
async def test_whoever_has_no_right_changes_nothing_by_any_act(world: World, person: str) -> None:
    await world.says("shirley", STORY)
    (ticket,) = await world.tickets()
    approval = ticket["approvals"][-1]
    digest = await world.store.read(lambda s: s.get_one(Approval, approval["approval_id"]).digest)
    actor = Actor(person, "web")
    for one in (
        commands.Approve(approval["approval_id"], digest),
        commands.Reject(approval["approval_id"], digest, why="no"),
        commands.Cancel("T-1001"),
        commands.Resolve("T-1001"),
        commands.Correct("T-1001", severity="1"),
        commands.DiscardMessage("x"),
        commands.BlockStranger("x"),
        commands.SetOnCall("celine", ("warm_taipei_2br",)),
        commands.TakeOver("x", ("warm_taipei_2br",)),
        commands.Invite("Eve", "lead", ("en",), (), "UTC"),
        commands.BindGroup("web", "room", "warm_taipei_2br"),
    ):
        with pytest.raises(Refused) as refused:
            await world.do(partial(perform, actor=actor, command=one))
        assert refused.value.code in {"not_yours", "not_for_you"}, one
    assert (await world.tickets()) == [ticket]


def test_a_form_is_no_act_of_its_own() -> None:
    """Its buttons are answers; the last one presses the button that opened it."""
    assert FORM not in STANDALONE
    assert Card(kind=FORM, title="", lead="").kind == FORM
