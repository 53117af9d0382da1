"""Hand-made changes of the company's files: what tightens counts at once, what widens waits for the founder's yes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from sqlalchemy import select

from core.actors import Actor
from core.cards.company_files import company_files
from core.company.company import Company
from core.company.rules import digest_of as rule_digest
from core.company.skills import digest_of as skill_digest
from core.company.widening import values_of
from core.context import Tx
from core.errors import Refused
from core.model import RuleStatus, SkillStatus
from core.outbox import card_publisher
from core.outbox.said_once import first_time, forget
from core.store.brain_tables import AcceptedRow, RuleRow, SkillVersion
from core.store.session_rows import SessionRows
from core.store.tables import Counter
from core.team import roster
from core.team.learnt import OPERATOR, TAKEN, accepted, let_through
from core.workflow import rules, skill_versions
from core.workflow.company_view import pending_digest


def take_as_it_is(tx: Tx, written: Company) -> None:
    """At the first start: all that lies in the folder is the operator's word."""
    if tx.get(Counter, TAKEN) is not None:
        if tx.session.scalar(select(AcceptedRow.entry).limit(1)) is None:
            _accept(tx, values_of(written), OPERATOR)  # a home from before this was kept
        return
    skill_versions.take_as_it_is(tx, written)
    rules.take_as_it_is(tx, written)
    _accept(tx, values_of(written), OPERATOR)
    tx.session.flush()


def _accept(tx: Tx, values: dict[str, dict[str, Any]], by: str) -> None:
    for entry, value in values.items():
        row = tx.get(AcceptedRow, entry)
        if row is None:
            tx.add(AcceptedRow(entry=entry, value=value, by=by, at=tx.now))
        elif row.value != value:
            row.value, row.by, row.at = value, by, tx.now
    tx.session.flush()


def notice(tx: Tx, written: Company) -> None:
    """Skills, rules and values of the files that nobody said yes to: the founder is asked, once for each content. What was
    tightened is kept in mind, so that it does not widen again by itself."""
    if tx.get(Counter, TAKEN) is None:
        return
    skill_versions.notice(tx, written)
    rules.notice(tx, written)
    company, pending = let_through(SessionRows(tx.session), written)
    _accept(tx, values_of(company), OPERATOR)
    gone = set(tx.session.scalars(select(AcceptedRow.entry))) - set(values_of(written))
    for entry in gone:
        # Whoever comes back has to be allowed anew; the rest is held against what it was.
        if entry.startswith("vendor:"):
            _forget(tx, entry)
    if pending and first_time(tx, f"pending:{pending_digest(pending)}"):
        founder = tx.services.company.founder
        card_publisher.post_own(
            tx,
            "company",
            pending_digest(pending),
            partial(company_files, pending, pending_digest(pending)),
            card_publisher.readers_of(tx, founder),
        )


def operators_word(tx: Tx, before: Company, after: Company, by: str = OPERATOR) -> None:
    """What somebody who may changed from `before` to `after` is accepted with the change; what waited goes on waiting."""
    known, allowed = values_of(before), accepted(SessionRows(tx.session))
    fresh: dict[str, dict[str, Any]] = {}
    for entry, value in values_of(after).items():
        was = known.get(entry)
        if was is None:
            fresh[entry] = value
        elif was != value:
            changed = {key: one for key, one in value.items() if was.get(key) != one}
            fresh[entry] = {**allowed.get(entry, was), **changed}
    for entry in set(known) - set(values_of(after)):
        if entry.startswith("sop:"):
            _forget(tx, entry)
    _accept(tx, fresh, by)


def _forget(tx: Tx, entry: str) -> None:
    row = tx.get(AcceptedRow, entry)
    if row is not None:
        tx.session.delete(row)
        tx.session.flush()


def approve(tx: Tx, actor: Actor, digest: str = "") -> int:
    """The files say it as it shall be; returns how many values. `digest`: of what was shown on the card. Raises Refused("gone"):
    it is another by now."""
    written = tx.services.written
    waits = let_through(SessionRows(tx.session), written)[1]
    forget(tx, f"pending:{pending_digest(waits)}")
    if digest and digest != pending_digest(waits):
        raise Refused("gone")
    entries, now = {one.entry for one in waits}, values_of(written)
    _accept(tx, {e: value for e, value in now.items() if e in entries}, actor.person_id)
    for entry in entries - set(now):
        _forget(tx, entry)
    roster.renew(tx)
    card_publisher.redraw_own(
        tx, "company", pending_digest(waits), partial(company_files, waits, pending_digest(waits), done=True)
    )
    return len(waits)


def approve_files(tx: Tx, actor: Actor) -> list[tuple[str, str]]:
    """Also the skills and rules that lie in the folder and wait: (what, id) of each."""
    done: list[tuple[str, str]] = []
    written = tx.services.written
    skills = {skill_digest(one) for one in written.skills}
    there = {rule_digest(one) for one in written.rules}
    for row in _proposed_skills(tx):
        if row.digest in skills and _adopted(tx, partial(skill_versions.adopt, tx, row, actor)):
            done.append(("skill", row.skill_id))
    for rule in _proposed_rules(tx):
        if rule.digest in there and _adopted(tx, partial(rules.adopt, tx, rule, actor)):
            done.append(("rule", rule.rule_id))
    return done


def _adopted(tx: Tx, adopt: Callable[[], None]) -> bool:
    """False where it does not fit the company any more: it goes on waiting, and stops nothing else."""
    try:
        with tx.nested():
            adopt()
    except Refused:
        return False
    return True


def _proposed_rules(tx: Tx) -> Iterable[RuleRow]:
    wanted = select(RuleRow).where(RuleRow.status == RuleStatus.PROPOSED, RuleRow.proposed_by == OPERATOR)
    return tx.session.scalars(wanted.order_by(RuleRow.proposed_at)).all()


def _proposed_skills(tx: Tx) -> Iterable[SkillVersion]:
    wanted = select(SkillVersion).where(
        SkillVersion.status == SkillStatus.PROPOSED, SkillVersion.proposed_by == OPERATOR
    )
    return tx.session.scalars(wanted.order_by(SkillVersion.version)).all()
