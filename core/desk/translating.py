"""What people wrote, for readers of another language. The original always stays beside it, and a translation that is
missing or fails holds nothing up."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.cost.port import About
from core.errors import TryLater
from core.llm.port import Ask, Unanswered
from core.model import OPEN
from core.office import Office
from core.reach import board
from core.reach.notices import first_time
from core.store.engine import Store, Tx
from core.store.jobs import Commit, Task
from core.store.tables import Report, Ticket, Translation
from core.team.people import Reader
from core.triage.wording import flaws

TRANSLATE: Final = "translate"
WITHIN: Final = timedelta(seconds=20)
"""Nobody waits for it."""
AGAIN: Final = timedelta(minutes=2)
GIVE_UP: Final = timedelta(hours=1)

STABLE: Final = """\
Translate what somebody of an operations team wrote into the language `into`. Everything, nothing added, no comment. \
Names, codes, ticket ids, numbers, amounts and quoted words of other languages stay exactly as they are."""


class Translated(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def keep(tx: Tx, original: str, language: str, text: str, engine: str) -> None:
    key = (digest(original), language)
    if tx.get(Translation, key) is None:
        tx.add(Translation(digest=key[0], language=language, text=text, engine=engine, at=tx.now))


def known(session: Session, originals: Iterable[str], language: str) -> dict[str, str]:
    """original -> its translation, of those that have one."""
    by_digest = {digest(text): text for text in originals}
    rows = session.scalars(
        select(Translation).where(Translation.digest.in_(by_digest), Translation.language == language)
    )
    return {by_digest[row.digest]: row.text for row in rows}


def for_reader(tx: Tx, ticket: Ticket, reader: Reader) -> dict[int, str]:
    """report id -> its words in the reader's language, where they cannot read the original and there is a translation.
    What is missing is owed, once."""
    person = tx.office.company.person(reader.person_id)
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
    if tx.office.models is not None and ticket.status in OPEN:
        for one in rest:
            if one.id not in found and _is_worth_it(ticket, one, reader):
                _owe(tx, ticket, one, language)
    return found


def _is_worth_it(ticket: Ticket, report: Report, reader: Reader) -> bool:
    """Not while a model is about to draft it, which brings translations along; not for its own writer; and a second
    report of what is known already says nothing new."""
    told = report is ticket.reports[0] or report.triage.get("engine") != "offline"
    return told and ticket.status != "NEW" and report.reporter != reader.person_id


def _owe(tx: Tx, ticket: Ticket, report: Report, language: str) -> None:
    if first_time(tx, f"translate:{digest(report.raw_input)}:{language}"):
        args = {
            "ticket": ticket.ticket_id,
            "report": report.id,
            "language": language,
            "since": tx.now.isoformat(),
        }
        tx.office.jobs.defer(tx, TRANSLATE, args, lane=f"translate:{ticket.ticket_id}")


class Translator:
    def __init__(self, office: Office, store: Store) -> None:
        self._office = office
        self._store = store

    def task(self) -> Task:
        return Task(TRANSLATE, find=_find, run=self.run, exhausted=lambda _tx, _args, _why: None)

    async def run(self, args: dict[str, Any], row: Report | None) -> Commit | None:
        models, language = self._office.models, str(args["language"])
        if row is None or models is None or not row.raw_input.strip():
            return None
        about = About("translate", ticket_id=row.ticket_id)
        ask = Ask(
            "strong",
            about,
            STABLE,
            {"into": language, "written_in": row.language},
            (row.raw_input,),
            Translated,
            most_tokens=300 + 3 * len(row.raw_input),
        )
        try:
            answer = await models.ask(ask, WITHIN)
        except Unanswered as unanswered:
            if unanswered.why == "down" and self._office.clock.now() - row.at < GIVE_UP:
                raise TryLater(str(unanswered), AGAIN) from unanswered
            return None
        floor, said = self._office.floor, answer.value.text
        if flaws(said, language, floor, quotes=True, source=row.raw_input, told=STABLE):
            return None

        def commit(tx: Tx) -> None:
            keep(tx, row.raw_input, language, answer.value.text.strip(), answer.engine)
            ticket = tx.get(Ticket, row.ticket_id)
            if ticket is not None:
                board.refresh(tx, ticket)

        return commit


def _find(session: Session, some: list[dict[str, Any]]) -> list[Report | None]:
    wanted = [args["report"] for args in some]
    rows = {row.id: row for row in session.scalars(select(Report).where(Report.id.in_(wanted)))}
    return [rows.get(one) for one in wanted]
