"""Who may do what: one table, looked at when somebody acts and never before (D1).

A right hangs on the part a person plays for this ticket, not on where or how they asked. Somebody who is no
member of the team, or not any more, plays no part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Final

from core.actors import OPERATOR, ROUTINE, WORKER, Actor
from core.company.reading import places_of
from core.context import Tx
from core.errors import Refused
from core.model import Role
from core.store.tables import Dispatch, Ticket
from core.team.people import names


class Part(Enum):
    FOUNDER = auto()
    LEAD = auto()
    LEAD_HERE = auto()
    """A lead, for the properties that are theirs."""
    DECIDER = auto()
    """Named on the approval: the founder, and his deputy once he was silent."""
    ASSIGNEE = auto()
    PAGED = auto()
    """Told about the dispatch by the escalation."""
    ON_SITE = auto()
    """Who is on for the property now."""
    WRITTEN = auto()
    """Whom team.json names for the property, whoever stands in now."""
    REPORTER = auto()
    ASKED = auto()
    """Whom the question or the offer was put to."""
    MEMBER = auto()
    """Anybody of the team."""
    ROUTINE = auto()
    """LoopOS itself, as an approved skill bids it."""
    WORKER = auto()
    """A worker of the control loop: it proposes."""
    OPERATOR = auto()
    """Whoever has a shell on the home."""
    ANYBODY = auto()
    """Whoever holds the code or the link: that is what lets them in."""


class Right(StrEnum):
    # deciding about money
    DECIDE = "decide"
    ASK = "ask"
    # a job that was given out
    ACKNOWLEDGE = "ack"
    GIVE_BACK = "unack"
    ASK_LATER = "later"
    RESOLVE = "resolve"
    RESOLVE_UNDISPATCHED = "resolve_undispatched"
    CALL_OFF = "off"
    CONFIRM_BILL = "confirm_bill"
    # a report
    ANSWER = "choose"
    CANCEL = "cancel"
    CORRECT = "correct"
    SPLIT = "split"
    UNMERGE = "unmerge"
    MERGE = "merge"
    REOPEN = "reopen"
    ROUTINE = "skill_step"
    """A step of a skill: no person takes one."""
    PROPOSE_DISPATCH = "propose_dispatch"
    """Whom to send, as a machine thinks; the gate decides."""
    # vendors
    ANSWER_OFFER = "offer"
    OPEN_OFFER = "open_offer"
    SETTLE = "settle"
    # people
    ADMIT = "admit"
    JOIN = "join"
    LINK = "link"
    INVITE = "invite"
    MAKE_LEAD = "make_lead"
    TEAM = "team"
    COMPANY = "company"
    ON_CALL = "oncall"
    TAKE_OVER = "take_over"
    LANGUAGE = "lang"
    # programs and browsers
    TOKENS = "tokens"
    REVOKE = "revoke"
    DASHBOARD = "dashboard"
    SIGN_IN = "sign_in"
    CONSENT = "consent"
    """To a program that asked to act for one."""
    # the house
    QUARANTINE = "quarantine"
    CORRECTIONS = "corrections"
    PROPOSE = "propose"
    ADOPT = "adopt"
    """What the company learns: the founder's alone, no deputy and no silence says yes."""
    ANSWER_ASK = "answer_ask"
    """What a worker or the loop asks."""
    LOOP = "loop"
    """Goals and beats of the control loop."""
    POLICY = "policy"
    """Its PLAYBOOK, its sensors and programs, and whether it runs."""
    TEND = "tend"
    """Workers and what they need of the loop: a worker may, for what is its own."""
    TELL = "tell"
    LOOP_STATE = "loop_state"
    """To see what it does."""
    BIND = "bind"
    TEST = "check"
    # reading
    READ = "read"
    SPENDING = "spending"
    STATEMENT = "statement"


_BOSSES: Final = frozenset({Part.FOUNDER, Part.LEAD})
_HANDLERS: Final = _BOSSES | {Part.ASSIGNEE, Part.PAGED}
_CONCERNED: Final = _BOSSES | {Part.REPORTER, Part.ON_SITE}

