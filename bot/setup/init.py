"""`loopos init`: asks, checks each token at the vendor at once, keeps what is good, registers, lets the founder in.

No setting is written before the questions are over; done again it keeps what is there and changes what is told."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from bot import commands
from bot.settings import DATA, Settings, env_file, read_settings
from bot.setup import models
from bot.setup.dialog import Dialog, Session, Values, all_set, ask_token
from bot.setup.doctor import CHANNELS, examine
from bot.setup.side_process import configured, side_process
from core.actors import Actor
from core.acts.commands import MakeLinkCode
from core.acts.table import perform
from core.errors import StartupError

CODE_MINUTES: Final = 60
"""Long enough to start the service; whoever is later runs init again."""
WRONG_USE: Final = 2
TITLES: Final = {"slack": "Slack", "telegram": "Telegram", "line": "LINE"}
_PUBLIC: Final = re.compile(r"https://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~/-]*)?")
_LINE: Final = re.compile(r"\A\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=")


def run(*, take_defaults: bool, dialog: Dialog | None = None) -> int:
    if dialog is None and take_defaults:
        dialog = Dialog(ask=lambda _question: "", secret=lambda _question: "")
    if dialog is None and not sys.stdin.isatty():
        print(
            "loopos: init asks questions and this is no terminal. Set the tokens in the environment and run "
            "`loopos init --yes-to-defaults`, or run it in a terminal.",
            file=sys.stderr,
        )
        return WRONG_USE
    try:
        return _set_up(Session(dialog or Dialog(), read_settings()))
    except EOFError:
        print("loopos: the answers ended before the questions. Run `loopos init` again.", file=sys.stderr)
        return WRONG_USE


def _set_up(session: Session) -> int:
    say, before = session.dialog.say, session.before
    say(f"LoopOS is set up in {before.home}. Enter takes what stands in brackets.")
    wanted = _ask_platforms(session)
    if wanted:
        _ask_address(session, wanted)
    _make_home(before.home)
    for name in wanted:
        say(f"\n— {TITLES[name]}")
        if not _ASK[name](session):
            say(f"{TITLES[name]} is left out.")
    models.ask(session)
    _make_company(before, say)
    _write(session)
    settings = read_settings()
    _tell_overruled(session, settings)
    _report(settings, asyncio.run(_register(settings)), say)
    models.report(settings, say)
    asyncio.run(_let_in(settings, say))
    say("\nNext: `loopos serve`, then `loopos doctor`, then `loopos doctor --button`.")
    return 1 if session.left_out else 0


# --- questions


def _ask_platforms(session: Session) -> list[str]:
    there = configured(session.before)
    while True:
        said = session.dialog.ask(
            f"Which platforms? Any of {', '.join(CHANNELS)} [{', '.join(there) or 'none'}]: "
        )
        names = re.findall(r"[a-z]+", said.casefold()) or there
        if all(name in (*CHANNELS, "none") for name in names):
            return [name for name in CHANNELS if name in names]
        session.dialog.say("✗ There is no such platform.")


def _ask_address(session: Session, wanted: list[str]) -> None:
    session.dialog.say(
        "The public https address that leads to this service, for example https://loopos.example.com. Without one "
        "Telegram is polled and Slack needs an app-level token (Socket Mode); LINE cannot do without."
    )
    present = session.now("LOOPOS_BASE_URL")
    while True:
        said = session.dialog.ask(f"Public address, - for none [{present or 'none'}]: ").strip().rstrip("/")
        address = {"": present, "-": ""}.get(said, said)
        if not address or address == present or _PUBLIC.fullmatch(address):
            break
        session.dialog.say("✗ That is no https address.")
    session.values["LOOPOS_BASE_URL"] = address
    if "line" in wanted and not address:
        session.dialog.say("Without an address LINE stays deaf: run `loopos init` again once you have one.")


def _ask_slack(session: Session) -> bool:
    from channels.slack import setup

    before, socket = session.before, not session.now("LOOPOS_BASE_URL")
    socket = socket or bool(session.now("SLACK_APP_TOKEN"))
    file = before.home / "slack-manifest.json"
    file.write_text(_manifest(None if socket else session.now("LOOPOS_BASE_URL")), encoding="utf-8")
    session.dialog.say(
        f"The app's manifest is in {file}. New: https://api.slack.com/apps, Create New App, From a manifest, paste it, "
        "then Install App. There already: paste it under App Manifest."
    )
    identify = partial(setup.identify, api_url=before.slack_api_url)

    async def opens(token: str) -> str:
        """Any secret will do here: over a socket nothing is signed."""
        found = await setup.examine(
            session.values["SLACK_BOT_TOKEN"], "0" * 32, token, base_url=None, api_url=before.slack_api_url
        )
        wrong = next((one for one in found if "SLACK_APP_TOKEN" in one), None)
        if wrong is not None:
            raise StartupError(wrong, "")
        return "Socket Mode works."

    good = ask_token(
        session, "SLACK_BOT_TOKEN", "OAuth & Permissions, Bot User OAuth Token (xoxb-...).", live=identify
    )
    if good and socket:
        where = "Basic Information, App-Level Tokens, Generate, scope connections:write (xapp-...)."
        good = ask_token(session, "SLACK_APP_TOKEN", where, live=opens)
    elif good:
        where = "Basic Information, App Credentials, Signing Secret (32 hex digits)."
        good = ask_token(session, "SLACK_SIGNING_SECRET", where, shape="[0-9a-f]{32}")
    return good or _leave_out(session, "slack", "SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET")


def _ask_telegram(session: Session) -> bool:
    from channels.telegram import setup

    identify = partial(setup.identify, api_url=session.before.telegram_api_url)
    where = "write /newbot to @BotFather, or /mybots, your bot, API Token (123456:AA...)."
    return ask_token(session, "TELEGRAM_BOT_TOKEN", where, live=identify) or _leave_out(
        session, "telegram", "TELEGRAM_BOT_TOKEN"
    )


def _ask_line(session: Session) -> bool:
    from channels.line import setup

    async def identify(token: str) -> str:
        secret = session.values["LINE_CHANNEL_SECRET"]
        return await setup.identify(secret, token, api_url=session.before.line_api_url)

    console = "https://developers.line.biz/console, your Messaging API channel"
    secret, token = "LINE_CHANNEL_SECRET", "LINE_CHANNEL_ACCESS_TOKEN"
    good = ask_token(session, secret, f"{console}, Basic settings, Channel secret.") and ask_token(
        session, token, f"{console}, Messaging API, Channel access token (long-lived), Issue.", live=identify
    )
    if not good:
        return _leave_out(session, "line", secret, token)
    confirmed = session.now("LOOPOS_LINE_REDELIVERY") == "confirmed"
    session.dialog.say("In the same tab, Webhook settings: switch on Use webhook and Webhook redelivery.")
    said = session.dialog.ask(f"Is Webhook redelivery on? y or n [{'y' if confirmed else 'n'}]: ").strip()
    yes = said.casefold().startswith("y") if said else confirmed
    session.values["LOOPOS_LINE_REDELIVERY"] = "confirmed" if yes else ""
    return True


def _leave_out(session: Session, name: str, *variables: str) -> bool:
    """As it was before; half a platform is written nowhere."""
    for variable in variables:
        session.values.pop(variable, None)
    session.left_out.append(name)
    return False


_ASK: Final[dict[str, Callable[[Session], bool]]] = {
    "slack": _ask_slack,
    "telegram": _ask_telegram,
    "line": _ask_line,
}


# --- what is kept


def _make_home(home: Path) -> None:
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StartupError(
            f"LOOPOS_HOME ({home}) cannot be made: {error.strerror}.", "Set LOOPOS_HOME to another folder."
        ) from error


def _make_company(settings: Settings, say: Callable[[str], None]) -> None:
    folder = settings.company_folder
    if folder.exists():
        return
    half = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(DATA / "company", half)
    half.rename(folder)
    say(f"\nThe company is the example's: make it yours in {folder} (docs/COMPANY.md).")


def _write(session: Session) -> None:
    """Only what was told anew: a token from the real environment is not copied into a file."""
    present = all_set(session.before)
    changed = {name: value for name, value in session.values.items() if value != present.get(name, "")}
    if changed:
        file = env_file(session.before.home)
        write_env(file, changed)
        session.dialog.say(f"\nWritten: {file}, for your account alone.")


def write_env(file: Path, values: Values) -> None:
    """Put `values` into `file` as a whole or not at all, for its owner alone; other lines stay."""
    text = merged(file.read_text(encoding="utf-8") if file.exists() else "", values)
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    new.replace(file)


def merged(text: str, values: Values) -> str:
    """The lines of an env file with `values` in them: where they stood, else at the end. "" takes a line out."""
    left, lines = dict(values), []
    for line in text.splitlines():
        found = _LINE.match(line)
        name = found[1].upper() if found else None
        if name is None or name not in values:
            lines.append(line)
        elif left.get(name):
            lines.append(f"{name}={left.pop(name)}")
    lines += [f"{name}={value}" for name, value in left.items() if value]
    return "".join(f"{line}\n" for line in lines)


def _tell_overruled(session: Session, settings: Settings) -> None:
    holds = all_set(settings)
    for variable, value in session.values.items():
        if holds.get(variable, "") != value:
            session.dialog.say(
                f"✗ {variable} is also set in the environment, and that goes first. Unset or correct it there."
            )


# --- at the platforms


async def _register(settings: Settings) -> dict[str, list[str]]:
    """Tell the platforms what can be told by API; platform -> what is not right yet."""
    found: dict[str, list[str]] = {name: [] for name in configured(settings)}
    if settings.telegram_token is not None:
        from channels.telegram import setup as telegram

        secret = settings.telegram_webhook_secret
        found["telegram"] += await telegram.register(
            settings.telegram_token.get_secret_value(),
            base_url=settings.base_url,
            webhook_secret=secret.get_secret_value() if secret is not None else None,
            menu=commands.menu,
            api_url=settings.telegram_api_url,
        )
    if settings.line_token is not None and settings.base_url is not None:
        from channels.line import setup as line

        found["line"] += await line.register(
            settings.line_token.get_secret_value(),
            settings.base_url,
            commands.menu,
            api_url=settings.line_api_url,
            data_url=settings.line_data_url,
        )
    examined = await examine(settings)
    return {name: list(dict.fromkeys([*found[name], *examined[name]])) for name in found}


def _report(settings: Settings, found: dict[str, list[str]], say: Callable[[str], None]) -> None:
    if not found:
        say("\nNo platform is configured: `loopos serve` shows the demo in a browser.")
    for name, findings in found.items():
        say(f"\n{TITLES[name]}: {_done(settings, name)}.")
        for one in findings:
            say(f"✗ {one}")
        for one in _by_hand(settings, name):
            say(f"By hand: {one}.")
    if settings.base_url and any(found.values()):
        say("What is said about the webhook may only mean that the service does not run yet.")


def _done(settings: Settings, name: str) -> str:
    """What was registered by API."""
    match name:
        case "telegram":
            return "commands registered, " + (
                "webhook set" if settings.base_url else "updates are polled for"
            )
        case "line":
            return "menu and webhook registered" if settings.base_url else "deaf without a public address"
        case _:
            return "everything stands in the manifest; nothing is registered by API"


def _by_hand(settings: Settings, name: str) -> list[str]:
    """What no API can do."""
    manifest = "paste what `loopos slack manifest` prints at https://api.slack.com/apps (App Manifest), if it is not there"
    match name:
        case "slack" if settings.slack_app_token is None:
            return [
                manifest,
                "once the service runs: Event Subscriptions, Request URL, Retry, until it says Verified",
            ]
        case "slack":
            return [manifest]
        case "line":
            return ["in the LINE Official Account Manager, Response settings: Auto-response off, Webhook on"]
        case _:
            return []


async def _let_in(settings: Settings, say: Callable[[str], None]) -> None:
    """A code for every platform on which the founder has no account yet. A code works once."""
    async with side_process(settings) as house:
        founder = house.services.company.founder
        there = {channel for channel, _ in house.services.company.accounts_of(founder)}
        missing = [name for name in house.platforms if name not in there]
        codes = {
            name: await house.store.write(
                lambda tx: perform(tx, Actor(founder.id, "cli"), MakeLinkCode(CODE_MINUTES))
            )
            for name in missing
        }
    if not codes:
        return
    hours = CODE_MINUTES // 60
    say(
        f"\nLet {founder.name}, the founder, in once the service runs. Each code works once, for {hours} hour:"
    )
    for name, code in codes.items():
        say(f"  {TITLES[name]}: write  /link {code}  to the bot{await _deep_link(settings, name, code)}")


async def _deep_link(settings: Settings, name: str, code: str) -> str:
    if name != "telegram" or settings.telegram_token is None:
        return ""
    from channels.telegram import setup

    try:
        us = await setup.identify(
            settings.telegram_token.get_secret_value(), api_url=settings.telegram_api_url
        )
    except StartupError:
        return ""
    return f", or open {setup.deep_link(us, code)}"


# --- Slack's manifest


def _manifest(base_url: str | None) -> str:
    from channels.slack.setup import manifest

    return json.dumps(manifest(base_url, commands.menu("en")), indent=2, ensure_ascii=False) + "\n"


def print_manifest(*, as_yaml: bool) -> int:
    """With the public address, or for Socket Mode where there is none or an app-level token."""
    settings = read_settings()
    text = _manifest(settings.base_url if settings.slack_app_token is None else None)
    if as_yaml:
        import yaml

        text = yaml.safe_dump(json.loads(text), sort_keys=False, allow_unicode=True)
    print(text, end="")
    return 0
