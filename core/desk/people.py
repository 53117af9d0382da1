"""Who acts, who reads, and what each may do. Rights are checked here, at the moment of the act."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core.company.schema import Person
from core.errors import Refused
from core.i18n import Words
from core.model import LANGUAGES, SYSTEM, Role
from core.store.engine import Tx
from core.store.tables import Dispatch, PersonState


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and on which channel (None: the service itself)."""

    person_id: str
    channel: str | None


LOOPOS: Final = Actor(SYSTEM, None)


@dataclass(frozen=True, slots=True)
class Reader:
    """To whom something is said."""

    person_id: str | None
    words: Words

    @property
    def language(self) -> str:
        return self.words.language


def reader_for(tx: Tx, person: Person | None, heard: str | None = None) -> Reader:
    """`heard` is the language of the message being answered: used where its writer speaks it, else the one
    chosen by /lang, else the person's first."""
    if person is None:
        return Reader(None, Words(heard or "en", ZoneInfo("UTC")))
    spoken: list[str] = [*person.languages]
    chosen = _chosen_languages(tx).get(person.id)
    language = chosen or spoken[0]
    if heard and heard in spoken and not chosen:
        language = heard
    return Reader(person.id, Words(language, person.zone))


def _chosen_languages(tx: Tx) -> dict[str, str | None]:
    return tx.once(
        "languages",
        lambda: {
            row.person_id: row.language
            for row in tx.session.execute(select(PersonState.person_id, PersonState.language))
        },
    )


def set_language(tx: Tx, person: Person, language: str) -> None:
    if language not in LANGUAGES:
        raise Refused("unknown_option")
    state = tx.get(PersonState, person.id) or tx.add(PersonState(person_id=person.id))
    state.language = language
    _chosen_languages(tx)[person.id] = language


def require_decider(tx: Tx, actor: Actor, deciders: Iterable[str]) -> None:
    """Only those asked may decide, and only while they are on the team."""
    named = list(deciders)
    person = tx.office.company.person(actor.person_id)
    if person is None or person.id not in named:
        raise Refused("not_yours", who=names(tx, named))


def require_handler(tx: Tx, actor: Actor, dispatch: Dispatch | None) -> None:
    """Acknowledge and resolve: the assignee, whoever was paged, a lead, the founder."""
    person = tx.office.company.person(actor.person_id)
    told = [
        *([dispatch.assignee] if dispatch and dispatch.assignee else []),
        *(dispatch.paged if dispatch else []),
    ]
    if person and (person.id in told or person.role in {Role.LEAD, Role.FOUNDER}):
        return
    raise Refused("not_for_you", who=names(tx, [*told, tx.office.company.founder.id]))


def require_one_of(tx: Tx, actor: Actor, allowed: Iterable[str | None]) -> None:
    """Any of `allowed`, a lead or the founder."""
    person = tx.office.company.person(actor.person_id)
    named = [one for one in allowed if one]
    if person and (person.id in named or person.role in {Role.LEAD, Role.FOUNDER}):
        return
    raise Refused("not_for_you", who=names(tx, [*named, tx.office.company.founder.id]))


def names(tx: Tx, person_ids: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(tx.office.company.name_of(one) for one in person_ids))
