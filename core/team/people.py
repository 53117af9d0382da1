"""How to speak to a person of the team: their language, their clock."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from sqlalchemy import select

from core.actors import Reader
from core.company.schema import Person
from core.context import Tx
from core.errors import Refused
from core.i18n import Words
from core.model import LANGUAGES
from core.store.tables import PersonState


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
    return tx.memo(
        "languages",
        lambda: {
            row.person_id: row.language
            for row in tx.session.execute(select(PersonState.person_id, PersonState.language))
        },
    )


def set_language(tx: Tx, person_id: str, language: str) -> None:
    """Raises Refused("unknown_option")."""
    if language not in LANGUAGES:
        raise Refused("unknown_option")
    state = tx.get(PersonState, person_id) or tx.add(PersonState(person_id=person_id))
    state.language = language
    _chosen_languages(tx)[person_id] = language


def names(tx: Tx, person_ids: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(tx.services.company.name_of(one) for one in person_ids))
