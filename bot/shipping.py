"""What the founder approved becomes a file of the company, and a commit of that file alone."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.allowing import allowing
from bot.company_edits import CompanyEdits, NotKept
from core.company import memos
from core.company import procedures as written
from core.company.editing import Edit, Unreadable
from core.context import Commit, Store, Task, Tx
from core.i18n import N_
from core.model import RuleStatus, SkillStatus
from core.outbox import card_publisher
from core.outbox.said_once import first_time
from core.store.brain_tables import MemoRow, RuleRow, SkillVersion
from core.workflow import procedures, rule_view, rules, shipping, skill_versions
from core.workflow.shipping import SHIP, What

log = structlog.get_logger(__name__)


class Shipping:
    """The job that is owed by core.workflow.shipping. Doing it twice does nothing the second time."""

    def __init__(self, store: Store, edits: CompanyEdits) -> None:
        self._store = store
        self._edits = edits

    def task(self) -> Task:
        return Task(SHIP, find=lambda session, some: some, run=self._run, exhausted=_failed, slots=1)

    async def _run(self, args: dict[str, Any], _found: Any) -> Commit:
        name = str(args["name"])
        try:
            if args["what"] == "sop":
                return await self._procedure(name, str(args["text"]), str(args["who"]))
            return await self.ship(args["what"], name)
        except NotKept as not_kept:
            why = str(not_kept)
            await self._store.write(lambda tx: _waits(tx, name, why))
            raise

    async def ship(self, what: What, name: str) -> Commit:
        """The file of `name` as it is adopted now; returns what records its commit."""
        match what:
            case "skill":
                return await self._skill(name)
            case "rule":
                return await self._rule(name)
            case "memo":
                return await self._memo(name)

    async def _skill(self, skill_id: str) -> Commit:
        row = await self._store.read(lambda session: latest_skill(session, skill_id))
        assert row is not None, "a skill is shipped once it was decided about"
        file, text, about = f"skills/{skill_id}.json", None, f"skill {skill_id}: taken back"
        if row.status == SkillStatus.APPROVED:
            text = skill_text(row)
            about = f"skill {skill_id}: version {row.version}"
        commit = await self._commit(file, text, about, row.decided_by, f"Skill: {skill_id} v{row.version}")

        def record(tx: Tx) -> None:
            for one in skill_versions.versions(tx.session, skill_id):
                if one.version == row.version:
                    one.commit = commit
            shipping.publish(tx, "skill", skill_id)

        return record

    async def _rule(self, rule_id: str) -> Commit:
        row = await self._store.read(lambda session: session.get(RuleRow, rule_id))
        assert row is not None, "a rule is never deleted"
        file, text, about = (
            rule_view.file_of(row),
            None,
            f"rule {rule_id}: {row.status.value.replace('_', ' ')}",
        )
        if row.status == RuleStatus.APPROVED:
            text, about = rule_view.text_of(row), f"rule {rule_id}: version {row.version}"
        commit = await self._commit(file, text, about, row.decided_by, f"Rule: {rule_id} v{row.version}")

        def record(tx: Tx) -> None:
            fresh = rules.find(tx, rule_id)
            if fresh.commit != commit:
                fresh.commit = commit
                rules.note(tx, fresh, "committed")
            shipping.publish(tx, "rule", rule_id)

        return record

    async def _memo(self, memo_id: str) -> Commit:
        """It stands in the file of memos as it was decided; no branch and no pull request."""
        row = await self._store.read(lambda session: session.get(MemoRow, memo_id))
        assert row is not None, "a memo that was decided about is never deleted"
        trailers = (f"Approved-by: {row.decided_by}", f"Memo: {memo_id}")
        await self._edits.keep(partial(memos.put, memo=row.content), row.decided_by or "", trailers)
        return lambda tx: None

    async def _procedure(self, sop_id: str, text: str, who: str) -> Commit:
        """The founder's own words, so that what they widen is allowed. What does not fit the company is told, and nothing is
        written."""
        try:
            await self._edits.keep(
                partial(written.put, sop_id=sop_id, text=text),
                who,
                (f"Approved-by: {who}", f"Procedure: {sop_id}"),
                allowing(self._store),
            )
        except Unreadable as unfit:
            why = unfit.text
            return lambda tx: _not_kept(tx, sop_id, why, who)
        return lambda tx: _kept(tx, sop_id, gone=not text, who=who)

    async def _commit(self, file: str, text: str | None, about: str, by: str | None, what: str) -> str:
        trailers = (f"Approved-by: {by}", what)
        commit = await self._edits.keep(lambda _: Edit(file, text, about), by or "", trailers)
        log.info("shipped", file=file, there=text is not None)
        return commit


def latest_skill(session: Session, skill_id: str) -> SkillVersion | None:
    """The approved version; where there is none the one that was decided about last; None where none was."""
    wanted = select(SkillVersion).where(
        SkillVersion.skill_id == skill_id, SkillVersion.decided_at.is_not(None)
    )
    rows = session.scalars(wanted.order_by(SkillVersion.decided_at)).all()
    return next((row for row in rows if row.status == SkillStatus.APPROVED), rows[-1] if rows else None)


def skill_text(row: SkillVersion) -> str:
    """The whole of its file."""
    return json.dumps({**row.content, "approved": True}, ensure_ascii=False, indent=2) + "\n"


def _waits(tx: Tx, name: str, why: str) -> None:
    """Once a day for each cause: it is tried again by itself."""
    if first_time(tx, f"not_kept:{name}:{why[:60]}:{tx.now:%Y-%m-%d}"[:160]):
        card_publisher.tell(
            tx,
            tx.services.company.founder,
            lambda words: words(
                N_("{what} is approved, and cannot be written yet: {why}. I keep trying."),
                what=name,
                why=why[:200],
            ),
        )


def _failed(tx: Tx, args: dict[str, Any], error: str) -> None:
    card_publisher.tell(
        tx,
        tx.services.company.founder,
        lambda words: words(
            N_("⚠️ {what} is approved, and could not be written into the company's folder: {why}"),
            what=args["name"],
            why=error[:200],
        ),
    )


def _kept(tx: Tx, sop_id: str, *, gone: bool, who: str) -> None:
    procedures.written(tx, sop_id)
    sop = tx.services.company.sop(sop_id)
    said = N_("“{what}” is no procedure any more.") if gone else N_("“{what}” holds from now on.")
    card_publisher.tell(
        tx,
        tx.services.company.person(who),
        lambda words: words(said, what=sop.title if sop is not None else sop_id),
    )


def _not_kept(tx: Tx, sop_id: str, why: str, who: str) -> None:
    card_publisher.tell(
        tx,
        tx.services.company.person(who),
        lambda words: words(N_("“{what}” stays as it was: {why}"), what=sop_id, why=why[:300]),
    )
