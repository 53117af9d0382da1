"""Rules: proposed by LoopOS or a person, adopted by the founder, taken back. Nothing goes by one before he adopts it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from pydantic import ValidationError
from sqlalchemy import select

from core.actors import LOOPOS, Actor, Reader
from core.cards.rule import RuleSnapshot
from core.cards.rule import rule as rule_card
from core.cards.rule_words import sentence
from core.cards.view import CardDraft
from core.company.company import Company
from core.company.rule_checks import misfits
from core.company.rules import Rule, digest_of, rule_json
from core.context import Tx
from core.errors import Refused
from core.i18n import N_, Words
from core.ids import new_id
from core.model import LANGUAGES, SYSTEM, Address, RuleStatus
from core.outbox import card_publisher
from core.outbox.said_once import first_time
from core.store.brain_tables import RuleRow
from core.store.frozen import frozen
from core.team.learnt import OPERATOR, rule_from
from core.text import escape, shorten
from core.tickets.records import find_ticket
from core.workflow import shipping

EDITABLE: Final = frozenset(
    {
        "property_id",
        "category",
        "vendor_id",
        "severity_max",
        "until",
        "max_uses",
        "cap_usd",
        "usd",
        "up_to_usd",
    }
    | {"seconds", "step", "memo_id"}
)
_SCOPE: Final = frozenset({"property_id", "category", "severity_max"})


# --- proposing


def propose_words(tx: Tx, actor: Actor, text: str, ticket_id: str, property_id: str) -> RuleRow:
    """Somebody of the team says in words how it should be: written down, and put before the founder.
    Raises Refused("text_needed" | "unknown_ticket" | "which_property")."""
    words = escape(text).strip()[:2000]
    if not words:
        raise Refused("text_needed")
    if property_id and tx.services.company.place(property_id) is None:
        raise Refused("which_property")
    ticket = find_ticket(tx, ticket_id) if ticket_id else None
    rule = Rule.model_validate(
        {
            "rule_id": f"rule_{new_id()[-12:]}",
            "kind": "code",
            "when": {"property_id": property_id or None},
            "proposed_by": actor.person_id,
            "text": dict.fromkeys(LANGUAGES, shorten(words, 300)),
            "evidence": [{"ticket_id": ticket.ticket_id, "at": tx.now}] if ticket is not None else [],
        }
    )
    row = write(tx, rule, words)
    row.ticket_id = ticket.ticket_id if ticket is not None else None
    founder = tx.services.company.founder
    if actor.person_id != founder.id:
        who = tx.services.company.name_of(actor.person_id)
        card_publisher.tell(
            tx,
            founder,
            lambda said: said(
                N_("{who} proposes a rule: “{text}”. It changes nothing by itself."),
                who=who,
                text=shorten(words, 300),
            ),
        )
    return row


def propose(tx: Tx, rule: Rule, by: str = SYSTEM, not_before: datetime | None = None) -> RuleRow | None:
    """Put `rule` before the founder; None where he was asked about the same before, or it does not fit the company."""
    if any(True for _ in misfits(tx.services.company, rule, tx.now)):
        return None
    if tx.session.scalar(select(RuleRow.rule_id).where(RuleRow.digest == digest_of(rule)).limit(1)):
        return None
    content, known = digest_of(rule), tx.get(RuleRow, rule.rule_id)
    if known is not None:
        rule = rule.model_copy(update={"rule_id": f"{rule.rule_id[:50]}_{new_id()[-6:]}"})
    row = write(tx, rule.model_copy(update={"proposed_by": by}))
    row.digest = content  # as whoever proposed it named it: the same is not asked twice
    if known is not None and by == OPERATOR:
        row.history = [{**row.history[0], "replaces": known.rule_id}]
    tx.session.flush()
    put_before(tx, row, card_publisher.readers_of(tx, tx.services.company.founder), not_before)
    return row


def write(tx: Tx, rule: Rule, words: str = "") -> RuleRow:
    """A proposal that nobody was asked about yet; `words`: as whoever proposed it said it."""
    company = tx.services.company
    if not rule.text:
        texts = {one: sentence(company, rule, Words(one, ZoneInfo("UTC"))) for one in LANGUAGES}
        rule = rule.model_copy(update={"text": texts})
    return tx.add(
        RuleRow(
            rule_id=rule.rule_id,
            version=rule.version,
            kind=rule.kind,
            content=rule_json(rule),
            digest=digest_of(rule),
            text=words,
            ticket_id=None,
            property_id=rule.when.property_id,
            evidence=[one.model_dump(mode="json", exclude_none=True) for one in rule.evidence],
            uses=0,
            proposed_by=rule.proposed_by or SYSTEM,
            proposed_at=tx.now,
            status=RuleStatus.PROPOSED,
            commit="",
            branch="",
            pull_request="",
            history=[{"at": tx.now.isoformat(), "event": "proposed", "by": rule.proposed_by or SYSTEM}],
        )
    )


def put_before(
    tx: Tx, row: RuleRow, ways: Iterable[tuple[Address, Reader]], not_before: datetime | None = None
) -> None:
    """Its card, in each of these conversations."""
    card_publisher.post_own(tx, "rule", row.rule_id, _card(tx, row), ways, not_before=not_before)


def notice(tx: Tx, written: Company) -> None:
    """A file that the founder has not adopted, whatever it says of itself: he is asked, once for each content."""
    for rule in written.rules:
        content = digest_of(rule)
        known = tx.session.scalar(select(RuleRow.rule_id).where(RuleRow.digest == content).limit(1))
        row = tx.get(RuleRow, rule.rule_id)
        if known is None and (row is None or digest_of(rule_from(row.content)) != content):
            asked = propose(tx, rule.model_copy(update={"approved_by": "", "text": {}}), OPERATOR)
            if asked is None:
                _tell_unfit(tx, rule)


def _tell_unfit(tx: Tx, rule: Rule) -> None:
    """Of a file that cannot even be proposed, once for each content."""
    problems = [
        f"{'.'.join(map(str, path))}: {said}" for path, said in misfits(tx.services.company, rule, tx.now)
    ]
    why = f"rules/{rule.rule_id}.json: {'; '.join(problems)}"
    if problems and first_time(tx, f"unfit:{digest_of(rule)}"):
        card_publisher.tell(
            tx,
            tx.services.company.founder,
            lambda words: words(
                N_("⚠️ The company's files have a mistake, so I go on with what they said before: {why}"),
                why=why,
            ),
        )


def take_as_it_is(tx: Tx, written: Company) -> None:
    """At the first start what lies in the folder is the operator's word."""
    for rule in written.rules:
        row = write(tx, rule)
        _decide(tx, row, RuleStatus.APPROVED, Actor(OPERATOR, None), "approved")


