"""The composition root: builds every part once and joins them."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import select

from bot import commands
from bot.company_edits import CompanyEdits
from bot.company_files import CompanyFiles, tell_refused
from bot.models_and_speech import ModelsAndSpeech, models_and_speech_of
from bot.platforms import platforms_of
from bot.publishing import owed, publishing_of
from bot.settings import DATA, Settings
from bot.shipping import Shipping
from bot.understanding import model_of
from channels.link.channel import LinkChannel
from channels.link.routes import LinkRoutes
from channels.platform import Platform
from channels.programs.channel import NAMES as PROGRAMS
from channels.programs.channel import ProgramChannel
from channels.web.access import is_this_machine
from channels.web.channel import WebChannel
from channels.web.routes import WebRoutes
from core import housekeeping
from core.brain.learning import Learning
from core.clock import SteadyClock, SystemClock, TwoHands
from core.company.loader import load_company
from core.context import Services, Tx
from core.cost.report_jobs import ReportJobs
from core.errors import StartupError
from core.health import Health
from core.housekeeping import Housekeeper
from core.intake.job import Intake
from core.intake.late_content import LateContent
from core.intake.looking import Looking
from core.outbox.channel_watch import ChannelWatch, ShowingAgain, after_outage, last_beat, worry_about
from core.outbox.delivery import Deliverer
from core.outbox.said_once import forget
from core.row_changes import row_changed
from core.staff.leaving import Leaving
from core.store import crashpoints, schema
from core.store.alarm import Alarm
from core.store.brain_tables import AcceptedRow
from core.store.engine import EmbeddedStore
from core.store.jobs import EmbeddedJobs
from core.store.ownership import HomeLock, already_running, is_stale, take_over
from core.store.session_rows import SessionRows
from core.store.snapshot import looking_at
from core.store.url import file_of
from core.team.company_now import company_now
from core.timers import HANDLERS, given_up, on_jump, prepare
from core.triage.offline import OfflineEngine
from core.workflow import company_changes, learning_clock, shipping, skill_versions, undelivered
from core.workflow.learning_sync import LearningSync
from core.workflow.suggesting import Suggester
from core.workflow.translating import Translator

if TYPE_CHECKING:
    from core.loop.pulse import Pulse
    from core.loop.requests import Requests

log = structlog.get_logger(__name__)

MOMENTS: Final = 200
"""Tenths of a second that a verb in the shell may hold the home before a service gives up."""
LOOP_AFTER: Final = 1.0
"""Seconds after a start until the control loop is begun."""
LOOP_AGAIN: Final = 5.0
"""Seconds until it is tried again where it could not be."""
DRAIN: Final = timedelta(seconds=8)
"""What running work may take at a stop; the whole stop stays under 10 s."""


@dataclass
class App:
    settings: Settings
    clock: TwoHands
    store: EmbeddedStore[Tx]
    services: Services
    jobs: EmbeddedJobs[Tx]
    alarm: Alarm[Tx]
    lock: HomeLock
    web: WebRoutes
    link: LinkRoutes
    platforms: list[Platform]
    models_and_speech: ModelsAndSpeech
    learning_sync: LearningSync
    watch: ChannelWatch
    company_files: CompanyFiles
    company_edits: CompanyEdits
    last_life: datetime | None
    """When the process before last showed that it lives."""
    fenced: asyncio.Event = field(default_factory=asyncio.Event)
    _beginning: asyncio.Task[None] | None = None

    @cached_property
    def pulse(self) -> Pulse:
        """Imported once messages are worked on again: a restart is not the moment to wait for it."""
        from bot.loop import loop_house
        from core.loop.model_decider import ModelDecider
        from core.loop.pulse import Pulse

        decider = ModelDecider(self.services) if self.services.models is not None else None
        return Pulse(loop_house(self.settings, self.store, self.services, os.environ), decider)

    @cached_property
    def requests(self) -> Requests:
        from core.loop.requests import Requests
        from core.loop.verbs.table import Verbs

        return Requests(Verbs(self.pulse, alive=True))

    async def start(self) -> None:
        await self.models_and_speech.start()
        await self.learning_sync.start()
        await self.jobs.start()
        await self.store.write(lambda tx: after_outage(tx, self.last_life))
        await self.store.write(lambda tx: forget(tx, worry_about("database")))
        await self.store.write(housekeeping.ensure)
        await self.store.write(learning_clock.ensure)
        await housekeeping.sweep(self.services)
        await self.store.write(self._notice)
        self.alarm.start()
        self.watch.start()
        self.company_files.start()
        for platform in self.platforms:
            await platform.start()
        self._beginning = asyncio.create_task(self._begin_loop(), name="loop-begins")

    async def _begin_loop(self) -> None:
        """Behind whatever waited through the restart: timers that are due, messages, cards."""
        await asyncio.sleep(LOOP_AFTER)
        await _at_last(self._build_loop)
        for step in (self.pulse.prepare, self.requests.start, self.pulse.start):
            await _at_last(step)

    async def _build_loop(self) -> Requests:
        await asyncio.to_thread(import_module, "core.loop.requests")  # the event loop waits for no import
        return self.requests

    def _notice(self, tx: Tx) -> None:
        """What lies in the folder and was not approved; and what was approved and never written there."""
        company_changes.notice(tx, self.services.written)
        for skill_id in skill_versions.owed(tx):
            skill_versions.ship(tx, skill_id)
        if self.company_edits.origin():
            for what, name in owed(tx, self.settings.github_token is not None):
                shipping.publish(tx, what, name)
        tell_refused(tx, self.services.written)

    async def stop(self) -> None:
        """Let what runs end, then let go of the home. What had no time runs again at the next start."""
        if self._beginning is not None:
            self._beginning.cancel()
            await asyncio.gather(self._beginning, return_exceptions=True)
        if "pulse" in self.__dict__:  # it was begun
            await self.requests.stop()
            await self.pulse.stop()
        self.alarm.stop()
        self.learning_sync.stop()
        await self.watch.stop()
        await self.company_files.stop()
        await self.jobs.stop(DRAIN)
        await self.models_and_speech.stop()
        for platform in self.platforms:
            await platform.stop()
        await self.store.close()
        self.lock.release()


async def _at_last(step: Callable[[], Awaitable[object]]) -> None:
    """Done once it can be: that no file may be opened any more, that a folder is not there yet, passes."""
    told = False
    while True:
        try:
            await step()
        except Exception as error:
            if not told:
                log.error("loop_not_begun", exc_info=error)
            told = True
            await asyncio.sleep(LOOP_AGAIN)
        else:
            if told:
                log.info("loop_begun")
            return


async def build(settings: Settings, clock: TwoHands | None = None) -> App:
    """Everything joined, migrated and owned, nothing running yet. Raises StartupError with the remedy."""
    clock = clock or SystemClock()
    _make_home(settings)
    if settings.crash_at:
        point, _, count = settings.crash_at.partition(":")
        crashpoints.arm(point, int(count or 1))
    lock = HomeLock(settings.home)
    ours = lock.take()
    for _ in range(MOMENTS):  # a verb in the shell may be at it
        if ours or not lock.held_for_a_moment():
            break
        await asyncio.sleep(0.1)
        ours = lock.take()
    if not ours and not await _holder_is_frozen(settings, clock):
        raise already_running(lock.holder())
    if not ours:
        lock.replace()
    try:
        return await _build(settings, clock, lock)
    except BaseException:
        lock.release()
        raise


async def _build(settings: Settings, clock: TwoHands, lock: HomeLock) -> App:
    await asyncio.to_thread(schema.require_sound, settings.database)
    await asyncio.to_thread(schema.upgrade, settings.database)
    fill_demo_company(settings)
    company = load_company(settings.company_folder)
    store: EmbeddedStore[Tx] = EmbeddedStore(settings.database, clock)
    steady = SteadyClock(clock)
    jobs = EmbeddedJobs(store, steady)
    baseline = await asyncio.to_thread(OfflineEngine, company, model_of(settings))
    services = Services(
        company=company,
        jobs=jobs,
        baseline=baseline,
        emergency=json.loads((DATA / "emergency.json").read_text(encoding="utf-8")),
        commands=commands.ChatCommands(),
        row_changed=row_changed,
        escalate_after=settings.escalate_after,
        clock=clock,
        company_folder=settings.company_folder,
        loop_folder=settings.home / "loop",
        media=settings.home / "media",
        budget_usd=settings.budget_usd,
        keep_sent=_days(settings.keep_sent_days),
        keep_received=_days(settings.keep_received_days),
        keep_media=_days(settings.keep_media_days),
        learn_at=None if settings.learn_at == "off" else time.fromisoformat(settings.learn_at),
        base_url=settings.base_url,
        url=settings.url,
        proved=PROGRAMS,
        secret=_secret(settings.home),
        linked={"link"},
        played={"web"} if settings.demo else (),
    )
    store.bind(services.unit)
    services.channels |= {"web": WebChannel(), "link": LinkChannel()}
    services.channels |= {name: ProgramChannel(name) for name in PROGRAMS}
    platforms = platforms_of(settings, store, services)
    for platform in platforms:
        services.channels[platform.name], services.health[platform.name] = platform, platform.health
    services.health["database"] = Health(clock)
    store.on_damaged = lambda why: services.health["database"].failing(
        str(schema.damaged(file_of(settings.database), why)), at_once=True
    )
    await store.write(lambda tx: company_changes.take_as_it_is(tx, company))
    services.company = await store.read(lambda session: company_now(SessionRows(session), company))
    models_and_speech = models_and_speech_of(settings, store, steady)
    models_and_speech.join(services)
    learning_sync = LearningSync(store, services.baseline)
    before = await store.write(last_beat)
    store.fence = await store.write(take_over)
    intake = Intake(services, store)
    company_files = CompanyFiles(settings.company_folder, store, services, baseline, learning_sync)
    token = settings.github_token.get_secret_value() if settings.github_token is not None else ""
    company_edits = CompanyEdits(settings.company_folder, company_files.look, token)
    publishing = publishing_of(settings, store, services, company_edits)
    for task in (
        intake.task(),
        Looking(services, store).task(),
        *LateContent(services, intake).tasks(),
        Suggester(services, store).task(),
        Translator(services, store).task(),
        Housekeeper(services).task(),
        Shipping(store, company_edits).task(),
        publishing.task(),
        Learning(services, store).task(),
        Leaving(services).task(),
        ShowingAgain().task(),
        Deliverer(services, store, undelivered.give_up).task(),
        *ReportJobs(services, settings.budget_usd).tasks(),
    ):
        jobs.register(task)
    web = WebRoutes(
        store,
        clock,
        lambda: services.company,
        services.media,
        services.pictures,
        demo=settings.demo,
        exposed=settings.base_url is not None or not is_this_machine(settings.host),
    )
    link = LinkRoutes(store, clock, services.secret)
    watch = ChannelWatch(store, services)
    alarm = Alarm(store, clock, HANDLERS, given_up, prepare)
    app = App(
        settings,
        clock,
        store,
        services,
        jobs,
        alarm,
        lock,
        web,
        link,
        platforms,
        models_and_speech,
        learning_sync,
        watch,
        company_files,
        company_edits,
        before,
    )
    store.on_fenced = app.fenced.set
    store.heed_jumps(clock, on_jump)
    return app


def _days(number: int) -> timedelta | None:
    """0: for ever."""
    return timedelta(days=number) if number else None


def _secret(home: Path) -> bytes:
    """What signs this home's links; made once, readable by nobody else."""
    path = home / "secret"
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
    except FileExistsError:
        pass
    secret = path.read_bytes()
    if len(secret) < 32:
        raise StartupError(f"{path} is damaged.", "Remove it: links that were sent before stop working.")
    return secret


