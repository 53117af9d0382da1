"""What the loop works with: its folder, its rows, and what its programs are given."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy.orm import Session

from core.asks.references import attachment_of
from core.context import Services, Store, Tx
from core.loop.config import LoopConfig, read_config
from core.loop.environment import builtin_argv, child_env, secrets_in, worker_env, write_bin
from core.loop.folder import LoopFolder
from core.store.tables import Counter
from core.workers import roster
from core.workers.fleet import Fleet, Setting

log = structlog.get_logger(__name__)

DOWN: Final = "loop_down"
"""A counter: 1 while somebody stopped the loop."""


@dataclass
class LoopHouse:
    store: Store
    services: Services
    home: Path
    environ: Mapping[str, str]
    """Of this process: what may be passed on is picked from it, what is secret struck out."""
    more_secrets: frozenset[bytes] = frozenset()
    """Those that stand elsewhere than in the environment."""
    config_path: Path | None = None
    feeds: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    """When each reservation feed was read last, and why it could not be ("": it could)."""
    folder: LoopFolder = field(init=False)
    secrets: frozenset[bytes] = field(init=False)
    fleet: Fleet = field(init=False)
    _warned: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.folder = LoopFolder(self.home / "loop")
        self.secrets = secrets_in(self.environ) | self.more_secrets
        self.fleet = Fleet(
            self.store, self.services, self.folder.path, self.home, self.secrets, self._fleet_setting
        )

    async def _fleet_setting(self) -> Setting:
        config = await self.config()

        def env(worker: str) -> Mapping[str, str]:
            write_bin(self.folder.path, worker)
            return worker_env(self.env(config, worker))

        return Setting(
            env,
            builtin_argv,
            config.worker_command,
            config.runners,
            config.max_workers,
            float(config.worker_stuck_secs),
            timedelta(seconds=config.session_ttl),
            timedelta(seconds=config.tells_consumed_keep_secs),
            config.worker_budget_usd,
        )

    async def attachment(self, reference: str) -> dict[str, Any] | None:
        """As core.asks.references has it."""
        if not reference.strip():
            return None
        reports, media = self.folder.path / "reports", self.services.media
        return await asyncio.to_thread(attachment_of, reports, media, reference, self.secrets)

    def workers(
        self, session: Session, now: datetime, config: LoopConfig, *, every: bool = False
    ) -> list[dict[str, Any]]:
        """As core.workers.roster describes them."""
        folder = self.folder.path / "sessions"
        return roster.describe(session, folder, now, float(config.worker_stuck_secs), every=every)

    @property
    def zone(self) -> ZoneInfo:
        return self.services.company.founder.zone

    async def ensure(self) -> None:
        """Its folder is there, with all that belongs in it."""
        await asyncio.to_thread(self.folder.ensure, self.services.clock.now())
        await asyncio.to_thread(write_bin, self.folder.path)

    async def config(self) -> LoopConfig:
        """As it stands now; each thing in it that is not understood is logged once."""
        found, warnings = await asyncio.to_thread(self.config_now)
        for one in set(warnings) - self._warned:
            log.warning("loop_config", what=one)
        self._warned = set(warnings)
        return found

    def config_now(self) -> tuple[LoopConfig, list[str]]:
        path = self.config_path or self.folder.path / "config.json"
        try:
            text: str | None = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = None
        return read_config(text, self.environ)

    def env(self, config: LoopConfig, session: str = "") -> dict[str, str]:
        return child_env(self.folder.path, self.home, self.environ, config.pass_env, session)


def is_down(session: Session) -> bool:
    """Somebody stopped the loop: it stays so over restarts."""
    row = session.get(Counter, DOWN)
    return row is not None and row.value == 1


def set_down(tx: Tx, down: bool) -> bool:
    """Whether that is another than it was."""
    was = is_down(tx.session)
    row = tx.get(Counter, DOWN) or tx.add(Counter(name=DOWN, value=0))
    row.value = int(down)
    return was != down