MAY: Final[dict[Right, frozenset[Part]]] = {
    Right.DECIDE: frozenset({Part.DECIDER}),
    Right.ASK: frozenset({Part.DECIDER}),
    Right.ACKNOWLEDGE: _HANDLERS,
    Right.GIVE_BACK: _HANDLERS,
    Right.ASK_LATER: _HANDLERS,
    Right.RESOLVE: _HANDLERS,
    Right.RESOLVE_UNDISPATCHED: _CONCERNED,
    Right.CALL_OFF: _HANDLERS | _CONCERNED,
    Right.CONFIRM_BILL: frozenset({Part.FOUNDER}),
    Right.ANSWER: _BOSSES | {Part.ASKED},
    Right.CANCEL: _BOSSES | {Part.REPORTER},
    Right.CORRECT: _BOSSES | {Part.REPORTER},
    Right.SPLIT: _BOSSES | {Part.REPORTER},
    Right.UNMERGE: _BOSSES | {Part.REPORTER},
    Right.MERGE: _CONCERNED,
    Right.REOPEN: _CONCERNED,
    Right.ROUTINE: frozenset({Part.ROUTINE}),
    Right.PROPOSE_DISPATCH: frozenset({Part.ROUTINE, Part.WORKER}),
    Right.ANSWER_OFFER: frozenset({Part.ASKED}),
    Right.OPEN_OFFER: frozenset({Part.ANYBODY}),
    Right.SETTLE: _BOSSES,
    Right.ADMIT: frozenset({Part.FOUNDER}),
    Right.JOIN: frozenset({Part.ANYBODY}),
    Right.LINK: frozenset({Part.MEMBER}),
    Right.INVITE: _BOSSES,
    Right.MAKE_LEAD: frozenset({Part.FOUNDER}),
    Right.TEAM: frozenset({Part.FOUNDER}),
    Right.COMPANY: frozenset({Part.FOUNDER}),
    Right.ON_CALL: _BOSSES | {Part.ON_SITE, Part.WRITTEN},
    Right.TAKE_OVER: frozenset({Part.ON_SITE}),
    Right.LANGUAGE: frozenset({Part.MEMBER}),
    Right.TOKENS: frozenset({Part.FOUNDER}),
    Right.REVOKE: frozenset({Part.FOUNDER, Part.ASKED}),
    Right.DASHBOARD: frozenset({Part.MEMBER}),
    Right.SIGN_IN: frozenset({Part.ASKED}),
    Right.CONSENT: frozenset({Part.ASKED}),
    Right.QUARANTINE: _BOSSES,
    Right.CORRECTIONS: _BOSSES,
    Right.PROPOSE: frozenset({Part.MEMBER}),
    Right.ADOPT: frozenset({Part.FOUNDER}),
    Right.ANSWER_ASK: _BOSSES | {Part.DECIDER, Part.OPERATOR},
    Right.LOOP: _BOSSES | {Part.OPERATOR},
    Right.POLICY: frozenset({Part.FOUNDER, Part.OPERATOR}),
    Right.TEND: frozenset({Part.FOUNDER, Part.OPERATOR, Part.WORKER}),
    Right.TELL: _BOSSES | {Part.OPERATOR, Part.WORKER},
    Right.LOOP_STATE: frozenset({Part.MEMBER, Part.OPERATOR, Part.WORKER}),
    Right.BIND: _BOSSES,
    Right.TEST: frozenset({Part.MEMBER}),
    Right.READ: frozenset({Part.MEMBER}),
    Right.SPENDING: frozenset({Part.FOUNDER, Part.LEAD_HERE}),
    Right.STATEMENT: frozenset({Part.FOUNDER, Part.LEAD_HERE}),
}

REFUSAL: Final[dict[Right, str]] = {
    Right.DECIDE: "not_yours",
    # To whom something was not put nothing is said about it.
    Right.ANSWER_OFFER: "unknown_button",
    Right.ROUTINE: "unknown_button",
    Right.PROPOSE_DISPATCH: "unknown_button",
    Right.TEST: "unknown_button",
    Right.SIGN_IN: "unknown_button",
    Right.CONSENT: "unknown_button",
}
"""What somebody reads who may not: a key of core.phrases.REFUSED; `not_for_you`, which names who may, for the others."""


def refusal_of(right: Right) -> str:
    return REFUSAL.get(right, "not_for_you")


@dataclass(frozen=True, slots=True)
class Subject:
    """What a right is held against: it says who plays which part."""

    ticket: Ticket | None = None
    dispatch: Dispatch | None = None
    property_id: str | None = None
    reporters: Iterable[str | None] = ()
    """Replaces the ticket's."""
    deciders: Iterable[str] = ()
    asked: str | None = None


def require(tx: Tx, actor: Actor, right: Right, about: Subject = Subject()) -> None:
    """Raises Refused(refusal_of(right)), naming who may."""
    company, ticket, dispatch = tx.services.company, about.ticket, about.dispatch
    if Part.ANYBODY in MAY[right] or (actor == ROUTINE and Part.ROUTINE in MAY[right]):
        return
    if actor.channel == WORKER and Part.WORKER in MAY[right]:
        return
    if actor == OPERATOR and Part.OPERATOR in MAY[right]:
        return
    place = ticket.property_id if ticket is not None else about.property_id
    on_site, written = company.on_site(place), tx.services.written.on_site(place)
    told = about.reporters or ([ticket.reporter] if ticket is not None else [])
    playing: dict[Part, list[str | None]] = {
        Part.DECIDER: [*about.deciders],
        Part.ASSIGNEE: [dispatch.assignee] if dispatch is not None else [],
        Part.PAGED: [*dispatch.paged] if dispatch is not None else [],
        Part.ASKED: [about.asked],
        Part.REPORTER: [*told],
        Part.ON_SITE: [on_site.id if on_site is not None else None],
        Part.WRITTEN: [written.id if written is not None else None],
        Part.LEAD: [one.id for one in company.team if one.role is Role.LEAD],
        Part.LEAD_HERE: [
            one.id for one in company.team if one.role is Role.LEAD and place in places_of(company, one)
        ],
        Part.FOUNDER: [company.founder.id],
        Part.MEMBER: [one.id for one in company.team],
    }
    allowed = [one for part, people in playing.items() if part in MAY[right] for one in people if one]
    known = company.person(actor.person_id) is not None or company.vendor(actor.person_id) is not None
    if actor.person_id in allowed and known:
        return
    raise Refused(refusal_of(right), who=names(tx, allowed))