def _make_home(settings: Settings) -> None:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        probe = settings.home / ".write-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise StartupError(
            f"LOOPOS_HOME ({settings.home}) cannot be written: {error.strerror}.",
            "Check the folder's owner and rights, or set LOOPOS_HOME.",
        ) from error


async def _holder_is_frozen(settings: Settings, clock: TwoHands) -> bool:
    """A living process holds the lock but has not beaten for long: stopped, not working."""
    if not schema.is_current(settings.database):
        return False
    store: EmbeddedStore[Tx] = EmbeddedStore(settings.database, clock)
    try:
        return await store.read(lambda session: is_stale(session, clock.now()))
    finally:
        await store.close()


def fill_demo_company(settings: Settings) -> None:
    """In demo mode a home without a company gets the one of data/. Raises StartupError: it had one, and it is gone."""
    folder = settings.company_folder
    if folder.exists() or not settings.demo:
        return
    if schema.is_current(settings.database):
        with looking_at(settings.database) as session:
            if session.scalar(select(AcceptedRow.entry).limit(1)) is not None:
                raise StartupError(
                    f"The company's folder {folder} is gone.",
                    "Put it back (or mount it), or set LOOPOS_HOME to another folder.",
                )
    import shutil

    shutil.copytree(DATA / "company", folder)
    log.info("demo_company_made", folder=str(folder))
