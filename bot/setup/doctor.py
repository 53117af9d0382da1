"""`loopos doctor`: each finding is one line with its cure. Exit 1 if there is any."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import socket
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from sqlalchemy import func, select

from bot import models, transcribers
from bot.settings import Settings, SettingsError, read_settings
from bot.setup.button import no_account
from bot.setup.side_process import configured, health_of, is_ours, local_url, read_company, unready
from core.clock import SystemClock
from core.company.company import RATES_LAST
from core.company.findings import CompanyDataError
from core.company.loader import load_company
from core.errors import StartupError
from core.model import InboxStatus, OutboxStatus
from core.store import schema
from core.store.snapshot import looking_at
from core.store.tables import InboxRow, OutboxRow

LEAST_FREE: Final = 200 * 1024 * 1024
WITHIN: Final = 10.0
"""Seconds that the checks of one platform may take."""
CHANNELS: Final = ("slack", "telegram", "line")
Check = Callable[[Settings], Iterator[str]]


def _home(settings: Settings) -> Iterator[str]:
    there = settings.home
    try:
        there = next(one for one in (there, *there.parents) if one.is_symlink() or one.exists())
        if not there.is_dir():
            yield f"LOOPOS_HOME ({settings.home}) cannot be written: {there} is no folder. Set LOOPOS_HOME to another one."
            return
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        yield (
            f"LOOPOS_HOME ({settings.home}) cannot be written: {error.strerror}. Check {there} (its owner, its rights, its "
            "disk), or set LOOPOS_HOME."
        )
        return
    if there != settings.home:
        return
    if settings.home.stat().st_mode & 0o002:
        yield f"LOOPOS_HOME ({settings.home}) can be written by everybody. Run: chmod o-w {settings.home}"
    if shutil.disk_usage(settings.home).free < LEAST_FREE:
        yield "Less than 200 MB are free on the disk of LOOPOS_HOME. Make room."


def _database(settings: Settings) -> Iterator[str]:
    found = schema.fault(settings.database)
    if found is not None:
        yield found


def _company(settings: Settings) -> Iterator[str]:
    if not settings.company_folder.exists() and settings.demo:
        return
    try:
        for finding in load_company(settings.company_folder).refused:
            yield f"{finding} It is left out until it is corrected."
    except CompanyDataError as error:
        for finding in error.findings:
            yield f"{finding} Correct it."
    except StartupError as error:
        yield str(error)


def _clock(settings: Settings) -> Iterator[str]:
    if settings.time_shift:
        yield f"The clock is shifted by {settings.time_shift:+d} seconds. Unset LOOPOS_TIME_SHIFT where people work."


def _rates(settings: Settings) -> Iterator[str]:
    with contextlib.suppress(StartupError):  # its own check names what is wrong with it
        company = load_company(settings.company_folder)
        if company.rates_are_old(SystemClock().now().date()):
            assert company.rates is not None
            yield f"rates.json is of {company.rates.as_of}: older than {RATES_LAST.days} days. Bring its rates up to date."


def _accounts(settings: Settings) -> Iterator[str]:
    """Whether the people of the company can be reached where LoopOS is."""
    if schema.fault(settings.database) is not None:
        return  # another check says so
    try:
        company = read_company(settings)
    except (StartupError, CompanyDataError):
        return  # another check says so
    for file, those in (("team.json", company.team), ("vendors.json", company.vendors)):
        for one in those:
            for channel in sorted(one.identities.keys() - set(CHANNELS)):
                yield (
                    f"{file} gives {one.id} an account on {channel!r}, which does not exist. "
                    f"The channels are {', '.join(CHANNELS)}."
                )
    there = {channel for channel, _ in company.accounts_of(company.founder)}
    for channel in configured(settings):
        if channel not in there:
            yield no_account(company.founder, channel)


def _stuck(settings: Settings) -> Iterator[str]:
    if schema.fault(settings.database) is not None or not schema.is_current(settings.database):
        return
    with looking_at(settings.database) as session:
        held = session.scalar(select(func.count()).where(InboxRow.status == InboxStatus.QUARANTINED))
        dead = session.scalar(select(func.count()).where(OutboxRow.status == OutboxStatus.DEAD))
    if held:
        yield f"{held} message(s) could not be worked on. The founder's chat has a card for each: try again or discard."
    if dead:
        yield f"{dead} message(s) could not be delivered. See the service's log for why."


def _loop(settings: Settings) -> Iterator[str]:
    path = settings.home / "loop" / "config.json"
    if not path.exists():
        return
    from core.loop.config import read_config

    _, warnings = read_config(path.read_text(encoding="utf-8", errors="replace"), {})
    for one in warnings:
        yield f"{one} ({path}). Put it right, or take it out."


def _voice(settings: Settings) -> Iterator[str]:
    """A demo in which nobody said a word about voice is well without: it works with nothing."""
    said = (settings.whisper, settings.whisper_model, settings.runpod_url, settings.openai_key)
    if not settings.demo or any(said):
        yield from transcribers.examine(settings)


CHECKS: Final[dict[str, Check]] = {
    "home": _home,
    "database": _database,
    "company": _company,
    "clock": _clock,
    "rates": _rates,
    "accounts": _accounts,
    "stuck messages": _stuck,
    "control loop": _loop,
    "voice": _voice,
}


# --- what is asked over the network


async def _port(settings: Settings) -> list[str]:
    if await health_of(local_url(settings)) is None:
        why = await unready(local_url(settings))
        if why is not None:
            return [f"LoopOS runs and is not ready: {why.removesuffix('.')}. Its log says more."]
        if is_ours(settings, SystemClock().now()):
            return []
        return [f"Port {settings.port} belongs to a LoopOS with another LOOPOS_HOME. Stop it, or set PORT."]
    with socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            return [
                f"Port {settings.port} cannot be used ({error.strerror}). Stop what holds it, or set PORT."
            ]
    return []


async def _address(settings: Settings) -> list[str]:
    """The way in from outside, as far as it can be walked from here."""
    assert settings.base_url is not None
    trouble = await health_of(settings.base_url)
    if trouble is None:
        return []
    return [
        f"{settings.base_url.rstrip('/')}/healthz {trouble}. Check LOOPOS_BASE_URL, that the proxy or tunnel in "
        f"front leads to port {settings.port}, and that `loopos serve` runs."
    ]


async def _slack(settings: Settings) -> list[str]:
    from channels.slack import setup

    assert settings.slack_bot_token is not None
    signing, app = settings.slack_signing_secret, settings.slack_app_token
    return await setup.examine(
        settings.slack_bot_token.get_secret_value(),
        # Over a socket nothing is signed; without a secret there is none that could be wrong.
        signing.get_secret_value() if signing is not None else "0" * 32,
        app.get_secret_value() if app is not None else None,
        base_url=settings.base_url,
        api_url=settings.slack_api_url,
    )


async def _telegram(settings: Settings) -> list[str]:
    from channels.telegram import setup

    assert settings.telegram_token is not None
    secret = settings.telegram_webhook_secret
    polls = settings.base_url is None
    return await setup.examine(
        settings.telegram_token.get_secret_value(),
        base_url=settings.base_url,
        webhook_secret=secret.get_secret_value() if secret is not None else None,
        api_url=settings.telegram_api_url,
        # A poll of ours would cut off the service's.
        listen=1 if polls and await health_of(local_url(settings)) is not None else 0,
    )


async def _line(settings: Settings) -> list[str]:
    from channels.line import setup

    assert settings.line_token is not None and settings.line_channel_secret is not None
    return await setup.examine(
        settings.line_channel_secret.get_secret_value(),
        settings.line_token.get_secret_value(),
        settings.base_url,
        api_url=settings.line_api_url,
        redelivery_confirmed=settings.line_redelivery == "confirmed",
    )


EXAMINE: Final[dict[str, Callable[[Settings], Awaitable[list[str]]]]] = {
    "slack": _slack,
    "telegram": _telegram,
    "line": _line,
}


async def _in_time(name: str, check: Awaitable[list[str]]) -> list[str]:
    try:
        async with asyncio.timeout(WITHIN):
            return await check
    except TimeoutError:
        return [f"The checks of {name} did not end within {WITHIN:.0f} s. Check the network, then try again."]


async def examine(settings: Settings) -> dict[str, list[str]]:
    """What is wrong on each configured platform, all asked at the same time."""
    names = configured(settings)
    found = await asyncio.gather(*(_in_time(name, EXAMINE[name](settings)) for name in names))
    return dict(zip(names, found, strict=True))


async def _outside(settings: Settings) -> dict[str, list[str]]:
    checks = {"port": _port(settings)}
    if settings.base_url is not None:
        checks["address"] = _address(settings)
    found = await asyncio.gather(*(_in_time(f"the {name}", check) for name, check in checks.items()))
    return dict(zip(checks, found, strict=True))


async def _models(settings: Settings) -> dict[str, list[str]]:
    """Keeps its own time: each vendor that does not answer is named with its own variables."""
    found = await models.examine(settings)
    return {"models": found} if found or models.chosen(settings) else {}


async def findings_of(settings: Settings) -> dict[str, list[str]]:
    """Check -> what is wrong, each with its cure."""
    outside, thinking, platforms = await asyncio.gather(
        _outside(settings), _models(settings), examine(settings)
    )
    own = {name: _found(check, settings) for name, check in CHECKS.items()}
    return own | outside | thinking | platforms


def _found(check: Check, settings: Settings) -> list[str]:
    """What cannot even be looked at is a finding too, and the other checks go on."""
    found: list[str] = []
    try:
        found.extend(check(settings))
    except SettingsError:
        raise  # wrong use: nothing can be checked
    except StartupError as error:
        found.append(str(error))
    return found


def run(*, as_json: bool) -> int:
    findings = asyncio.run(findings_of(read_settings()))
    bad = sum(len(found) for found in findings.values())
    if as_json:
        print(json.dumps({"ok": bad == 0, "findings": findings}, ensure_ascii=False, indent=2))
    else:
        for name, found in findings.items():
            print(f"✓ {name}" if not found else "\n".join(f"✗ {name}: {one}" for one in found))
        print("All well." if not bad else f"{bad} finding(s).")
    return 1 if bad else 0
