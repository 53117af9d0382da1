"""Who may do what: one table, looked at when somebody acts and never before (RELIABILITY D1).

A right hangs on the part a person plays for this ticket, not on where or how they asked. Somebody who is no
member of the team, or not any more, plays no part."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final

from core.actors import Actor
from core.context import Tx
from core.errors import Refused
from core.model import Role
from core.store.tables import Dispatch, Ticket
from core.team.people import names


class Part(Enum):
    FOUNDER = auto()
    LEAD = auto()
    DECIDER = auto()
    """Named on the approval: the founder, and his deputy once he was silent."""
    ASSIGNEE = auto()
    PAGED = auto()
    """Told about the dispatch by the escalation."""
    ON_SITE = auto()
    """Who is on for the property now."""
    REPORTER = auto()
    ASKED = auto()
    """Whom the question was put to."""


_BOSSES: Final = frozenset({Part.FOUNDER, Part.LEAD})
_HANDLERS: Final = _BOSSES | {Part.ASSIGNEE, Part.PAGED}
_CONCERNED: Final = _BOSSES | {Part.REPORTER, Part.ON_SITE}

MAY: Final[dict[str, frozenset[Part]]] = {
    # deciding about money
    "decide": frozenset({Part.DECIDER}),
    "ask": frozenset({Part.DECIDER}),
    # a job that was given out
    "ack": _HANDLERS,
    "unack": _HANDLERS,
    "later": _HANDLERS,
    "resolve": _HANDLERS,
    "resolve_undispatched": _CONCERNED,
    # a report
    "choose": _BOSSES | {Part.ASKED},
    "cancel": _BOSSES | {Part.REPORTER},
    "correct": _BOSSES | {Part.REPORTER},
    "split": _BOSSES | {Part.REPORTER},
    "unmerge": _BOSSES | {Part.REPORTER},
    "merge": _CONCERNED,
    "reopen": _CONCERNED,
    # the house
    "quarantine": _BOSSES,
    "corrections": _BOSSES,
    "admit": frozenset({Part.FOUNDER}),
    "invite": _BOSSES,
    "bind": _BOSSES,
    "settle": _BOSSES,
    "oncall": _BOSSES | {Part.ON_SITE},
    # money
    "spending": _BOSSES | {Part.ON_SITE},
    "statement": _BOSSES,
}


def require(
    tx: Tx,
    actor: Actor,
    action: str,
    ticket: Ticket | None = None,
    *,
    dispatch: Dispatch | None = None,
    property_id: str | None = None,
    reporters: Iterable[str | None] = (),
    deciders: Iterable[str] = (),
    asked: str | None = None,
) -> None:
    """Raises Refused("not_yours" | "not_for_you"), naming who may. `reporters` replaces the ticket's."""
    company = tx.services.company
    on_site = company.on_site(ticket.property_id if ticket is not None else property_id)
    told = reporters or ([ticket.reporter] if ticket is not None else [])
    playing: dict[Part, list[str | None]] = {
        Part.DECIDER: [*deciders],
        Part.ASSIGNEE: [dispatch.assignee] if dispatch is not None else [],
        Part.PAGED: [*dispatch.paged] if dispatch is not None else [],
        Part.ASKED: [asked],
        Part.REPORTER: [*told],
        Part.ON_SITE: [on_site.id if on_site is not None else None],
        Part.LEAD: [one.id for one in company.team if one.role is Role.LEAD],
        Part.FOUNDER: [company.founder.id],
    }
    allowed = [one for part, people in playing.items() if part in MAY[action] for one in people if one]
    if actor.person_id in allowed and company.person(actor.person_id) is not None:
        return
    raise Refused("not_yours" if action == "decide" else "not_for_you", who=names(tx, allowed))
