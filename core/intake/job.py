"""A message comes in: whose is it, what does it say, which ticket does it belong to?"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import structlog
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from core import lanes
from core.buttons import taps
from core.context import Commit, Services, Store, Task, Tx
from core.inbound import (
    UNSEEN,
    Edited,
    File,
    Hearing,
    Inbound,
    Message,
    Moved,
    Opened,
    RemoteFile,
    Tap,
    Unsent,
    heard_in,
    is_alone,
)
from core.intake import edits, transcription, unseen
from core.intake.attachments import Fetched, fetch_all
from core.intake.incoming import message_of, said_by_us
from core.intake.messages import settled, take_message
from core.intake.steps import LINES_WITHIN, thread_ticket
from core.metering import About
from core.model import Address, InboxStatus, Intent, SourceKind, Triage
from core.outbox import home_page
from core.ports import Channel
from core.store import crashpoints
from core.store.tables import Binding, CardCopy, InboxRow, table
from core.text import command_in, escape, folded
from core.tickets.records import find_ticket
from core.triage.port import Occasion, Speaker
from core.workflow import quarantine, reports

log = structlog.get_logger(__name__)

SHORT: Final = 400
"""Characters that are judged at once, on the event loop."""
MAX_READING: Final = 256
"""Conversations whose messages are worked on at the same time."""
MAX_SLOW, MAX_SLOW_EACH = 12, 2
"""Messages whose files are fetched or heard at the same time, and those of one person."""
MAX_LINES: Final = 4096
"""Lines that wait for the next, of everybody."""
MAX_NAMED: Final = 8
"""People mentioned in one message whose names are looked up."""
_OUR_NAME: Final = re.compile(r"loop\W?os", re.IGNORECASE)
_PROCESSED: Final = (
    update(table(InboxRow))
    .where(InboxRow.id == bindparam("inbox"), InboxRow.status == InboxStatus.ACCEPTED)
    .values(
        status=InboxStatus.PROCESSED,
        person_id=bindparam("by"),
        message_id=bindparam("message"),
        processed_at=bindparam("now"),
    )
)


class SlowWork:
    """Slots for fetching files and hearing voice notes, bounded for each person: one's backlog is nobody else's."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(MAX_SLOW)
        self._each: dict[tuple[str, str], asyncio.Semaphore] = defaultdict(
            lambda: asyncio.Semaphore(MAX_SLOW_EACH)
        )

    @contextlib.asynccontextmanager
    async def turn(self, message: Message) -> AsyncIterator[None]:
        async with self._each[message.channel, message.sender], self._all:
            yield


@dataclass(frozen=True, slots=True)
class Line:
    """What somebody wrote last; where it named a place, the next lines, seconds later, may not repeat it."""

    row_id: str
    message: Message
    triage: Triage


