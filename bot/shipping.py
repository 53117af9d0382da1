"""What the founder approved becomes a file of the company, and a commit of that file alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.company_edits import CompanyEdits
from core.company.editing import Edit
from core.context import Commit, Store, Task, Tx
from core.i18n import N_
from core.model import SkillStatus
from core.outbox import card_publisher
from core.store.brain_tables import SkillVersion
from core.workflow.skill_versions import SHIP, versions

log = structlog.get_logger(__name__)


class Shipping:
    """The job that is owed by core.workflow.skill_versions.ship. Doing it twice does nothing the second time."""

    def __init__(self, store: Store, edits: CompanyEdits) -> None:
        self._store = store
        self._edits = edits

    def task(self) -> Task:
        return Task(SHIP, find=lambda session, some: some, run=self._run, exhausted=_failed, slots=1)

    async def _run(self, args: dict[str, Any], _found: Any) -> Commit:
        return await self.skill(str(args["skill"]))

    async def skill(self, skill_id: str) -> Commit:
        """The file of `skill_id` as it is approved now; returns what records its commit."""
        row = await self._store.read(lambda session: _latest(session, skill_id))

        def edit(_folder: Path) -> Edit:
            file = f"skills/{skill_id}.json"
            if row.status != SkillStatus.APPROVED:
                return Edit(file, None, f"skill {skill_id}: taken back")
            text = json.dumps({**row.content, "approved": True}, ensure_ascii=False, indent=2) + "\n"
            return Edit(file, text, f"skill {skill_id}: version {row.version}")

        trailers = (f"Approved-by: {row.decided_by}", f"Skill: {skill_id} v{row.version}")
        commit = await self._edits.keep(edit, row.decided_by or "", trailers)
        log.info("skill_shipped", skill=skill_id, version=row.version, status=row.status.value)

        def record(tx: Tx) -> None:
            for one in versions(tx, skill_id):
                if one.version == row.version:
                    one.commit = commit

        return record


def _latest(session: Session, skill_id: str) -> SkillVersion:
    """The approved version; where there is none the one that was decided about last."""
    wanted = select(SkillVersion).where(
        SkillVersion.skill_id == skill_id, SkillVersion.decided_at.is_not(None)
    )
    rows = session.scalars(wanted.order_by(SkillVersion.decided_at)).all()
    return next((row for row in rows if row.status == SkillStatus.APPROVED), rows[-1])


def _failed(tx: Tx, args: dict[str, Any], error: str) -> None:
    card_publisher.tell(
        tx,
        tx.services.company.founder,
        lambda words: words(
            N_("⚠️ {what} is approved, and could not be written into the company's folder: {why}"),
            what=args["skill"],
            why=error[:200],
        ),
    )
