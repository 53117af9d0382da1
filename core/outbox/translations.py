"""What people wrote, for readers of another language. The original always stays beside it, and a translation that is
missing holds nothing up: it is owed, and the card is drawn again when it is there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.actors import Reader
from core.context import Tx
from core.model import OPEN
from core.outbox.said_once import first_time
from core.store.tables import Report, Ticket, Translation

TRANSLATE: Final = "translate"
"""The job that makes what is missing (core.workflow.translating)."""


def text_digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def keep(tx: Tx, original: str, language: str, text: str, engine: str) -> None:
    key = (text_digest(original), language)
    if tx.get(Translation, key) is None:
        tx.add(Translation(digest=key[0], language=language, text=text, engine=engine, at=tx.now))


def known(session: Session, originals: Iterable[str], language: str) -> dict[str, str]:
    """original -> its translation, of those that have one."""
    by_digest = {text_digest(text): text for text in originals}
    rows = session.scalars(
        select(Translation).where(Translation.digest.in_(by_digest), Translation.language == language)
    )
    return {by_digest[row.digest]: row.text for row in rows}


def for_reader(tx: Tx, ticket: Ticket, reader: Reader) -> dict[int, str]:
    """report id -> its words in the reader's language, where they cannot read the original and there is a translation.
    What is missing is owed, once."""
    person = tx.services.company.person(reader.person_id)
    spoken = person.languages if person is not None else [reader.language]
    foreign = [one for one in ticket.reports if one.language not in spoken and one.raw_input.strip()]
    if not foreign:
        return {}
    language = reader.language
    found = {one.id: one.transcript_en for one in foreign if language == "en" and one.transcript_en}
    rest = [one for one in foreign if one.id not in found]
    if rest:
        texts = known(tx.session, [one.raw_input for one in rest], language)
        found |= {one.id: texts[one.raw_input] for one in rest if one.raw_input in texts}
    if tx.services.models is not None and ticket.status in OPEN:
        for one in rest:
            if one.id not in found and _is_worth_it(ticket, one, reader):
                _owe(tx, ticket, one, language)
    return found


def _is_worth_it(ticket: Ticket, report: Report, reader: Reader) -> bool:
    """Not while a model is about to draft it, which brings translations along; not for its own writer; and a second
    report of what is known already says nothing new."""
    told = report is ticket.reports[0] or report.triage.engine != "offline"
    return told and ticket.status != "NEW" and report.reporter != reader.person_id


def _owe(tx: Tx, ticket: Ticket, report: Report, language: str) -> None:
    if first_time(tx, f"translate:{text_digest(report.raw_input)}:{language}"):
        args = {
            "ticket": ticket.ticket_id,
            "report": report.id,
            "language": language,
            "since": tx.now.isoformat(),
        }
        tx.services.jobs.defer(tx, TRANSLATE, args, lane=f"translate:{ticket.ticket_id}")
