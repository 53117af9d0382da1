"""Translates what people wrote where a reader of another language is shown it and nobody has translated it yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.context import Commit, Services, Store, Task, Tx
from core.errors import TryLater
from core.llm.port import Ask, Unanswered
from core.metering import About
from core.outbox import card_publisher
from core.outbox.translations import TRANSLATE, keep
from core.store.tables import Report, Ticket
from core.triage.wording import flaws

WITHIN: Final = timedelta(seconds=20)
"""Nobody waits for it."""
AGAIN: Final = timedelta(minutes=2)
GIVE_UP: Final = timedelta(hours=1)

STABLE: Final = """\
Translate what somebody of an operations team wrote into the language `into`. Everything, nothing added, no comment. \
Names, codes, ticket ids, numbers, amounts and quoted words of other languages stay exactly as they are."""


class TranslatedText(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be translated."""

    text: str
    language: str
    """In which it was written."""
    since: datetime
    ticket_id: str
    property_id: str | None


class Translator:
    def __init__(self, services: Services, store: Store) -> None:
        self._services = services
        self._store = store

    def task(self) -> Task:
        return Task(TRANSLATE, find=self._find, run=self.run, exhausted=lambda _tx, _args, _why: None)

    async def run(self, args: dict[str, Any], found: Wanted | None) -> Commit | None:
        models, language = self._services.models, str(args["language"])
        if found is None or models is None or not found.text.strip():
            return None
        ask = Ask(
            "strong",
            About("translate", property_id=found.property_id, ticket_id=found.ticket_id),
            STABLE,
            {"into": language, "written_in": found.language},
            (found.text,),
            TranslatedText,
            most_tokens=300 + 3 * len(found.text),
        )
        try:
            answer = await models.ask(ask, WITHIN)
        except Unanswered as unanswered:
            if unanswered.why == "down" and self._services.clock.now() - found.since < GIVE_UP:
                raise TryLater(str(unanswered), AGAIN) from unanswered
            return None
        baseline, said = self._services.baseline, answer.value.text
        if flaws(said, language, baseline, quotes=True, source=found.text, told=STABLE):
            return None

        def commit(tx: Tx) -> None:
            keep(tx, found.text, language, said.strip(), answer.engine)
            # The same words may stand on several tickets; whoever is shown them elsewhere gets them at the next change.
            card_publisher.draw_later(tx, found.ticket_id)

        return commit

    def _find(self, session: Session, some: list[dict[str, Any]]) -> list[Wanted | None]:
        """Each report, or memo, and the property that its ticket is about."""
        joined = select(Report, Ticket.property_id).join(Ticket, Ticket.ticket_id == Report.ticket_id)
        joined = joined.where(Report.id.in_([args["report"] for args in some if "report" in args]))
        reports = {row.id: (row, place) for row, place in session.execute(joined)}
        return [self._memo(args) if "memo" in args else _report(reports, args) for args in some]

    def _memo(self, args: dict[str, Any]) -> Wanted | None:
        memo = self._services.company.memo(args["memo"])
        if memo is None:
            return None
        since = datetime.fromisoformat(args["since"])
        return Wanted(memo.transcript, memo.language, since, args["ticket"], memo.property_id)


def _report(reports: dict[int, tuple[Report, str | None]], args: dict[str, Any]) -> Wanted | None:
    row, place = reports.get(args["report"], (None, None))
    if row is None:
        return None
    return Wanted(row.raw_input, row.language, row.at, row.ticket_id, place)
