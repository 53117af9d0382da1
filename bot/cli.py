"""The `loopos` command. Errors are one clear line and what to do next; 0 done, 1 failed, 2 wrong use."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.verbs.grammar import ALONE, FORMS, NAMES, is_verb
from core.errors import LoopOSError, StartupError

Handler = Callable[[argparse.Namespace], int]
AddVerb = Callable[..., argparse.ArgumentParser]
"""(name, handler, about, whether it prints JSON) -> its parser."""


def _serve(_args: argparse.Namespace) -> int:
    from bot.log import set_up
    from bot.serve import run
    from bot.settings import read_settings

    settings = read_settings()
    set_up(settings.log_level, for_good=True)
    return run(settings)


def _demo(args: argparse.Namespace) -> int:
    from bot.demo import run
    from bot.log import set_up

    set_up("ERROR")
    return run(as_json=args.json)


def _init(args: argparse.Namespace) -> int:
    from bot.log import set_up
    from bot.setup.init import run

    set_up("ERROR")
    return run(take_defaults=args.yes_to_defaults)


def _doctor(args: argparse.Namespace) -> int:
    from bot.log import set_up

    set_up("ERROR")
    if args.button:
        from bot.setup.button import run as press

        return press(args.timeout, as_json=args.json)
    from bot.setup.doctor import run

    return run(as_json=args.json)


def _slack_manifest(args: argparse.Namespace) -> int:
    from bot.setup.init import print_manifest

    return print_manifest(as_yaml=args.yaml)


def _db_upgrade(_args: argparse.Namespace) -> int:
    from bot.settings import read_settings
    from core.store import schema

    settings = read_settings()
    done = schema.upgrade(settings.database)
    print(f"The database is at schema {schema.HEAD}" + ("." if done else " already."))
    return 0


def _tickets(args: argparse.Namespace) -> int:
    from bot import listing

    return listing.tickets(args.status, args.property, args.limit, as_json=args.json)


def _ticket(args: argparse.Namespace) -> int:
    from bot import listing

    return listing.ticket(args.id, as_json=args.json)


def _team(args: argparse.Namespace) -> int:
    from bot import views

    if args.what == "ls":
        return views.team(as_json=args.json)
    from bot import team
    from bot.log import set_up

    set_up("ERROR")
    match args.what:
        case "remove":
            return team.remove(args.person, as_json=args.json)
        case _:
            return team.unlink(args.channel, args.account, as_json=args.json)


def _clients(args: argparse.Namespace) -> int:
    from bot import views

    if args.what == "ls":
        return views.clients(as_json=args.json)
    if args.what == "webhooks" and args.remove is None:
        return views.webhooks(as_json=args.json)
    from bot import clients
    from bot.log import set_up

    set_up("ERROR")
    match args.what:
        case "token":
            return clients.token(
                args.person, args.name, args.scope, args.audience, args.days, as_json=args.json
            )
        case "revoke":
            return clients.revoke(args.client_id, as_json=args.json)
        case "webhook":
            return clients.webhook(args.url, as_json=args.json)
        case _:
            return clients.remove_webhook(args.remove, as_json=args.json)


def _cost(args: argparse.Namespace) -> int:
    from bot import spending

    return spending.cost(args.period, args.property, as_json=args.json)


def _report(args: argparse.Namespace) -> int:
    from bot import spending

    return spending.statement_of(args.property, args.month, args.csv, args.pdf)


def _brain_query(args: argparse.Namespace) -> int:
    from bot import brain

    if (args.file is None) != bool(args.text):
        print("loopos: give a question, or a file with --file", file=sys.stderr)
        return 2
    asked = brain.Asked(" ".join(args.text), args.property, args.category, args.person)
    return brain.query(asked, args.file, args.limit, args.engine, as_json=args.json)


_SKILL_VERBS: Final = {
    "ls": "all of them",
    "show": "one of them with its steps and its record",
    "try": "what it would have done with past tickets",
    "export": "as an agent card (agent.json)",
    "approve": "the founder's yes to what is proposed: it runs from the commit on",
    "reject": "the founder's no to what is proposed",
    "rollback": "the version before it runs again, or none",
}


def _company(args: argparse.Namespace) -> int:
    if args.what == "approve":
        from bot import company

        return company.approve(args.person, as_json=args.json)
    from bot import views

    return views.company(as_json=args.json)


def _learn(args: argparse.Namespace) -> int:
    from bot import learn

    return learn.now(as_json=args.json)


_RULE_VERBS: Final = {
    "ls": "in force, proposed, over",
    "show": "one of them with its evidence and its diff",
    "approve": "the founder's yes to what is proposed: it holds from the commit on",
    "reject": "the founder's no to what is proposed",
    "rollback": "it holds no more",
    "edit": "another value, before it is adopted",
    "ship": "bring what holds to the company's remote now, one or all; 1: not yet",
}


def _rules(args: argparse.Namespace) -> int:
    from bot import views

    match args.what:
        case "ls":
            return views.rules(as_json=args.json)
        case "show":
            return views.rule(args.rule, as_json=args.json)
    from bot import rules

    match args.what:
        case "ship":
            return rules.ship(args.rule, as_json=args.json)
        case what:
            return rules.decide(what, args.rule, args.changes, args.person, as_json=args.json)


def _skills(args: argparse.Namespace) -> int:
    from bot import views

    match args.what:
        case "ls":
            return views.skills(as_json=args.json)
        case "show":
            return views.skill(args.skill, args.version, as_json=args.json)
        case "export":
            return views.skill_exported(args.skill)
    from bot import skills

    match args.what:
        case "try":
            return skills.try_out(args.skill, as_json=args.json)
        case what:
            return skills.decide(what, args.skill, args.version, args.person, as_json=args.json)


def _memo(args: argparse.Namespace) -> int:
    from bot import views

    match args.what:
        case "ls":
            return views.memos(every=args.all, as_json=args.json)
        case "show":
            return views.memo(args.memo, as_json=args.json)
    from bot import memos

    if args.what == "retire":
        return memos.retire(args.memo, args.person, as_json=args.json)
    text = " ".join(args.text)
    return memos.add(text, args.audio, args.property, args.category, args.person, as_json=args.json)


def _import(args: argparse.Namespace) -> int:
    from bot import importing

    return importing.bring_in(
        args.kind, args.file, dry_run=args.dry_run, as_json=args.json, channels=args.channel
    )


def _brain_reindex(args: argparse.Namespace) -> int:
    from bot import brain

    return brain.reindex(as_json=args.json)


def _triage(args: argparse.Namespace) -> int:
    from bot import reading, understanding
    from bot.log import set_up

    set_up("ERROR")  # only JSON lines on standard output
    if args.train is not None:
        return understanding.train(args.train)
    if args.rollback:
        return understanding.roll_back()
    if args.explain:
        return reading.explain(args.explain)
    if args.score:
        return reading.score(args.score)
    return reading.triage(args.file)


@dataclass(frozen=True)
class Verb:
    """What a verb may do, by name: nothing heavy is imported before it is known which one runs."""

    acts: tuple[str, ...] = ()
    """Commands of core.acts.commands."""
    reads: str = ""
    """A right of core.team.rights. Whoever has a shell on the home has them all; the name says what is shown."""
    operates: bool = False
    """It runs or sets up the installation, and does nothing to the company."""


VERBS: Final = {
    "serve": Verb(operates=True),
    "demo": Verb(operates=True),
    "init": Verb(acts=("MakeLinkCode",), operates=True),
    "doctor": Verb(operates=True),
    "slack": Verb(operates=True),
    "db": Verb(operates=True),
    "tickets": Verb(reads="read"),
    "ticket": Verb(reads="read"),
    "brain": Verb(reads="read"),
    "import": Verb(operates=True),
    "memo": Verb(acts=("ProposeMemo", "RetireMemo"), reads="read"),
    "learn": Verb(operates=True),
    "company": Verb(acts=("ApproveCompany",), operates=True),
    "rules": Verb(acts=("AdoptRule", "DismissRule", "RollBackRule", "EditRule"), reads="read"),
    "skills": Verb(acts=("AdoptSkill", "DismissSkill", "RollBackSkill"), reads="read"),
    "team": Verb(acts=("RemovePerson", "UnlinkAccount"), reads="read"),
    "clients": Verb(acts=("MakeToken", "RevokeClient", "AddWebhook", "RemoveWebhook"), reads="team"),
    "cost": Verb(reads="spending"),
    "report": Verb(reads="statement"),
    "triage": Verb(reads="read", operates=True),
    **{
        name: Verb(
            tuple(act for one, form in FORMS.items() if one.split()[0] == name for act in form.acts),
            operates=True,
        )
        for name in NAMES
    },
}


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="loopos", description="The back office that chases.")
    top.set_defaults(handler=_serve)
    verbs = top.add_subparsers(metavar="COMMAND")

    def verb(name: str, handler: Handler, about: str, json: bool = False) -> argparse.ArgumentParser:
        assert name in VERBS, f"{name} does not say what it may do"
        one = verbs.add_parser(name, help=about, description=about)
        one.set_defaults(handler=handler)
        if json:
            one.add_argument("--json", action="store_true", help="print JSON")
        return one

    _add_running(verb)
    _add_reading(verb)
    _add_knowledge(verb)
    _add_people(verb)
    _add_loop(verb)
    return top


def _add_running(verb: AddVerb) -> None:
    """What runs or sets up the installation."""
    serve = verb("serve", _serve, "run the service (the default)")
    serve.add_argument("--role", choices=["all"], default="all", help="which part of the service to run")
    verb("demo", _demo, "play the first story in this terminal, offline", True)
    init = verb(
        "init", _init, "set LoopOS up: asks, checks each token at once, registers, lets the founder in"
    )
    init.add_argument(
        "--yes-to-defaults", action="store_true", help="ask nothing: use the tokens that are configured"
    )
    doctor = verb("doctor", _doctor, "look for what is wrong, each finding with its cure", True)
    doctor.add_argument(
        "--button",
        action="store_true",
        help="send the founder a test button on each platform, await the taps",
    )
    doctor.add_argument(
        "--timeout", type=_positive, default=120, metavar="SECONDS", help="how long to wait for a tap (120)"
    )
    slack = verb("slack", lambda _: 2, "what Slack needs").add_subparsers(metavar="COMMAND", required=True)
    manifest = slack.add_parser("manifest", help="print the app manifest to paste at api.slack.com/apps")
    manifest.set_defaults(handler=_slack_manifest)
    form = manifest.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON (the default)")
    form.add_argument("--yaml", action="store_true", help="as YAML")
    database = verb("db", lambda _: 2, "the database").add_subparsers(metavar="COMMAND", required=True)
    upgrade = database.add_parser("upgrade", help="migrate the database")
    upgrade.set_defaults(handler=_db_upgrade)


def _add_reading(verb: AddVerb) -> None:
    """What only looks."""
    tickets = verb("tickets", _tickets, "all tickets, oldest first", True)
    tickets.add_argument("--status")
    tickets.add_argument("--property")
    tickets.add_argument("--limit", type=_positive)
    verb("ticket", _ticket, "one ticket with its history", True).add_argument("id")
    cost = verb("cost", _cost, "what the models cost", True)
    cost.add_argument("period", nargs="?", choices=["today", "week", "month", "all"], default="month")
    cost.add_argument("--property")
    report = verb("report", _report, "what a property really cost in a month, for its owner")
    report.add_argument("property")
    report.add_argument("month", nargs="?", metavar="YYYY-MM", help="the present month without it")
    report.add_argument("--csv", metavar="FILE")
    report.add_argument("--pdf", metavar="FILE")
    triage = verb("triage", _triage, "understand JSON lines with id and text")
    triage.add_argument("--file", help="JSON lines; standard input without it")
    triage.add_argument("--explain", metavar="TEXT", help="what is read from TEXT, and from which words")
    triage.add_argument("--score", metavar="GOLD", help="how well a labelled file is read")
    triage.add_argument(
        "--train",
        nargs="?",
        const="",
        metavar="FOLDER",
        help="train on a corpus; the shipped one without FOLDER",
    )
    triage.add_argument(
        "--rollback", action="store_true", help="go back to the model before the last training"
    )


def _add_knowledge(verb: AddVerb) -> None:
    """What the company knows, and how it gets to know it."""
    brain = verb("brain", lambda _: 2, "what the company knows").add_subparsers(
        metavar="COMMAND", required=True
    )
    query = brain.add_parser("query", help="ask what the company knows")
    query.set_defaults(handler=_brain_query)
    query.add_argument("text", nargs="*")
    query.add_argument("--property")
    query.add_argument("--category")
    query.add_argument("--as", dest="person", metavar="PERSON", help="with this person's rights")
    query.add_argument(
        "--limit", type=_positive, default=5, metavar="N", help="sources at most; 5 without it"
    )
    query.add_argument(
        "--engine",
        choices=("lexical", "embeddings", "fused"),
        help="how it is ranked; without it as well as can be",
    )
    folder = verb("company", _company, "the company's files: what was left out, what waits for a yes", True)
    folder.set_defaults(what="show", person="")
    yes = folder.add_subparsers(metavar="COMMAND").add_parser(
        "approve", help="the founder's yes to all that waits"
    )
    yes.add_argument("--as", dest="person", required=True, metavar="PERSON")
    yes.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    yes.set_defaults(what="approve")
    verb("learn", _learn, "look now for what repeats, as every night", True)
    _add_decided(verb, "rules", _rules, "rule", _RULE_VERBS)
    _add_decided(verb, "skills", _skills, "skill", _SKILL_VERBS)
    memo = verb("memo", _memo, "the founder's memos", True)
    memo.set_defaults(what="ls", memo=None, all=False)
    memo_verbs = memo.add_subparsers(metavar="COMMAND")
    listed = memo_verbs.add_parser("ls", help="those that hold")
    listed.add_argument("--all", action="store_true", help="also those that hold no more")
    one_memo = memo_verbs.add_parser("show", help="one of them, with all that is kept of it")
    one_memo.add_argument("memo")
    one_memo.set_defaults(what="show")
    added = memo_verbs.add_parser("add", help="one more; it counts once the founder confirms it")
    added.add_argument("text", nargs="+", metavar="TEXT", help="the words; - for standard input")
    added.add_argument("--audio", metavar="FILE", help="the recording they are from")
    added.add_argument("--property", default="")
    added.add_argument("--category", default="")
    added.add_argument("--as", dest="person", metavar="PERSON", help="who says so; the founder without it")
    added.set_defaults(what="add")
    retired = memo_verbs.add_parser(
        "retire", help="nothing uses it from the next message on; it stays in the file"
    )
    retired.add_argument("memo")
    retired.add_argument("--as", dest="person", required=True, metavar="PERSON", help="who says so")
    retired.set_defaults(what="retire")
    for one in (listed, one_memo, added, retired):
        one.add_argument("--json", action="store_true", default=argparse.SUPPRESS)
    bring = verb("import", _import, "many entries into the company's files, all or none", True)
    bring.add_argument("kind", choices=["memos", "sops", "resolutions", "properties", "vendors", "team"])
    bring.add_argument("file", help="CSV, a JSON array; for sops Markdown, for memos an export of Slack")
    bring.add_argument(
        "--channel", action="append", default=[], metavar="NAME", help="of an export of Slack; all without it"
    )
    bring.add_argument("--dry-run", action="store_true", help="say what would change, write nothing")
    index = brain.add_parser("reindex", help="make the vectors that are missing")
    index.set_defaults(handler=_brain_reindex)
    index.add_argument("--json", action="store_true")
    query.add_argument("--file", help="JSON lines with id and text, perhaps property, category and as")
    query.add_argument("--json", action="store_true")


def _add_decided(verb: AddVerb, name: str, handler: Handler, thing: str, verbs: Mapping[str, str]) -> None:
    """What was learnt: read by all, decided by the founder."""
    top = verb(name, handler, f"the {name} that were learnt", True)
    top.set_defaults(what="ls", version=None, changes=[], person="", **{thing: None})
    under = top.add_subparsers(metavar="COMMAND")
    for what, about in verbs.items():
        one = under.add_parser(what, help=about)
        one.set_defaults(what=what)
        one.add_argument("--json", action="store_true", help="print JSON", default=argparse.SUPPRESS)
        if what != "ls":
            one.add_argument(thing, nargs="?" if what == "ship" else None)
        if what == "edit":
            one.add_argument("changes", nargs="+", metavar="KEY=VALUE")
        if thing == "skill" and what in {"show", "approve", "reject"}:
            one.add_argument("--version", type=_positive, metavar="N", default=argparse.SUPPRESS)
        if what in {"approve", "reject", "rollback", "edit"}:
            one.add_argument("--as", dest="person", required=True, metavar="PERSON")


def _add_loop(verb: AddVerb) -> None:
    """The control loop: bot.verbs reads what is typed after these, which argparse cannot."""
    for name in sorted(NAMES - ALONE):
        forms = [form for one, form in FORMS.items() if one.split()[0] == name]
        verb(name, lambda _: 2, "; ".join(form.about for form in forms))
    verb("run", lambda _: 2, FORMS["run"].about)


def _add_people(verb: AddVerb) -> None:
    """Who is of the team, and which programs act for them."""
    team = verb("team", _team, "who is of the team, and which accounts are whose", True)
    team.set_defaults(what="ls")
    team_verbs = team.add_subparsers(metavar="COMMAND")
    team_verbs.add_parser("ls", help="the same").set_defaults(what="ls")
    remove = team_verbs.add_parser("remove", help="take somebody out, with all their accounts")
    remove.add_argument("person")
    remove.set_defaults(what="remove")
    unlink = team_verbs.add_parser("unlink", help="take one account out")
    unlink.add_argument("channel")
    unlink.add_argument("account")
    unlink.set_defaults(what="unlink")
    clients = verb("clients", _clients, "which programs and browsers act for whom", True)
    clients.set_defaults(what="ls")
    client_verbs = clients.add_subparsers(metavar="COMMAND")
    client_verbs.add_parser("ls", help="the same").set_defaults(what="ls")
    token = client_verbs.add_parser("token", help="a token for a program without connectors")
    token.add_argument("--person", required=True)
    token.add_argument("--name", default="")
    token.add_argument("--scope", default="read write", help='"read", "read write" (the default), "decide"')
    token.add_argument("--audience", choices=["mcp", "api"], default="mcp")
    token.add_argument("--days", type=_positive, default=90, help="how long it is good (90, at most 365)")
    token.set_defaults(what="token")
    taken_back = client_verbs.add_parser("revoke", help="take it back, from its next call on")
    taken_back.add_argument("client_id")
    taken_back.set_defaults(what="revoke")
    hook = client_verbs.add_parser(
        "webhook", help="tell an address of every change; prints what signs the calls"
    )
    hook.add_argument("url")
    hook.set_defaults(what="webhook")
    hooks = client_verbs.add_parser("webhooks", help="the addresses that are told of every change")
    hooks.add_argument("--remove", metavar="ID")
    hooks.set_defaults(what="webhooks")
    for one in (*team_verbs.choices.values(), *client_verbs.choices.values()):
        one.add_argument("--json", action="store_true", help="print JSON", default=argparse.SUPPRESS)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


_LOOKS: Final = frozenset({"ls", "show", "export"})


def _is_refused_to_workers(args: argparse.Namespace, typed: Sequence[str]) -> bool:
    """All but what only looks."""
    name = typed[0] if typed else "serve"
    match name:
        case "tickets" | "ticket" | "cost" | "report":
            return False
        case "brain":
            return args.handler is not _brain_query
        case "rules" | "skills" | "memo" | "team" | "company":
            return args.what not in _LOOKS
        case "triage":
            return args.train is not None or args.rollback
    return True


def _calling_worker() -> str:
    import os

    from bot.verbs.calling import caller_of
    from bot.verbs.home import Home

    return caller_of(Home(os.environ).database, os.environ)


def main(argv: Sequence[str] | None = None) -> int:
    typed = list(sys.argv[1:] if argv is None else argv)
    if is_verb(typed):
        from bot.verbs.client import main as loop_verb

        try:
            return loop_verb(typed)
        except KeyboardInterrupt:
            return 130
        except BrokenPipeError:
            return 0
    args = parser().parse_args(typed)
    if _is_refused_to_workers(args, typed) and (worker := _calling_worker()):
        print(f"loopos: {worker} is a worker: it proposes, it never approves", file=sys.stderr)
        return 1
    handler: Handler = args.handler
    try:
        return handler(args)
    except StartupError as error:
        from bot.settings import SettingsError

        print(f"loopos: {error}", file=sys.stderr)
        return 2 if isinstance(error, SettingsError) else 1
    except LoopOSError as error:
        print(f"loopos: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0


def entry() -> None:
    sys.exit(main())


if __name__ == "__main__":
    entry()