class Lines:
    """The last line of each person in each conversation. They count for seconds: a restart may forget them."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str, str], Line] = {}

    def keep(self, row_id: str, message: Message, triage: Triage) -> None:
        if len(self._last) >= MAX_LINES:
            self._last.clear()
        self._last[message.channel, message.conversation_id, message.sender] = Line(row_id, message, triage)

    def gone_on(self, message: Message, triage: Triage) -> tuple[Message, Triage, Line | None]:
        """`message` with how long after the line before it, `triage` at the place of that line, and that line, where it goes
        on with one."""
        line = self._last.get((message.channel, message.conversation_id, message.sender))
        if line is None:
            return message, triage, None
        message = replace(message, after=message.at - line.message.at)
        if not timedelta(0) <= message.at - line.message.at <= LINES_WITHIN or not says_where(line):
            return message, triage, None
        if "property" in triage.evidence or message.foreign or command_in(message.text) is not None:
            return message, triage, None
        evidence = {**triage.evidence, "property": line.triage.evidence["property"]}
        return message, replace(triage, property_id=line.triage.property_id, evidence=evidence), line


def says_where(line: Line) -> bool:
    triage, message = line.triage, line.message
    named = triage.property_id is not None and "property" in triage.evidence and not triage.steering
    return named and not message.foreign and not message.reply_to and command_in(message.text) is None


class Intake:
    """The job that works on one inbox row: whatever is slow first, outside any transaction; then one commit."""

    def __init__(self, services: Services, store: Store) -> None:
        self._services = services
        self._store = store
        self._signs: set[asyncio.Task[None]] = set()
        self._slow = SlowWork()
        self._lines = Lines()

    def task(self) -> Task:
        return Task(
            lanes.READ,
            find=self.find,
            run=self.run,
            exhausted=lambda tx, args, error: quarantine.quarantine(tx, args["inbox"], error),
            # What takes its time has slots of its own (SlowWork): words never wait for one.
            slots=MAX_READING,
        )

    @staticmethod
    def find(session: Session, some: list[dict[str, Any]]) -> list[InboxRow | None]:
        wanted = [args["inbox"] for args in some]
        rows = {row.id: row for row in session.scalars(select(InboxRow).where(InboxRow.id.in_(wanted)))}
        return [rows.get(one) for one in wanted]

    async def run(self, args: dict[str, Any], row: InboxRow | None) -> Commit | None:
        if row is None or row.status != InboxStatus.ACCEPTED:
            return None
        channel = self._services.channel(row.channel)
        inbound = _readable(await channel.route(row.payload))
        if isinstance(inbound, Message):
            return await self._message(channel, row, inbound)
        if isinstance(inbound, Tap):
            self._show_life(channel, row)
        reread = None
        if isinstance(inbound, Edited):
            reread = await self._services.baseline.understand(inbound.text, self.speaker(inbound))

        def commit(tx: Tx) -> None:
            if not _mark_done(tx, row, inbound):
                return
            match inbound:
                case Tap():
                    taps.tap(tx, inbound)
                case Edited() if reread is not None:
                    _take_edit(tx, row, inbound, reread)
                case Unsent():
                    edits.unsent(tx, inbound)
                case Moved():
                    edits.moved(tx, inbound)
                case Opened():
                    home_page.show(tx, inbound)

        return commit

    async def _message(self, channel: Channel, row: InboxRow, message: Message) -> Commit:
        rows = [row]
        if row.album is not None:
            rows = await self._store.read(lambda session: _album(session, row))
            message = _joined(message, [channel.parse(one.payload) for one in rows])
        overheard = message.room is not None and not message.addressed
        if overheard and not await self._store.read(lambda s: listens(s, message) or answers_us(s, message)):
            spoken = await self._spoken_to_us(channel, row, message)
            if spoken is None:
                return lambda tx: _pass_over(tx, rows, message)
            message = spoken
        if message.sender == UNSEEN:
            return self._from_nobody(rows, message)
        message = await self._with_names(channel, message)
        self._show_life(channel, row)
        known = self._is_known(message)
        waited = self._services.clock.now() - row.received_at
        fetched = Fetched((), (), ())
        if message.remote and known:  # a stranger's files are fetched once they are let in
            if self._services.baseline.judge(message.text[:SHORT], self.speaker(message)).dangerous:
                fetched = Fetched((), (), message.remote)  # what to do goes out before any download ends
            else:
                async with self._slow.turn(message):
                    fetched = await fetch_all(self._services, channel, message.remote, waited)
            message = with_files(message, fetched.files, fetched.late)
        message, triage = await self.read(row, message)
        message, triage, line = self._lines.gone_on(message, triage)
        name = "" if known else await channel.display_name(message.sender, message.conversation_id)
        crashpoints.reach("model_answered")

        def commit(tx: Tx) -> None:
            if not _mark_done(tx, row, message):
                return  # at least once: whoever comes second finds it done
            tx.on_commit(lambda: self._lines.keep(row.id, message, triage))
            for other in rows[1:]:
                _mark_done(tx, other, message)
            fresh = tx.get(InboxRow, row.id)
            assert fresh is not None
            if edits.came_before(tx, fresh, message):
                return
            take_message(tx, fresh, message, triage, fetched.troubles, fetched.late, name)
            if line is not None and fresh.ticket_id is not None:
                add_line_before(tx, fresh.ticket_id, line)

        return commit

    def _from_nobody(self, rows: Sequence[InboxRow], message: Message) -> Commit:
        """Whom the platform does not name can do nothing here, and is told how to be known; a danger counts all the same."""
        triage = self._services.baseline.judge(message.text[:SHORT], self.speaker(message))

        def commit(tx: Tx) -> None:
            for row in rows:
                if not _mark_done(tx, row, message):
                    return
            unseen.wrote(tx, message, triage)

        return commit

    async def _with_names(self, channel: Channel, message: Message) -> Message:
        """People are called by their names before anybody reads of them."""
        text = message.text
        for account in message.mentions[:MAX_NAMED]:
            person = self._services.person_at(message.channel, account)
            name = (
                person.name
                if person is not None
                else await channel.display_name(account, message.conversation_id)
            )
            text = text.replace(f"@{account}", f"@{escape(name)}" if name else "@?")
        return replace(message, text=text, written="" if message.mentions else message.written)

    async def read(self, row: InboxRow, message: Message) -> tuple[Message, Triage]:
        """`message` with what is said in its voice notes, and what it is about."""
        if message.heard is None:
            if message.files:
                async with self._slow.turn(message):
                    heard = await self._hear(row, message)
            else:
                heard = None
            message = message if heard is None else with_words(message, heard)
        return message, await self.understand(row, message)

    async def _hear(self, row: InboxRow, message: Message) -> Hearing | None:
        languages = self.speaker(message).languages
        about = About("transcribe", inbox_id=row.id)
        return await transcription.hear(self._services, self._store, row, message, languages, about)

    async def _spoken_to_us(self, channel: Channel, row: InboxRow, message: Message) -> Message | None:
        """In a group that is not ours nobody can mention us in a voice note but by saying our name in it: a team
        member's is listened to before it is passed over, and not kept (W6)."""
        spoken = tuple(one for one in message.remote if one.media_type.startswith(("audio/", "video/")))
        if not spoken or self._services.transcriber is None or not self._is_known(message):
            return None
        waited = self._services.clock.now() - row.received_at
        async with self._slow.turn(message):
            fetched = await fetch_all(self._services, channel, spoken, waited)
            message = with_files(replace(message, remote=()), fetched.files)
            heard = await self._hear(row, message)
        if heard is not None and _OUR_NAME.search(heard.text):
            return with_words(message, heard)
        for file in fetched.files:
            if not await self._store.read(lambda session, file=file: reports.is_kept(session, file)):  # type: ignore[misc]
                (self._services.media / file.sha256).unlink(missing_ok=True)
        return None

    async def understand(self, row: InboxRow, message: Message) -> Triage:
        speaker = self.speaker(message)
        if self._services.models is None:
            triage = await self._services.understanding.understand(message.text, speaker)
            await self._prepare(message, triage)
            return triage
        services, first = self._services, await self._services.baseline.understand(message.text, speaker)
        now = services.clock.now()
        known = await self._store.read(
            lambda session: settled(services.unit(session, now), row, message, first)
        )
        pictures = () if known else await services.pictures.shown(services.media, message.files)
        read = services.understanding.understand(message.text, speaker, Occasion(row.id, pictures, known))
        if known:
            return await read
        triage, _ = await asyncio.gather(read, self._prepare(message, first))
        return triage

    async def _prepare(self, message: Message, triage: Triage) -> None:
        """Its vector, beside the reading: what becomes a ticket is compared with the memos there are. A danger waits for none."""
        vectors, said = self._services.vectors, message.written or message.text
        if (
            vectors is not None
            and not triage.dangerous
            and triage.intent is Intent.NEW_ISSUE
            and said.strip()
        ):
            await vectors.prepare(said)

    def _is_known(self, message: Message) -> bool:
        services, account = self._services, (message.channel, message.sender)
        return services.person_at(*account) is not None or services.vendor_at(*account) is not None

    def _show_life(self, channel: Channel, row: InboxRow) -> None:
        """Beside the work, never before it."""
        sign = asyncio.create_task(channel.sign_of_life(row.payload))
        self._signs.add(sign)
        sign.add_done_callback(self._signs.discard)

    def speaker(self, said: Message | Edited) -> Speaker:
        return reports.speaker_of(self._services.person_at(said.channel, said.sender))