# --- deciding


def find(tx: Tx, rule_id: str) -> RuleRow:
    """Raises Refused("unknown_rule")."""
    row = tx.get(RuleRow, rule_id)
    if row is None:
        raise Refused("unknown_rule", rule=rule_id[:60])
    return row


def waiting(tx: Tx, rule_id: str) -> RuleRow:
    """Raises Refused("unknown_rule" | "gone")."""
    row = find(tx, rule_id)
    if row.status != RuleStatus.PROPOSED:
        raise Refused("gone")
    return row


def adopt(tx: Tx, row: RuleRow, actor: Actor) -> None:
    """From the commit of its file on it holds. Raises Refused("rule_unfit")."""
    rule = rule_from(row.content)
    require_fit(tx, rule)
    row.content = rule_json(rule.model_copy(update={"approved_by": actor.person_id}))
    replaced = tx.get(RuleRow, str(row.history[0].get("replaces", "")))
    if replaced is not None and replaced.status == RuleStatus.APPROVED:
        _decide(tx, replaced, RuleStatus.ROLLED_BACK, actor, "rolled_back", f"replaced by {row.rule_id}")
        shipping.owe(tx, "rule", replaced.rule_id)
    _decide(tx, row, RuleStatus.APPROVED, actor, "approved")
    shipping.owe(tx, "rule", row.rule_id)


def require_fit(tx: Tx, rule: Rule) -> None:
    """The company may be another than when it was proposed. Raises Refused("rule_unfit")."""
    for path, problem in misfits(tx.services.company, rule, tx.now):
        raise Refused("rule_unfit", why=f"{'.'.join(map(str, path))}: {problem}")


def dismiss(tx: Tx, row: RuleRow, actor: Actor) -> None:
    """It is not to hold; the same is not proposed again."""
    _decide(tx, row, RuleStatus.REJECTED, actor, "rejected")


