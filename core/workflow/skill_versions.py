"""Versions of skills: proposed, approved by the founder, taken back. What runs is what he approved, not what a file says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.actors import Actor, Reader
from core.cards.skill import SkillSnapshot
from core.cards.skill import skill as skill_card
from core.cards.view import CardDraft
from core.company.company import Company
from core.company.skill_checks import misfits
from core.company.skills import Skill, digest_of, skill_json
from core.context import Tx
from core.errors import Refused
from core.model import Address, SkillStatus
from core.outbox import card_publisher
from core.store.brain_tables import SkillVersion
from core.store.frozen import frozen
from core.store.session_rows import SessionRows
from core.store.tables import Counter, Ticket
from core.team.learnt import OPERATOR, TAKEN, skill_from
from core.workflow import shipping, skill_record

LEARN: Final = "learn"
"""The job that looks whether the repairs of a kind at a place were alike (core.brain.learning)."""


# --- files that somebody wrote


def take_as_it_is(tx: Tx, written: Company) -> None:
    """At the first start: what lies in the folder is approved."""
    tx.add(Counter(name=TAKEN, value=1))
    for skill in written.skills:
        row = _row(tx, skill, skill.version, {}, OPERATOR)
        row.status, row.decided_by, row.decided_at = SkillStatus.APPROVED, OPERATOR, tx.now


def notice(tx: Tx, written: Company) -> None:
    """A file that the founder has not approved, whatever it says of itself: he is asked, once for each content."""
    known = {(row.skill_id, row.digest) for row in tx.session.scalars(select(SkillVersion))}
    for skill in written.skills:
        if (skill.skill_id, digest_of(skill)) not in known:
            propose(tx, skill, {"file": True}, OPERATOR)


# --- proposing and deciding


def propose(
    tx: Tx, skill: Skill, evidence: dict[str, Any], by: str, not_before: datetime | None = None
) -> SkillVersion:
    """Put `skill` before the founder, as the next version of its id. Nothing runs before he adopts it."""
    latest = max((row.version for row in versions(tx.session, skill.skill_id)), default=0)
    version = max(latest + 1, skill.version)
    row = _row(tx, skill, version, evidence, by)
    tx.session.flush()
    put_before(tx, row, card_publisher.readers_of(tx, tx.services.company.founder), not_before)
    return row


def put_before(
    tx: Tx, row: SkillVersion, ways: Iterable[tuple[Address, Reader]], not_before: datetime | None = None
) -> None:
    """Its card, in each of these conversations."""
    subject = f"{row.skill_id}:{row.version}"
    card_publisher.post_own(tx, "skill", subject, _card(tx, row), ways, not_before=not_before)


def _card(tx: Tx, row: SkillVersion) -> Callable[[Reader], CardDraft]:
    record = skill_record.of(SessionRows(tx.session), row.skill_id, row.version)
    seen = frozen(SkillSnapshot, row, skill=skill_from(row.content), record=record)
    return partial(skill_card, seen, tx.services.company)


def draw_later(tx: Tx, row: SkillVersion) -> None:
    """Bring its card up to date, once, at the end of this unit of work."""
    tx.before_commit(f"skill:{row.skill_id}:{row.version}", partial(_draw, tx, row))


def _draw(tx: Tx, row: SkillVersion) -> None:
    card_publisher.redraw_own(tx, "skill", f"{row.skill_id}:{row.version}", _card(tx, row))


def _row(tx: Tx, skill: Skill, version: int, evidence: dict[str, Any], by: str) -> SkillVersion:
    numbered = skill.model_copy(update={"version": version, "approved": False})
    return tx.add(
        SkillVersion(
            skill_id=skill.skill_id,
            version=version,
            content=skill_json(numbered),
            digest=digest_of(numbered),
            status=SkillStatus.PROPOSED,
            evidence=evidence,
            proposed_by=by,
            proposed_at=tx.now,
            commit="",
            branch="",
            pull_request="",
        )
    )


def versions(session: Session, skill_id: str) -> list[SkillVersion]:
    """Oldest first."""
    wanted = select(SkillVersion).where(SkillVersion.skill_id == skill_id).order_by(SkillVersion.version)
    return list(session.scalars(wanted))


def find(tx: Tx, skill_id: str, version: int | None = None) -> SkillVersion:
    """That version; without one the approved one, else the newest. Raises Refused("unknown_skill")."""
    every = versions(tx.session, skill_id)
    if version is not None:
        every = [row for row in every if row.version == version]
    if not every:
        raise Refused("unknown_skill", skill=skill_id[:60])
    return next((row for row in every if row.status == SkillStatus.APPROVED), every[-1])


def decided(tx: Tx, skill_id: str) -> SkillVersion:
    """The version that was decided about last."""
    rows = [row for row in versions(tx.session, skill_id) if row.decided_at is not None]
    return max(rows, key=lambda row: (row.decided_at, row.status == SkillStatus.APPROVED, row.version))


def proposal(tx: Tx, skill_id: str, version: int | None = None) -> SkillVersion:
    """The version that waits to be decided. Raises Refused("unknown_skill" | "gone")."""
    if version is not None:
        row = find(tx, skill_id, version)
    else:
        waiting = [one for one in versions(tx.session, skill_id) if one.status == SkillStatus.PROPOSED]
        row = waiting[-1] if waiting else find(tx, skill_id)
    if row.status != SkillStatus.PROPOSED:
        raise Refused("gone")
    return row


def adopt(tx: Tx, row: SkillVersion, actor: Actor) -> None:
    """From the commit of its file on it runs; the version before it is kept. Raises Refused("rule_unfit"): the company is
    another than when it was proposed."""
    for path, problem in misfits(tx.services.company, skill_from(row.content)):
        raise Refused("rule_unfit", why=f"{'.'.join(map(str, path))}: {problem}")
    for other in versions(tx.session, row.skill_id):
        if other.status == SkillStatus.APPROVED:
            _decide(tx, other, SkillStatus.REPLACED, actor)
    _decide(tx, row, SkillStatus.APPROVED, actor)
    ship(tx, row.skill_id)


def dismiss(tx: Tx, row: SkillVersion, actor: Actor) -> None:
    """It is not to run; the same content is not proposed again."""
    _decide(tx, row, SkillStatus.REJECTED, actor)


def roll_back(
    tx: Tx,
    skill_id: str,
    actor: Actor,
    status: SkillStatus = SkillStatus.ROLLED_BACK,
    version: int | None = None,
) -> None:
    """The approved version runs no more; the one that it had replaced does. `version`: the one that is meant. Raises Refused("unknown_skill" | "gone")."""
    row = find(tx, skill_id)
    if row.status != SkillStatus.APPROVED or version not in {None, row.version}:
        raise Refused("gone")
    _decide(tx, row, status, actor)
    before = [one for one in versions(tx.session, skill_id) if one.status == SkillStatus.REPLACED]
    if before:
        _decide(tx, before[-1], SkillStatus.APPROVED, actor)
    ship(tx, skill_id)


def _decide(tx: Tx, row: SkillVersion, status: SkillStatus, actor: Actor) -> None:
    over = row.status == SkillStatus.APPROVED and bool(row.branch)
    row.status, row.decided_by, row.decided_at = status, actor.person_id, tx.now
    if over:
        shipping.publish(tx, "skill", row.skill_id, row.version)


def look_for_likes(tx: Tx, ticket: Ticket) -> None:
    """It was resolved: perhaps the third like repair."""
    args = {"property": ticket.property_id, "category": ticket.category}
    if ticket.property_id is not None:
        tx.services.jobs.defer(tx, LEARN, args, lane=LEARN)


def ship(tx: Tx, skill_id: str) -> None:
    """The file is owed as it is approved now."""
    shipping.owe(tx, "skill", skill_id)


def owed(tx: Tx) -> Iterable[str]:
    """Skills whose approved version was never committed: a shell verb that was killed between the two."""
    wanted = select(SkillVersion.skill_id).where(
        SkillVersion.status == SkillStatus.APPROVED,
        SkillVersion.commit == "",
        SkillVersion.decided_by != OPERATOR,
    )
    return list(tx.session.scalars(wanted))
