"""Pictures and statements that a chat command asked for: drawn outside the transaction, sent from the job's commit."""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy.orm import Session

from core import child
from core.actors import Reader
from core.company.company import Company
from core.company.schema import Person, Property
from core.context import Commit, Services, Task, Tx
from core.cost import report, statement
from core.cost.months import Period, month_named
from core.i18n import N_, Words
from core.model import Address
from core.outbox import card_publisher
from core.store.session_rows import SessionRows

log = structlog.get_logger(__name__)

PICTURE: Final = "cost_picture"
STATEMENT: Final = "cost_statement"
WITHIN: Final = timedelta(seconds=60)
"""For drawing, the start of a process included."""
NOT_MADE: Final = N_("I could not make that file. Please ask again.")


def owe_picture(
    tx: Tx, person: Person, to: Sequence[Address], reader: Reader, period: Period, only: Sequence[str] | None
) -> None:
    _owe(tx, PICTURE, person, to, reader, period=period, only=None if only is None else list(only))


def owe_statement(
    tx: Tx, person: Person, to: Sequence[Address], reader: Reader, place: Property, month: str
) -> None:
    _owe(tx, STATEMENT, person, to, reader, property=place.id, month=month)


def _owe(tx: Tx, task: str, person: Person, to: Sequence[Address], reader: Reader, **about: object) -> None:
    for address in to:
        args = {
            **about,
            "person": person.id,
            "language": reader.language,
            "channel": address.channel,
            "conversation": address.conversation_id,
        }
        tx.services.jobs.defer(tx, task, args, lane=f"cost:{address}")


class ReportJobs:
    """`budget`: the models' for a month, as the ledger has it."""

    def __init__(self, services: Services, budget: Decimal) -> None:
        self._services = services
        self._budget = budget

    def tasks(self) -> tuple[Task, Task]:
        return (
            Task(PICTURE, self._find_spending, self._picture, _not_made, slots=1),
            Task(STATEMENT, self._find_statement, self._statement, _not_made, slots=1),
        )

    def _find_spending(self, session: Session, some: list[dict[str, Any]]) -> list[report.Spending]:
        company, now = self._services.company, self._services.clock.now()
        return [
            report.spending(
                report.find(SessionRows(session), company, args["period"], now, args["only"]),
                company,
                args["period"],
                now,
                self._budget,
                args["only"],
            )
            for args in some
        ]

    async def _picture(self, args: dict[str, Any], spent: report.Spending) -> Commit | None:
        person = self._services.company.person(args["person"])
        if person is None:
            return None
        words = Words(args["language"], person.zone)

        picture = await child.run(WITHIN, _picture_of, spent, self._services.company, words)
        path = await asyncio.to_thread(keep, self._services.media, picture)
        lines = report.text(spent, self._services.company, words)
        name = f"cost-{spent.period}.png"
        return lambda tx: card_publisher.send_file(
            tx,
            _address(args),
            path=path,
            name=name,
            media_type="image/png",
            caption=lines.splitlines()[0],
            alt=lines,
        )

    def _find_statement(
        self, session: Session, some: list[dict[str, Any]]
    ) -> list[statement.Statement | None]:
        return [self._statement_of(session, args) for args in some]

    def _statement_of(self, session: Session, args: dict[str, Any]) -> statement.Statement | None:
        company = self._services.company
        place = company.place(args["property"])
        if place is None:
            return None
        month = month_named(args["month"], place.zone)
        return statement.Statement(
            company,
            place,
            month,
            self._services.clock.now(),
            statement.find(SessionRows(session), place, month, company.rate_of(place.currency)),
        )

    async def _statement(self, args: dict[str, Any], made: statement.Statement | None) -> Commit | None:
        person = self._services.company.person(args["person"])
        if person is None or made is None:
            return None
        words = Words(args["language"], person.zone)

        folder = self._services.media
        paper = await child.run(WITHIN, _paper_of, made, words)
        pdf = await asyncio.to_thread(keep, folder, paper)
        csv = await asyncio.to_thread(keep, folder, statement.csv_bytes(made, words))
        caption = words(statement.TITLE, place=made.place.name, month=statement.month_words(made, words))

        def commit(tx: Tx) -> None:
            for path, ending, media_type, said in (
                (pdf, "pdf", "application/pdf", caption),
                (csv, "csv", "text/csv", ""),
            ):
                name = made.file_name(ending)
                card_publisher.send_file(
                    tx, _address(args), path=path, name=name, media_type=media_type, caption=said
                )

        return commit


def _picture_of(spent: report.Spending, company: Company, words: Words) -> bytes:
    """In a child: matplotlib would stay in the service for ever, 50 MB and more."""
    from core.cost.spend_chart import png

    return png(spent, company, words)


def _paper_of(made: statement.Statement, words: Words) -> bytes:
    """In a child, as above."""
    from core.cost.statement_pdf import pdf_bytes

    return pdf_bytes(made, words)


def keep(folder: Path, data: bytes) -> str:
    """In a thread: write `data` under its own hash; returns its path below LOOPOS_HOME. Raises OSError."""
    name = hashlib.sha256(data).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{secrets.token_hex(8)}"
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(folder / name)
    finally:
        temporary.unlink(missing_ok=True)
    return f"media/{name}"


def _address(args: dict[str, Any]) -> Address:
    return Address(args["channel"], args["conversation"])


def _not_made(tx: Tx, args: dict[str, Any], reason: str) -> None:
    log.error("cost_file_not_made", why=reason)
    person = tx.services.company.person(args["person"])
    if person is not None:
        card_publisher.say(tx, _address(args), Words(args["language"], person.zone)(NOT_MADE))
