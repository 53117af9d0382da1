"""Brings what the outbox owes to the channels: in order per conversation, retried, never silently dropped."""

from __future__ import annotations

from typing import Any, Final

import structlog
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from core.cards.card import Card
from core.desk import board
from core.desk.board import DELIVER
from core.i18n import N_
from core.office import Office
from core.ports import Delivery
from core.store import crashpoints
from core.store.engine import Tx
from core.store.jobs import Commit, Happened, Task
from core.store.tables import CardCopy, OutboxRow

log = structlog.get_logger(__name__)

OWED: Final = ("pending", "sending")
_OWED: Final = (
    select(OutboxRow, CardCopy)
    .outerjoin(CardCopy, CardCopy.id == OutboxRow.copy_id)
    .where(OutboxRow.id.in_(bindparam("outbox", expanding=True)))
)


class Deliverer:
    """The job that sends one outbox row."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def task(self) -> Task:
        return Task(DELIVER, find=self.find, run=self.run, exhausted=self.dead)

    @staticmethod
    def find(session: Session, some: list[dict[str, Any]]) -> list[tuple[OutboxRow, CardCopy | None] | None]:
        wanted = [args["outbox"] for args in some]
        rows = {row.id: (row, copy) for row, copy in session.execute(_OWED, {"outbox": wanted})}
        return [rows.get(one) for one in wanted]

    async def run(
        self, args: dict[str, Any], found: tuple[OutboxRow, CardCopy | None] | None
    ) -> Commit | Happened | None:
        if found is None or found[0].status not in OWED:
            return None
        row, copy = found
        channel = self._office.channels[row.channel]
        is_card = row.kind in {"post", "edit"}
        crashpoints.reach("before_send")
        sent = await channel.send(
            Delivery(
                id=row.id,
                conversation_id=row.conversation_id,
                card=Card.model_validate(row.payload) if is_card else None,
                text=None if is_card else str(row.payload["text"]),
                quiet=bool(row.payload.get("quiet", False)) if not is_card else False,
                message_ref=copy.message_ref if row.kind == "edit" and copy is not None else None,
            )
        )
        crashpoints.reach("sent_unrecorded")
        payload = row.payload

        def commit(tx: Tx) -> None:
            (again,) = self.find(tx.session, [args])
            if again is None or again[0].status not in OWED:
                return
            fresh, kept = again
            fresh.status, fresh.sent_at, fresh.message_ref = "sent", tx.now, sent.message_ref
            if kept is not None and kept.message_ref is None:
                kept.message_ref = sent.message_ref
            if sent.commit is not None:
                sent.commit(tx)
            if kept is not None and fresh.payload != payload:
                # It changed while it was on its way: the newer drawing follows as an edit.
                board.owe_edit(tx, kept)

        return commit if sent.commit is not None else Happened(commit)

    def dead(self, tx: Tx, args: dict[str, Any], error: str) -> None:
        """It cannot be delivered: kept as dead, and the founder hears it with the reason."""
        row = tx.get(OutboxRow, args["outbox"])
        if row is None or row.status not in OWED:
            return
        row.status, row.error = "dead", error
        log.error("undeliverable", outbox=row.id, channel=row.channel)
        founder = tx.office.company.founder
        if any(
            str(address) == f"{row.channel}:{row.conversation_id}"
            for address in tx.office.addresses_of(founder)
        ):
            return
        board.tell(
            tx,
            founder,
            lambda words: words(
                N_("A message to {where} could not be delivered: {why}"),
                where=f"{row.channel} {row.conversation_id}",
                why=error[:120],
            ),
        )
