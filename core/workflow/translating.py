"""Translates what people wrote where a reader of another language is shown it and nobody has translated it yet."""

from __future__ import annotations

from datetime import timedelta
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


class Translator:
    def __init__(self, services: Services, store: Store) -> None:
        self._services = services
        self._store = store

    def task(self) -> Task:
        return Task(TRANSLATE, find=_find, run=self.run, exhausted=lambda _tx, _args, _why: None)

    async def run(self, args: dict[str, Any], found: tuple[Report, str | None] | None) -> Commit | None:
        models, language = self._services.models, str(args["language"])
        row, property_id = found or (None, None)
        if row is None or models is None or not row.raw_input.strip():
            return None
        about = About("translate", property_id=property_id, ticket_id=row.ticket_id)
        ask = Ask(
            "strong",
            about,
            STABLE,
            {"into": language, "written_in": row.language},
            (row.raw_input,),
            TranslatedText,
            most_tokens=300 + 3 * len(row.raw_input),
        )
        try:
            answer = await models.ask(ask, WITHIN)
        except Unanswered as unanswered:
            if unanswered.why == "down" and self._services.clock.now() - row.at < GIVE_UP:
                raise TryLater(str(unanswered), AGAIN) from unanswered
            return None
        baseline, said = self._services.baseline, answer.value.text
        if flaws(said, language, baseline, quotes=True, source=row.raw_input, told=STABLE):
            return None

        def commit(tx: Tx) -> None:
            keep(tx, row.raw_input, language, answer.value.text.strip(), answer.engine)
            # The same words may stand on several tickets; whoever is shown them elsewhere gets them at the next change.
            card_publisher.draw_later(tx, row.ticket_id)

        return commit


def _find(session: Session, some: list[dict[str, Any]]) -> list[tuple[Report, str | None] | None]:
    """Each report, and the property that its ticket is about."""
    wanted = [args["report"] for args in some]
    joined = select(Report, Ticket.property_id).join(Ticket, Ticket.ticket_id == Report.ticket_id)
    rows = {row.id: (row, place) for row, place in session.execute(joined.where(Report.id.in_(wanted)))}
    return [rows.get(one) for one in wanted]
