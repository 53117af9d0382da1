"""At the end: what was said against what is on disk and what lies with the vendor."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from typing import Any

from sqlalchemy import select

from core.model import Event, Status
from core.store.tables import Attachment, CardCopy, HistoryRow, InboxRow, OutboxRow, Report, Ticket
from tests.faults.happenings import kinds_of
from tests.faults.people import Run, ticket_of
from tests.faults.vendors import Post


def count(run: Run, session: Any) -> None:
    _count_said(run, session)
    _count_taps(run, session)
    _count_shown(run, session)
    _count_undeliverable(run, session)
    result = run.result
    for one in session.scalars(select(InboxRow).where(InboxRow.status == "quarantined")):
        result.blame("quarantined", one.error)
    for name in kinds_of(run.mode):
        if not result.faults[name]:
            result.blame("kinds_missing", name)


def _count_said(run: Run, session: Any) -> None:
    """Each message had its effect, and had it once."""
    result = run.result
    reports = Counter(session.scalars(select(Report.raw_input)))
    tickets = Counter(session.scalars(select(Ticket.raw_input)))
    pictures = Counter(session.scalars(select(Attachment.sha256)))
    sources = Counter(one["message_id"] for one in session.scalars(select(Report.source)))
    answers = Counter(found for text in _texts(session) for found in re.findall(r"/(w[0-9a-f]{8})", text))
    for one in run.said:
        match one.kind:
            case "photo":
                found = pictures[one.words]
            case "command":
                found = answers[one.words]
            case "unsent":
                # One that came after its own end makes no ticket.
                found = 1 if one.before else sources[one.ref]
                if reports[one.words] or tickets[one.words]:
                    result.blame("not_erased", f"{one.words} {one.before}")
            case "edited":
                found = reports[one.words] + reports[one.before]
                if reports[one.before]:
                    result.blame("edits_lost", f"{one.before} is still there")
            case _:
                found = reports[one.words]
        if one.kind != "more" and tickets[one.words] > 1:
            result.blame("doubled", f"{tickets[one.words]} tickets: {one.words}")
        elif found > 1:
            result.blame("doubled", f"{found} x {one.kind}: {one.words}")
        if found == 0:
            result.blame("lost", f"{one.kind}: {one.words} {one.ref}")
        if one.kind == "late":
            _count_late(run, session, one.words)


def _texts(session: Any) -> list[str]:
    """What was said in words, by whichever way it went."""
    rows = session.scalars(select(OutboxRow).where(OutboxRow.kind == "text", OutboxRow.status != "dead"))
    return [str(row.payload["text"]) for row in rows]


def _count_late(run: Run, session: Any, words: str) -> None:
    for ticket in session.scalars(select(Ticket).where(Ticket.raw_input == words)):
        events = [row.event for row in ticket.history]
        sent = Event.DISPATCHED.value in events
        if not ticket.triage.late or (sent and Event.APPROVED.value not in events):
            run.result.blame("late_and_dispatched", f"{ticket.ticket_id} {events}")


def _count_taps(run: Run, session: Any) -> None:
    """Each tap that was taken did what it says; and nothing was done twice."""
    result = run.result
    done: dict[str, Counter[str]] = defaultdict(Counter)
    for ticket, event in session.execute(select(HistoryRow.ticket_id, HistoryRow.event)):
        done[ticket][event] += 1
    once = (Event.APPROVED, Event.DISPATCHED, Event.ACKNOWLEDGED, Event.RESOLVED)
    for ticket, events in done.items():
        for event in once:
            if events[event.value] > 1:
                result.blame("done_twice", f"{ticket} {event.value} x {events[event.value]}")
    # An "I have it" after "done" is refused, and rightly.
    wanted = {"approve": {Event.APPROVED}, "ack": {Event.ACKNOWLEDGED, Event.RESOLVED}}
    for person in run.people.values():
        for button, action in person.tapped.items():
            ticket = ticket_of(session, button)
            if action in wanted and not any(done[ticket][event.value] for event in wanted[action]):
                result.blame("taps_lost", f"{person.id} {action} {ticket}")
    for ticket in run.resolved:
        if session.get(Ticket, ticket).status != Status.RESOLVED:
            result.blame("taps_lost", f"resolve {ticket}")


def _count_shown(run: Run, session: Any) -> None:
    """What lies with the vendor against what we recorded: by name, and in order."""
    result = run.result
    rows = list(
        session.scalars(
            select(OutboxRow)
            .where(
                OutboxRow.channel == run.channel,
                OutboxRow.status == "sent",
                OutboxRow.kind.in_(("post", "text")),
            )
            .order_by(OutboxRow.id)
        )
    )
    posts = {one.ref: one for one in run.vendor.shown()}
    name = {row.id: run.vendor.named(row.conversation_id, str(row.message_ref), posts) for row in rows}
    recorded = set(name.values())
    extra = [one for ref, one in posts.items() if ref not in recorded]
    absent = [row for row in rows if name[row.id] not in posts]
    if run.channel == "line":
        # LINE does not name what it took before we asked again: as many as are nameless with us may lie there.
        nameless = Counter(row.conversation_id for row in absent)
        absent, extra = _unmatched(nameless, absent, extra)
    for one in extra:
        result.blame("shown_twice", f"{one.place} {one.ref} {one.text[:80]!r}")
    for row in absent:
        if not str(row.message_ref).endswith(":"):  # a whisper of which Slack did not say
            result.blame("not_shown", f"{row.conversation_id} {row.message_ref} {row.kind}")
    shown = [(row, posts[name[row.id]]) for row in rows if name[row.id] in posts]
    _count_cards(run, shown)
    _count_order(run, shown)


def _count_cards(run: Run, shown: list[tuple[OutboxRow, Post]]) -> None:
    """A copy of a card is posted anew only where it has news, and only where nothing can be edited."""
    before: dict[str, Any] = {}
    for row, post in shown:
        if row.copy_id is None:
            continue
        news = post.text.split("\n")[:2], post.buttons
        if before.get(row.copy_id) == news:
            run.result.blame("cards_shown_twice", f"{row.conversation_id} {news[0]}")
        before[row.copy_id] = news


def _unmatched(
    nameless: Counter[str], absent: list[OutboxRow], extra: list[Post]
) -> tuple[list[OutboxRow], list[Post]]:
    """What is left over once every nameless row of a conversation has found a message there."""
    for one in list(extra):
        if nameless[one.place] > 0:
            nameless[one.place] -= 1
            extra.remove(one)
    return [row for row in absent if nameless[row.conversation_id] > 0], extra


def _count_order(run: Run, shown: list[tuple[OutboxRow, Post]]) -> None:
    """Of equal urgency what was owed first stands first. `shown` is sorted by when it was owed."""
    newest: dict[tuple[str, str, int], tuple[Any, str]] = {}
    for row, post in shown:
        if post.at is None or row.not_before > row.created_at:
            continue  # an alert has no place in the chat; a page for later is later
        lane = (row.conversation_id, post.place, row.urgency)
        if lane in newest and post.at < newest[lane][0]:
            run.result.blame("out_of_order", f"{lane} {post.ref} stands before {newest[lane][1]}")
        else:
            newest[lane] = (post.at, post.ref)


def _count_undeliverable(run: Run, session: Any) -> None:
    """Whatever could not be brought went another way, and the founder knows."""
    result, company = run.result, run.house.app.services.company
    told = "\n".join(
        str(row.payload["text"])
        for row in session.scalars(
            select(OutboxRow).where(OutboxRow.kind == "text", OutboxRow.status == "sent")
        )
        if row.conversation_id in {"ben", run.people["ben"].account}
    )
    ours = {person.account: person.id for person in run.people.values()}
    for row in session.scalars(select(OutboxRow).where(OutboxRow.status == "dead")):
        result.dead += 1
        if row.kind == "edit":
            if not _stands_again(session, row):
                result.blame("dead_nowhere_else", f"{row.conversation_id} {row.kind} {row.error}")
            continue
        person = ours.get(row.conversation_id)
        name = company.name_of(person or row.conversation_id)
        if f"{row.channel} {name}" not in told and str(row.error)[:160] not in told:
            result.blame("dead_untold", f"{row.conversation_id} {row.error}")
        if not run.blocked & {row.conversation_id, "*"}:
            result.blame("lost", f"a message to {name}: {row.error}")
        elif (
            person is not None and not row.payload.get("quiet") and not _went_elsewhere(session, row, person)
        ):
            result.blame("dead_nowhere_else", f"{person} {row.kind} {row.error}")


def _stands_again(session: Any, row: OutboxRow) -> bool:
    """What could not be changed any more stands again further down, unless nothing on it can be pressed."""
    copy = session.get(CardCopy, row.copy_id)
    posts = select(OutboxRow.id).where(
        OutboxRow.copy_id == copy.id,
        OutboxRow.kind == "post",
        OutboxRow.id > row.id,
        OutboxRow.status == "sent",
    )
    pressed = copy.content.get("buttons") or copy.content.get("questions")
    return not pressed or session.scalar(posts.limit(1)) is not None


def _went_elsewhere(session: Any, row: OutboxRow, person: str) -> bool:
    """The same words, or a copy of the same card, on the web page."""
    if row.kind == "text":
        others = select(OutboxRow).where(OutboxRow.conversation_id == person, OutboxRow.kind == "text")
        return any(one.payload["text"] == row.payload["text"] for one in session.scalars(others))
    card = session.get(CardCopy, row.copy_id).card_id
    copies = select(CardCopy.id).where(CardCopy.card_id == card, CardCopy.conversation_id == person)
    return session.scalar(copies.limit(1)) is not None
