"""What was adopted goes to the company's remote: a branch with one commit, and a pull request where a token is there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from bot.company_edits import Branch, CompanyEdits, NotPushed
from bot.pull_requests import HostAway, HostRefused, PullRequests, inert
from bot.settings import Settings
from bot.shipping import latest_skill, skill_text
from core.context import Commit, Services, Store, Task, Tx
from core.errors import TryLater
from core.i18n import N_
from core.model import RuleStatus, SkillStatus
from core.outbox import card_publisher
from core.outbox.said_once import count, first_time, forget
from core.store.brain_tables import RuleRow, SkillVersion
from core.team.learnt import rule_from, skill_from
from core.workflow import rule_view, rules
from core.workflow.shipping import PUBLISH, What

log = structlog.get_logger(__name__)

FIRST_PAUSE: Final = 5
LONGEST_PAUSE: Final = 3600
"""Seconds until it is tried again: 5, 10, 20 .. one hour."""


@dataclass(frozen=True)
class Shipment:
    """What is to be seen at the remote."""

    what: What
    name: str
    version: int
    file: str
    text: str | None
    """None: it was taken back."""
    was: str
    """Its file as it was adopted."""
    instead: str | None
    """What holds in its place where it was taken back."""
    undo: bool
    """False: a later version has taken its place, and brings itself."""
    title: str
    body: str
    by: str
    at: datetime
    branch: str
    """Of its own pull request; "" where none was pushed."""
    pull_request: str

    @property
    def branch_name(self) -> str:
        name = re.sub(r"\.{2,}|\.lock$|\.$", "-", self.name)
        return f"loopos/{name}-v{self.version}"


class Publishing:
    """The job that is owed once a file is committed. Doing it twice does nothing the second time."""

    def __init__(
        self, store: Store, services: Services, edits: CompanyEdits, host: PullRequests | None
    ) -> None:
        self._store = store
        self._services = services
        self._edits = edits
        self._host = host

    def task(self) -> Task:
        return Task(
            PUBLISH, find=lambda session, some: some, run=self._run, exhausted=lambda *_: None, slots=1
        )

    async def _run(self, args: dict[str, Any], _found: Any) -> Commit | None:
        return await self.publish(args["what"], str(args["name"]), args.get("version"))

    async def publish(self, what: What, name: str, version: int | None = None) -> Commit | None:
        """Returns what records it. Raises TryLater where it has to be tried again by itself."""
        if not self._edits.origin():
            return None
        one = await self._store.read(lambda session: shipment_of(session, what, name, version))
        if one is None:
            return None
        try:
            done = await (self._put(one) if one.text is not None else self._take_back(one))
        except HostRefused as refused:
            why = str(refused)
            await self._store.write(lambda tx: _failed(tx, one, why))
            return None
        except (NotPushed, HostAway) as away:
            why = str(away)
            tries = await self._store.write(lambda tx: _failed(tx, one, why))
            pause = min(FIRST_PAUSE * 2 ** (tries - 1), LONGEST_PAUSE)
            raise TryLater(why, timedelta(seconds=pause)) from None
        return lambda tx: _recorded(tx, one, *done)

    async def _put(self, one: Shipment) -> tuple[str, str]:
        branch = Branch(one.branch_name, one.file, one.text, _message(one), one.at)
        base = await self._edits.push(branch)
        page = one.pull_request
        if self._host is not None and not page:
            origin = self._edits.origin()
            page = await self._host.ensure(origin, branch.name, base, one.title, one.body)
        return branch.name, page

    async def _take_back(self, one: Shipment) -> tuple[str, str]:
        """Merged there: a branch that takes it away. Not merged: its pull request is closed."""
        there = await self._edits.at_remote(one.file)
        merged = there is not None and there.strip() == one.was.strip()
        if merged and not one.undo:
            return one.branch, one.pull_request
        if merged:
            name = f"{one.branch_name}-rollback"
            branch = Branch(name, one.file, one.instead, _message(one), one.at)
            base = await self._edits.push(branch)
            page = one.pull_request
            if self._host is not None:
                page = await self._host.ensure(
                    self._edits.origin(), name, base, f"Take back: {one.title}", one.body
                )
            return name, page
        if self._host is not None and one.pull_request:
            await self._host.close(self._edits.origin(), one.pull_request)
        return one.branch, one.pull_request


def publishing_of(
    settings: Settings, store: Store, services: Services, edits: CompanyEdits | None = None
) -> Publishing:
    """As this home has it; `edits` without what the service adds to it."""
    token = settings.github_token.get_secret_value() if settings.github_token is not None else ""
    host = PullRequests(settings.github_api_url, token) if token else None
    return Publishing(store, services, edits or CompanyEdits(settings.company_folder, None, token), host)


def _message(one: Shipment) -> str:
    state = "taken back" if one.text is None else f"version {one.version}"
    return "\n".join(
        [
            f"{one.what} {one.name}: {state}",
            "",
            f"Approved-by: {one.by}",
            f"{one.what.capitalize()}: {one.name} v{one.version}",
        ]
    )


def shipment_of(session: Session, what: What, name: str, version: int | None = None) -> Shipment | None:
    """None where nothing was decided about it. `version`: of a skill; without one as it is adopted now."""
    if what == "rule":
        rule = session.get(RuleRow, name)
        return None if rule is None or rule.decided_at is None else _of_rule(rule, rule.decided_at)
    now = latest_skill(session, name)
    skill = now if version is None else session.get(SkillVersion, (name, version))
    if now is None or skill is None or skill.decided_at is None:
        return None
    instead = skill_text(now) if now.status == SkillStatus.APPROVED and now is not skill else None
    return _of_skill(skill, skill.decided_at, instead)


def _of_rule(row: RuleRow, at: datetime) -> Shipment:
    said, text = rule_from(row.content).text.get("en") or row.text, rule_view.text_of(row)
    return Shipment(
        what="rule",
        name=row.rule_id,
        version=row.version,
        file=rule_view.file_of(row),
        text=text if row.status == RuleStatus.APPROVED else None,
        was=text,
        instead=None,
        undo=True,
        title=inert(f"Rule {row.rule_id}: {said}"),
        body=inert("\n\n".join([said, rule_view.brief_of(row)])),
        by=row.decided_by or "",
        at=at,
        branch=row.branch,
        pull_request=row.pull_request,
    )


def _of_skill(row: SkillVersion, at: datetime, instead: str | None) -> Shipment:
    skill, text = skill_from(row.content), skill_text(row)
    tickets = ", ".join(skill.sources.derived_from_tickets) or "none"
    return Shipment(
        what="skill",
        name=row.skill_id,
        version=row.version,
        file=f"skills/{row.skill_id}.json",
        text=text if row.status == SkillStatus.APPROVED else None,
        was=text,
        instead=instead,
        undo=row.status != SkillStatus.REPLACED,
        title=inert(f"Skill {row.skill_id} v{row.version}"),
        body=inert(f"{skill.description}\n\nEvidence: {tickets}"),
        by=row.decided_by or "",
        at=at,
        branch=row.branch,
        pull_request=row.pull_request,
    )


def owed(tx: Tx, host: bool) -> list[tuple[What, str]]:
    """What was adopted and committed, and is not known to be at the remote (with its pull request, where there is a `host`):
    tried at each start."""
    missing = or_(RuleRow.branch == "", RuleRow.pull_request == "") if host else RuleRow.branch == ""
    ids = select(RuleRow.rule_id).where(RuleRow.status == RuleStatus.APPROVED, RuleRow.commit != "", missing)
    found: list[tuple[What, str]] = [("rule", one) for one in tx.session.scalars(ids)]
    missing = SkillVersion.branch == ""
    if host:
        missing = or_(missing, SkillVersion.pull_request == "")
    named = select(SkillVersion.skill_id).where(
        SkillVersion.status == SkillStatus.APPROVED, SkillVersion.commit != "", missing
    )
    return [*found, *(("skill", one) for one in tx.session.scalars(named))]


def _failed(tx: Tx, one: Shipment, why: str) -> int:
    """Told once for each cause; returns how often it failed in a row."""
    times = count(tx, _key(one))
    log.warning("not_published", what=one.what, name=one.name, why=why[:120])
    if first_time(tx, f"{_key(one)}:{why[:60]}"):
        if one.what == "rule":
            rules.note(tx, rules.find(tx, one.name), "failed", why=why[:200])
        card_publisher.tell(
            tx,
            tx.services.company.founder,
            lambda words: words(
                N_("{what} holds here, and could not be put into the company's repository yet: {why}"),
                what=one.name,
                why=why[:200],
            ),
        )
    return times


def _recorded(tx: Tx, one: Shipment, branch: str, page: str) -> None:
    forget(tx, _key(one))
    if one.what == "rule":
        row = rules.find(tx, one.name)
        if branch != row.branch:
            rules.note(tx, row, "pushed")
        if page != row.pull_request:
            rules.note(tx, row, "shipped")
        row.branch, row.pull_request = branch, page
        return
    found = tx.get(SkillVersion, (one.name, one.version))
    if found is not None:
        found.branch, found.pull_request = branch, page


def _key(one: Shipment) -> str:
    return f"publish:{one.what}:{one.name}"[:60]