def _readable(inbound: Inbound | None) -> Inbound | None:
    """Before anything looks at its words."""
    match inbound:
        case Message():
            text = folded(inbound.text)
            return inbound if text == inbound.text else replace(inbound, text=text, written=inbound.text)
        case Edited():
            return replace(inbound, text=folded(inbound.text))
        case _:
            return inbound


def _take_edit(tx: Tx, row: InboxRow, change: Edited, triage: Triage) -> None:
    match edits.edited(tx, row.received_at, change, triage):
        case edits.EditOutcome.EARLY:
            # Behind its message, which may be the next in this lane.
            tx.change(
                update(table(InboxRow)).where(InboxRow.id == row.id).values(status=InboxStatus.ACCEPTED)
            )
            source = Address(row.channel, row.conversation_id)
            lanes.read(tx, row.id, source, tx.now + timedelta(seconds=1))
        case edits.EditOutcome.NEW:
            fresh = tx.get(InboxRow, row.id)
            assert fresh is not None
            message = _as_it_is_now(tx, change)
            if message is not None:
                if edits.original(tx, change) is None:
                    fresh.message_id = (
                        change.message_id
                    )  # should its message come after all, it is not filed again
                take_message(tx, fresh, message, triage)


def _as_it_is_now(tx: Tx, change: Edited) -> Message | None:
    """The edited message as one of its own, where it was written and to whom; None where the edit says nothing new, or it
    was never meant for us. A command is carried out once."""
    row = edits.original(tx, change)
    if row is None:
        if not is_alone(change):
            return None  # who could tell whether it was meant for us?
        ids = (change.channel, change.conversation_id, change.message_id, change.sender)
        return Message(*ids, change.text, change.at)
    before = _readable(message_of(tx.services, row))
    if not isinstance(before, Message) or before.text == change.text or command_in(before.text) is not None:
        return None
    if before.room is not None and not before.addressed and not listens(tx.session, before):
        return None
    return replace(before, text=change.text, written="", at=change.at, remote=())


