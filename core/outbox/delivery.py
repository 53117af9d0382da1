"""Brings what the outbox owes to the channels: in order per conversation, retried, never silently dropped.

A job of a conversation is the permission for one call. What goes out is chosen when the platform lets it go:
whatever waited meanwhile was merged, and the urgent overtakes the rest."""

from __future__ import annotations

import mimetypes
import re
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, assert_never

import structlog
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from core.cards.card import Card, Link, Section
from core.context import Commit, Happened, Services, Store, Task, Tx
from core.errors import AskHuman, ChannelDown, GiveUp, LoopOSError, OutcomeUnknown, TryLater
from core.i18n import N_
from core.lanes import DELIVER
from core.model import Address, OutboxStatus
from core.outbox import card_publisher
from core.outbox.file_links import Offered, link_to, outgoing, safe_name
from core.ports import Attempt, Channel, Delivery, Sent
from core.store import crashpoints
from core.store.tables import CardCopy, OutboxRow, Ticket
from core.team.people import reader_for
from core.tickets.records import latest_approval

log = structlog.get_logger(__name__)

OWED: Final = (OutboxStatus.PENDING, OutboxStatus.SENDING)
SLOTS: Final = 64
"""Conversations that are written to at the same time: most of them only wait for their platform."""
MAX_UNEXPECTED: Final = 3
"""So often may sending a row fail in a way that no adapter foresaw."""
_FOUND: Final = (
    select(OutboxRow, CardCopy)
    .outerjoin(CardCopy, CardCopy.id == OutboxRow.copy_id)
    .where(OutboxRow.id.in_(bindparam("outbox", expanding=True)))
)
_OWED: Final = (
    select(OutboxRow)
    .where(
        OutboxRow.channel == bindparam("channel"),
        OutboxRow.conversation_id == bindparam("conversation"),
        OutboxRow.status.in_(OWED),
        OutboxRow.not_before <= bindparam("now"),
    )
    # What was begun is ended first; ids grow with time.
    .order_by(OutboxRow.attempt_key.is_(None), OutboxRow.urgency.desc(), OutboxRow.id)
    .limit(bindparam("most"))
)
_MEDIA: Final = re.compile(r"media:([0-9a-f]{64})(?:;(.+))?")
"""How a card names a file of ours (core/cards/parts.py)."""
Found = tuple[OutboxRow, CardCopy | None]


@dataclass(frozen=True, slots=True)
class _Batch:
    """What goes out in one call."""

    deliveries: list[Delivery]
    payloads: list[dict[str, Any]]
    attempt: Attempt
    only_once: bool


