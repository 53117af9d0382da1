"""A process beside the service: it asks whether the service runs, and writes a few rows without owning the home.

SQLite lets a second process write: its transactions take their turn (busy timeout) and must stay tiny. The service alone
hands out work: what is owed from here waits as a timer's row, which it looks at every few seconds."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import aiohttp
from sqlalchemy import select

from bot import commands
from bot.platforms import platforms_of
from bot.settings import Settings
from bot.understanding import model_of
from channels.platform import Platform
from channels.web.channel import WebChannel
from core.clock import Clock, SystemClock
from core.company.company import Company
from core.company.loader import load_company
from core.context import Services, Store, Task, Tx
from core.ids import new_id
from core.lanes import JOB_DUE
from core.row_changes import row_changed
from core.store import deadlines, schema
from core.store.engine import EmbeddedStore
from core.store.ownership import is_stale
from core.store.session_rows import SessionRows
from core.store.snapshot import looking_at
from core.store.tables import Owner, WebMessage
from core.team.company_now import company_now
from core.triage.offline import OfflineEngine

ANSWERS_WITHIN: Final = 5.0


class LeftToTheService:
    """What is owed from here is a timer's row that is due at once: the service looks at those, whoever wrote them, or finds
    it when it starts."""

    def defer(self, tx: Tx, task: str, args: dict[str, Any], *, lane: str) -> None:
        deadlines.schedule(tx, JOB_DUE, new_id(), tx.now, task=task, args=args, lane=lane)

    def register(self, task: Task) -> None: ...

    async def start(self) -> None: ...

    async def stop(self, drain: timedelta) -> None: ...


@dataclass(frozen=True)
class SideProcess:
    store: Store
    services: Services
    platforms: dict[str, Platform]
    """By name; none of them listens."""


@contextlib.asynccontextmanager
async def side_process(settings: Settings, clock: Clock | None = None) -> AsyncIterator[SideProcess]:
    """The home's database, migrated, with the company and the platforms as the service has them.

    Raises StartupError."""
    clock = clock or SystemClock()
    schema.upgrade(settings.database)
    written = load_company(settings.company_folder)
    store: EmbeddedStore[Tx] = EmbeddedStore(settings.database, clock)
    platforms: dict[str, Platform] = {}
    try:
        services = Services(
            company=written,
            jobs=LeftToTheService(),
            baseline=OfflineEngine(written, model_of(settings)),
            emergency={},
            commands=commands.ChatCommands(),
            row_changed=row_changed,
            clock=clock,
            company_folder=settings.company_folder,
            base_url=settings.base_url,
            played={"web"} if settings.demo or _is_played(settings) else (),
        )
        store.bind(services.unit)
        platforms |= {one.name: one for one in platforms_of(settings, store, services)}
        services.channels |= {"web": WebChannel(), **platforms}
        services.company = await store.read(lambda session: company_now(SessionRows(session), written))
        yield SideProcess(store, services, platforms)
    finally:
        for platform in platforms.values():
            await platform.stop()
        await store.close()


def _is_played(settings: Settings) -> bool:
    """Somebody talks on the chat page of this home: its service was started as a demo, whatever this process is told."""
    with looking_at(settings.database) as session:
        return session.scalar(select(WebMessage.id).limit(1)) is not None


def read_company(settings: Settings) -> Company:
    """The company as it is now. Reads only. Raises StartupError, CompanyDataError."""
    written = load_company(settings.company_folder)
    if not schema.is_current(settings.database):
        return written
    with looking_at(settings.database) as session:
        return company_now(SessionRows(session), written)


# --- whether it runs


def configured(settings: Settings) -> list[str]:
    """The platforms there are tokens for."""
    tokens = {
        "slack": settings.slack_bot_token,
        "telegram": settings.telegram_token,
        "line": settings.line_token,
    }
    return [name for name, token in tokens.items() if token is not None]


def local_url(settings: Settings) -> str:
    """Where the service listens, from this machine."""
    return settings.model_copy(update={"base_url": None}).url


async def health_of(url: str) -> str | None:
    """None if LoopOS answers there; else what happened instead."""
    limit = aiohttp.ClientTimeout(total=ANSWERS_WITHIN)
    try:
        async with (
            aiohttp.ClientSession(timeout=limit) as session,
            session.get(f"{url.rstrip('/')}/healthz", allow_redirects=False) as response,
        ):
            body = await response.json(content_type=None) if response.status == 200 else None
    except ValueError:
        return "answers with something else than LoopOS does"
    except TimeoutError:
        return f"does not answer within {ANSWERS_WITHIN:.0f} s"
    except (aiohttp.ClientError, OSError) as error:
        return f"cannot be reached ({type(error).__name__})"
    if response.status != 200:
        return f"answers {response.status}"
    return (
        None
        if isinstance(body, dict) and body.get("ok") is True
        else "answers with something else than LoopOS does"
    )


async def unready(url: str) -> str | None:
    """Why the LoopOS that answers there is not ready, in its own words; None where it is, or does not answer."""
    limit = aiohttp.ClientTimeout(total=ANSWERS_WITHIN)
    with contextlib.suppress(ValueError, KeyError, TimeoutError, aiohttp.ClientError, OSError):
        async with aiohttp.ClientSession(timeout=limit) as session, session.get(f"{url}/readyz") as response:
            return str((await response.json())["why"]) if response.status == 503 else None
    return None


def is_ours(settings: Settings, now: datetime) -> bool:
    """A service on this home has shown a moment ago that it lives."""
    if not schema.is_current(settings.database):
        return False
    with looking_at(settings.database) as session:
        return session.get(Owner, 1) is not None and not is_stale(session, now)