def _mark_done(tx: Tx, row: InboxRow, inbound: Inbound | None) -> bool:
    """False if somebody was faster."""
    person = tx.services.person_at(row.channel, inbound.sender) if inbound is not None else None
    done = {
        "inbox": row.id,
        "by": person.id if person is not None else None,
        "message": inbound.message_id if isinstance(inbound, Message) else None,
        "now": tx.now,
    }
    return tx.change(_PROCESSED, done) == 1


def add_line_before(tx: Tx, ticket_id: str, line: Line) -> None:
    """The line that named the place belongs to the report that came of the next."""
    row, ticket = tx.get(InboxRow, line.row_id), find_ticket(tx, ticket_id)
    if row is None or row.ticket_id is not None or row.person_id is None or row.payload == {"unsent": True}:
        return
    row.ticket_id = ticket.ticket_id
    reports.add_report(tx, ticket, line.message, row.person_id, line.triage)


def _pass_over(tx: Tx, rows: Sequence[InboxRow], message: Message) -> None:
    """People talking among themselves: not ours, and not kept longer than it takes to know that."""
    tx.session.flush()
    if listens(tx.session, message):
        # What came before it in this very commit made the group ours: bound it, or brought it its new id.
        for row in rows:
            lanes.read(tx, row.id, Address(row.channel, row.conversation_id))
        return
    for row in rows:
        if _mark_done(tx, row, message):
            tx.change(update(table(InboxRow)).where(InboxRow.id == row.id).values(payload={}))


def listens(session: Session, message: Message) -> bool:
    """In a group, words that are not addressed to the bot count where the group is bound to a property, and in the
    thread of a ticket."""
    if session.get(Binding, (message.channel, message.room)) is not None:
        return True
    return message.conversation_id != message.room and thread_ticket(session, message) is not None


def answers_us(session: Session, message: Message) -> bool:
    """It quotes something that we said there."""
    if not message.reply_to:
        return False
    card = select(CardCopy.id).where(
        CardCopy.message_ref == message.reply_to,
        CardCopy.channel == message.channel,
        CardCopy.conversation_id.in_(heard_in(message)),
    )
    return session.scalar(card.limit(1)) is not None or said_by_us(session, message) is not None


def _album(session: Session, row: InboxRow) -> list[InboxRow]:
    """Everything that was sent together with `row` and is still to be done; `row` first."""
    found = session.scalars(
        select(InboxRow)
        .where(InboxRow.album == row.album, InboxRow.status == InboxStatus.ACCEPTED, InboxRow.id != row.id)
        .order_by(InboxRow.id)
    )
    return [row, *found]


def with_files(message: Message, files: tuple[File, ...], late: Sequence[RemoteFile] = ()) -> Message:
    """A voice note that is still to come makes it a voice message all the same."""
    expected = [SourceKind.VOICE for one in late if one.media_type.startswith(("audio/", "video/"))]
    kinds = [file.kind for file in files] or expected
    return replace(message, files=(*message.files, *files), kind=kinds[0] if kinds else SourceKind.TEXT)


def with_words(message: Message, heard: Hearing) -> Message:
    words = "\n".join(part for part in (message.text, heard.text) if part.strip())
    return replace(message, text=words, written="", heard=heard)


def _joined(first: Message, parts: Sequence[Inbound | None]) -> Message:
    """The pieces of an album as one message."""
    messages = [part for part in parts if isinstance(part, Message)]
    text = folded("\n".join(part.text for part in messages if part.text.strip()))
    addressed = any(part.addressed for part in messages)
    remote = tuple(file for part in messages for file in part.remote)
    return replace(first, text=text, written="", remote=remote, addressed=addressed)