class Deliverer:
    """The job that makes one call to a conversation."""

    def __init__(
        self, services: Services, store: Store, give_up: Callable[[Tx, OutboxRow, LoopOSError], None]
    ) -> None:
        self._services = services
        self._store = store
        self._give_up = give_up
        """What is done about a row that will never arrive (or nobody knows whether it did)."""
        self._unexpected: Counter[str] = Counter()

    def task(self) -> Task:
        return Task(DELIVER, find=self.find, run=self.run, exhausted=self.dead, slots=SLOTS)

    @staticmethod
    def find(session: Session, some: list[dict[str, Any]]) -> list[Found | None]:
        wanted = [args["outbox"] for args in some]
        rows = {row.id: (row, copy) for row, copy in session.execute(_FOUND, {"outbox": wanted})}
        return [rows.get(one) for one in wanted]

    async def run(self, args: dict[str, Any], found: Found | None) -> Commit | Happened | None:
        if found is None:
            return None
        row = found[0]
        channel = self._services.channel(row.channel)
        if channel.capabilities.ours:
            return await self._keep(channel, found) if row.status in OWED else None
        to = args.get(
            "to", row.conversation_id
        )  # not where the row goes by now: its group may have moved meanwhile
        await channel.pace(to)
        batch = await self._store.write(lambda tx: _claim(tx, channel, row.channel, to))
        return None if batch is None else await self._call(channel, batch)

    # --- our own database

    async def _keep(self, channel: Channel, found: Found) -> Commit:
        row, copy = found
        delivery, payload = _delivery(self._services, row, copy, self._services.clock.now()), row.payload
        crashpoints.reach("before_send")
        (sent,) = await channel.send([delivery], Attempt(row.id))
        crashpoints.reach("sent_unrecorded")

        def commit(tx: Tx) -> None:
            fresh = tx.get(OutboxRow, row.id)
            if fresh is not None and fresh.status in OWED:
                _record(tx, fresh, payload, sent)

        return commit

    # --- a platform

    async def _call(self, channel: Channel, batch: _Batch) -> Commit | Happened | None:
        health = self._services.health[channel.name]
        ids = [delivery.id for delivery in batch.deliveries]
        try:
            if batch.only_once and batch.attempt.since is not None and not channel.capabilities.settles:
                raise AskHuman("nobody knows whether it arrived")
            crashpoints.reach("before_send")
            sent = await channel.send(batch.deliveries, batch.attempt)
            crashpoints.reach("sent_unrecorded")
        except OutcomeUnknown as unknown:
            health.failing(str(unknown))
            raise
        except TryLater as later:
            health.failing(str(later), at_once=isinstance(later, ChannelDown))
            if batch.attempt.since is None:
                await self._store.write(lambda tx: _release(tx, ids))
            raise  # else an earlier try may have arrived, whatever became of this one
        except (GiveUp, AskHuman) as final:
            return self._undelivered(ids, final)
        except Exception as unexpected:
            log.error("delivery_failed", channel=channel.name, exc_info=unexpected)
            self._unexpected[ids[0]] += 1
            if self._unexpected[ids[0]] < MAX_UNEXPECTED:
                raise TryLater(type(unexpected).__name__) from unexpected
            del self._unexpected[ids[0]]
            return self._undelivered(ids, GiveUp(type(unexpected).__name__))
        health.delivered()

        def commit(tx: Tx) -> None:
            for one, payload, kept in zip(ids, batch.payloads, sent, strict=True):
                fresh = tx.get(OutboxRow, one)
                if fresh is not None and fresh.status in OWED:
                    _record(tx, fresh, payload, kept, repeated=batch.attempt.since is not None)

        return Happened(commit)

    def _undelivered(self, ids: Sequence[str], error: LoopOSError) -> Happened:
        def commit(tx: Tx) -> None:
            for one in ids:
                row = tx.get(OutboxRow, one)
                if row is not None and row.status in OWED:
                    self._give_up(tx, row, error)

        return Happened(commit)

    def dead(self, tx: Tx, args: dict[str, Any], error: str) -> None:
        """The job itself failed again and again."""
        row = tx.get(OutboxRow, args["outbox"])
        if row is not None and row.status in OWED:
            self._give_up(tx, row, GiveUp(error))


def _delivery(services: Services, row: OutboxRow, copy: CardCopy | None, now: datetime) -> Delivery:
    payload = row.payload
    match row.kind:
        case "post" | "edit":
            ref = copy.message_ref if row.kind == "edit" and copy is not None else None
            card = Card.model_validate(payload)
            return Delivery(row.id, row.conversation_id, card, None, message_ref=ref)
        case "file":
            file = outgoing(services, payload, now)
            return Delivery(row.id, row.conversation_id, None, None, file=file)
        case "text":
            quiet, only_for = bool(payload.get("quiet", False)), payload.get("only_for")
            return Delivery(
                row.id,
                row.conversation_id,
                None,
                str(payload["text"]),
                quiet=quiet,
                only_for=only_for,
                bare="instead_of" in payload,
            )
        case _:
            assert_never(row.kind)


def _outward(tx: Tx, channel: Channel, delivery: Delivery) -> Delivery:
    """As a platform can show it: it cannot reach into our folder of files."""
    if delivery.card is not None:
        sections = tuple(_with_links(tx, one) for one in delivery.card.sections)
        return replace(delivery, card=delivery.card.model_copy(update={"sections": sections}))
    file = delivery.file
    if file is None or channel.capabilities.uploads or (file.link or "").startswith("https://"):
        return delivery
    person = tx.services.person_of(Address(channel.name, delivery.conversation_id))
    why = reader_for(tx, person).words(
        N_("The file {name} cannot be sent here. You find it on another channel, or on the chat page."),
        name=file.name,
    )
    return replace(delivery, file=None, text="\n".join(part for part in (file.caption, why) if part))