def roll_back(tx: Tx, row: RuleRow, actor: Actor) -> None:
    """It holds no more. Raises Refused("gone")."""
    if row.status != RuleStatus.APPROVED:
        raise Refused("gone")
    _decide(tx, row, RuleStatus.ROLLED_BACK, actor, "rolled_back")
    shipping.owe(tx, "rule", row.rule_id)


def expire(tx: Tx, row: RuleRow, why: str) -> None:
    """Its term is over, or it was used as often as it may be."""
    _decide(tx, row, RuleStatus.EXPIRED, LOOPOS, "expired", why)
    shipping.owe(tx, "rule", row.rule_id)


def expire_all(tx: Tx) -> None:
    """Rules whose term is over, and standing orders that are used up, hold no more: their files go."""
    wanted = select(RuleRow).where(RuleRow.status == RuleStatus.APPROVED)
    for row in tx.session.scalars(wanted).all():
        rule = rule_from(row.content)
        if not rule.holds(tx.now):
            expire(tx, row, "its term is over")
        elif rule.kind == "standing_order" and row.uses >= (rule.max_uses or 0):
            expire(tx, row, "used up")


def edit(tx: Tx, row: RuleRow, changes: Mapping[str, str], actor: Actor) -> None:
    """Another value before it is adopted. Raises Refused("rule_unfit")."""
    content: dict[str, Any] = {**row.content, "then": dict(row.content.get("then", {}))}
    content["when"] = dict(content.get("when", {}))
    for key, value in changes.items():
        if key not in EDITABLE:
            raise Refused("rule_unfit", why=f"{key}: is none of {', '.join(sorted(EDITABLE))}")
        into = content
        if key in content["then"]:
            into = content["then"]
        elif key in _SCOPE or key == "vendor_id":
            into = content["when"]
        into[key] = (
            int(value)
            if value.isascii() and value.isdecimal() and len(value) < 10 and key in _NUMBERS
            else value
        )
    content |= {"version": row.version + 1, "text": {}}
    try:
        rule = Rule.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(one) for one in first["loc"])
        raise Refused("rule_unfit", why=f"{key}: {first['msg'].removeprefix('Value error, ')}") from None
    require_fit(tx, rule)
    texts = {one: sentence(tx.services.company, rule, Words(one, ZoneInfo("UTC"))) for one in LANGUAGES}
    row.content = rule_json(rule.model_copy(update={"text": texts}))
    row.version = rule.version  # its digest stays that of what was proposed: the same is not asked twice
    row.property_id = rule.when.property_id
    note(tx, row, "edited", actor.person_id)


_NUMBERS: Final = frozenset({"severity_max", "max_uses", "seconds"})


def _decide(tx: Tx, row: RuleRow, status: RuleStatus, actor: Actor, event: str, why: str = "") -> None:
    row.status, row.decided_by, row.decided_at = status, actor.person_id, tx.now
    note(tx, row, event, actor.person_id, why)


def seen(row: RuleRow) -> RuleSnapshot:
    """As its cards are drawn from it."""
    return frozen(RuleSnapshot, row, rule=rule_from(row.content))


def _card(tx: Tx, row: RuleRow) -> Callable[[Reader], CardDraft]:
    return partial(rule_card, seen(row), tx.services.company)


def draw_later(tx: Tx, row: RuleRow) -> None:
    """Bring its card up to date, once, at the end of this unit of work."""
    tx.before_commit(f"rule:{row.rule_id}", partial(_draw, tx, row))


def _draw(tx: Tx, row: RuleRow) -> None:
    card_publisher.redraw_own(tx, "rule", row.rule_id, _card(tx, row))


def note(tx: Tx, row: RuleRow, event: str, by: str = "", why: str = "") -> None:
    """Write `event` into its history."""
    said = {
        "at": tx.now.isoformat(),
        "event": event,
        **({"by": by} if by else {}),
        **({"why": why} if why else {}),
    }
    row.history = [*row.history, said]


# --- looking


def orders_for(tx: Tx, property_id: str) -> Sequence[RuleRow]:
    """Standing orders about a place that held once, the one decided about last first."""
    wanted = select(RuleRow).where(
        RuleRow.kind == "standing_order",
        RuleRow.property_id == property_id,
        RuleRow.status.in_((RuleStatus.APPROVED, RuleStatus.EXPIRED, RuleStatus.ROLLED_BACK)),
    )
    return tx.session.scalars(wanted.order_by(RuleRow.decided_at.desc()).limit(5)).all()
