"""`loopos doctor`: each finding is one line with its cure. Exit 1 if there is any."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator
from typing import Final

from bot import schema
from bot.settings import Settings, read_settings
from core.company.loader import CompanyDataError, load_company
from core.errors import StartupError

LEAST_FREE: Final = 200 * 1024 * 1024
Check = Callable[[Settings], Iterator[str]]


def _home(settings: Settings) -> Iterator[str]:
    if not settings.home.exists():
        return
    if settings.home.stat().st_mode & 0o002:
        yield f"LOOPOS_HOME ({settings.home}) can be written by everybody. Run: chmod o-w {settings.home}"
    if shutil.disk_usage(settings.home).free < LEAST_FREE:
        yield "Less than 200 MB are free on the disk of LOOPOS_HOME. Make room."


def _database(settings: Settings) -> Iterator[str]:
    try:
        at = schema.present(settings.database)
        if at is None:
            return
        if at != schema.HEAD:
            yield f"The database is at schema {at}, this version needs {schema.HEAD}. Run: loopos db upgrade"
        with sqlite3.connect(f"file:{settings.database}?mode=ro", uri=True) as connection:
            problem = connection.execute("pragma quick_check").fetchone()[0]
        connection.close()
        if problem != "ok":
            yield f"The database is damaged ({problem}). Restore a backup."
    except sqlite3.DatabaseError as error:
        yield str(schema.unusable(settings.database, error))


def _company(settings: Settings) -> Iterator[str]:
    if not settings.company_folder.exists() and settings.demo:
        return
    try:
        load_company(settings.company_folder)
    except CompanyDataError as error:
        for finding in error.findings:
            yield f"{finding} Correct it."
    except StartupError as error:
        yield str(error)


def _port(settings: Settings) -> Iterator[str]:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            yield f"Port {settings.port} cannot be used ({error.strerror}). If LoopOS runs already, that is why; else set PORT."


def _stuck(settings: Settings) -> Iterator[str]:
    if schema.present(settings.database) != schema.HEAD:
        return
    with sqlite3.connect(f"file:{settings.database}?mode=ro", uri=True) as connection:
        held = connection.execute("select count(*) from inbox where status = 'quarantined'").fetchone()[0]
        dead = connection.execute("select count(*) from outbox where status = 'dead'").fetchone()[0]
    connection.close()
    if held:
        yield f"{held} message(s) could not be worked on. The founder's chat has a card for each: try again or discard."
    if dead:
        yield f"{dead} message(s) could not be delivered. See the service's log for why."


CHECKS: Final[dict[str, Check]] = {
    "home": _home,
    "database": _database,
    "company": _company,
    "port": _port,
    "stuck messages": _stuck,
}


def run(*, as_json: bool) -> int:
    settings = read_settings()
    findings = {name: list(check(settings)) for name, check in CHECKS.items()}
    bad = sum(len(found) for found in findings.values())
    if as_json:
        print(json.dumps({"ok": bad == 0, "findings": findings}, ensure_ascii=False, indent=2))
    else:
        for name, found in findings.items():
            print(f"✓ {name}" if not found else "\n".join(f"✗ {name}: {one}" for one in found))
        print("All well." if not bad else f"{bad} finding(s).")
    return 1 if bad else 0