def _with_links(tx: Tx, section: Section) -> Section:
    """What is attached, as links that anybody in the conversation can open; as words where there is no way here."""
    links: list[Link] = []
    named: list[str] = []
    for link in section.links:
        found = _MEDIA.fullmatch(link.url)
        if found is None:
            links.append(link)
            continue
        media_type = found[2] or "application/octet-stream"
        name = safe_name(f"{link.label}{mimetypes.guess_extension(media_type) or ''}")
        url = link_to(tx.services, Offered(found[1], name, media_type), tx.now)
        if url is None:
            named.append(link.label)
        else:
            links.append(Link(label=link.label, url=url))
    if not named:
        return section.model_copy(update={"links": tuple(links)})
    text = "\n".join(part for part in (section.text, " · ".join(named)) if part)
    return section.model_copy(update={"links": tuple(links), "text": text})


def _claim(tx: Tx, channel: Channel, name: str, conversation_id: str) -> _Batch | None:
    """Choose what goes out now, and write down that it is being tried."""
    most = channel.capabilities.together
    wanted = {"channel": name, "conversation": conversation_id, "now": tx.now, "most": most}
    rows = list(tx.session.scalars(_OWED, wanted))
    if not rows:
        return None
    begun, since = rows[0].attempt_key, rows[0].attempted_at
    rows = [row for row in rows if row.attempt_key == begun]
    key = begun or str(uuid.uuid4())
    for row in rows:
        row.status, row.attempt_key, row.attempted_at = OutboxStatus.SENDING, key, since or tx.now
    copies = [tx.get(CardCopy, row.copy_id) if row.copy_id else None for row in rows]
    return _Batch(
        [
            _outward(tx, channel, _delivery(tx.services, row, copy, tx.now))
            for row, copy in zip(rows, copies, strict=True)
        ],
        [row.payload for row in rows],
        Attempt(key, since),
        any(row.only_once for row in rows),
    )


def _reached(tx: Tx, copy: CardCopy) -> None:
    """A decider whom nothing reached has a card after all."""
    if copy.card.kind == "approval" and copy.card.ticket_id is not None:
        approval = latest_approval(tx.session.get_one(Ticket, copy.card.ticket_id))
        if approval is not None and copy.person_id in approval.unreached:
            approval.unreached = [one for one in approval.unreached if one != copy.person_id]


def _release(tx: Tx, ids: Sequence[str]) -> None:
    """Surely nothing was sent: it may be merged, cancelled or overtaken again."""
    for one in ids:
        row = tx.get(OutboxRow, one)
        if row is not None and row.status == OutboxStatus.SENDING:
            row.status, row.attempt_key, row.attempted_at = OutboxStatus.PENDING, None, None


def _record(tx: Tx, row: OutboxRow, payload: dict[str, Any], sent: Sent, *, repeated: bool = False) -> None:
    """It arrived, with `payload` in it."""
    row.status, row.sent_at, row.message_ref, row.attempt_key = (
        OutboxStatus.SENT,
        tx.now,
        sent.message_ref,
        None,
    )
    copy = tx.get(CardCopy, row.copy_id) if row.copy_id else None
    if copy is not None and row.kind == "post":
        copy.message_ref = sent.message_ref
        _reached(tx, copy)
    if sent.commit is not None:
        sent.commit(tx)
    if copy is None:
        return
    # It changed while it was on its way; or an earlier attempt may have shown an older drawing. An edit puts that
    # right for nothing; a new message is only worth news.
    stale = (
        row.payload != payload or repeated
        if card_publisher.edits(tx, copy)
        else not card_publisher.same_news(payload, row.payload)
    )
    if stale:
        card_publisher.owe_newer(tx, copy)
