"""What people wrote, for readers of another language. The original always stays beside it, and a translation that is
missing holds nothing up: it is owed, and the card is drawn again when it is there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.actors import Reader
from core.company.company import Company
from core.company.schema import Memo
from core.context import Tx
from core.knowledge.quoting import reads
from core.model import OPEN
from core.outbox.said_once import first_time
from core.store.tables import Report, Ticket, Translation
from core.stored_values import Source

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
                _owe(tx, ticket, one.raw_input, language, {"report": one.id})
    return found


def of_memos(
    session: Session, company: Company, sources: Iterable[Source], reads: Sequence[str]
) -> dict[str, str]:
    """memo id -> its words in the first of `reads`, where none of them can be read and there is a translation."""
    foreign = _foreign_memos(company, sources, reads)
    texts = known(session, [one.transcript for one in foreign], reads[0]) if foreign else {}
    return {one.id: texts[one.transcript] for one in foreign if one.transcript in texts}


def quotes_for_reader(tx: Tx, ticket: Ticket, reader: Reader) -> dict[str, str]:
    """The same for a card of an open ticket: what is missing is owed, once."""
    if ticket.knowledge is None:
        return {}
    company = tx.services.company
    speaks = reads(reader.language, company.person(reader.person_id))
    found = of_memos(tx.session, company, ticket.knowledge.sources, speaks)
    if tx.services.models is not None and ticket.status in OPEN and reader.person_id is not None:
        for one in _foreign_memos(company, ticket.knowledge.sources, speaks):
            if one.id not in found:
                _owe(tx, ticket, one.transcript, reader.language, {"memo": one.id})
    return found


def _foreign_memos(company: Company, sources: Iterable[Source], reads: Sequence[str]) -> list[Memo]:
    memos = [company.memo(one.id) for one in sources if one.layer == "memo"]
    return [
        one
        for one in memos
        if one is not None
        and one.language not in reads
        and not (one.transcript_en and "en" in reads)
        and one.transcript.strip()
    ]


def _is_worth_it(ticket: Ticket, report: Report, reader: Reader) -> bool:
    """Not while a model is about to draft it, which brings translations along; not for its own writer; and a second
    report of what is known already says nothing new."""
    told = report is ticket.reports[0] or report.triage.engine != "offline"
    return told and ticket.status != "NEW" and report.reporter != reader.person_id


def _owe(tx: Tx, ticket: Ticket, text: str, language: str, which: dict[str, Any]) -> None:
    if first_time(tx, f"translate:{text_digest(text)}:{language}"):
        args = {"ticket": ticket.ticket_id, **which, "language": language, "since": tx.now.isoformat()}
        tx.services.jobs.defer(tx, TRANSLATE, args, lane=f"translate:{ticket.ticket_id}")
