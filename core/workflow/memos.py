"""The founder teaches by talking: a memo is said or written, shown back, and counts once he confirms it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import select

from core import phrases
from core.actors import LOOPOS, Actor, Reader
from core.cards.memo import GENERAL, MemoSnapshot
from core.cards.memo import memo as memo_card
from core.cards.view import CardDraft
from core.company.company import Company
from core.company.memo_rules import rule_of
from core.company.rules import Rule
from core.company.schema import Memo
from core.context import Tx
from core.errors import Refused
from core.i18n import N_
from core.ids import new_id
from core.inbound import Message
from core.model import Address, Category, MemoStatus, SourceKind, Triage
from core.outbox import card_publisher
from core.store import deadlines
from core.store.brain_tables import MemoRow
from core.store.deadlines import Due
from core.text import escape, shorten
from core.tickets.records import open_tickets
from core.workflow import rules, shipping

NEXT_WITHIN: Final = timedelta(minutes=10)
"""So long after /memo alone the next message is the memo."""
LAPSES: Final = timedelta(hours=24)
LAPSE: Final = "memo_lapse"
MAX_WORDS: Final = 2000


# --- saying it


def expect(tx: Tx, person_id: str, address: Address, audio: str = "") -> None:
    """Whatever this person sends next there is a memo; `audio`: of a voice note that no ear heard."""
    for old in _expected(tx, person_id, address):
        tx.session.delete(old)
    tx.add(
        MemoRow(
            memo_id=_new_id(),
            status=MemoStatus.EXPECTED,
            content={"audio_sha256": audio},
            person_id=person_id,
            channel=address.channel,
            conversation_id=address.conversation_id,
            at=tx.now,
            decided_by=None,
            decided_at=None,
        )
    )


def expected(tx: Tx, person_id: str, address: Address) -> MemoRow | None:
    """What `expect` wrote down, while it holds."""
    found = _expected(tx, person_id, address)
    return next((row for row in found if tx.now - row.at <= NEXT_WITHIN), None)


def _expected(tx: Tx, person_id: str, address: Address) -> Sequence[MemoRow]:
    wanted = select(MemoRow).where(
        MemoRow.status == MemoStatus.EXPECTED,
        MemoRow.person_id == person_id,
        MemoRow.channel == address.channel,
        MemoRow.conversation_id == address.conversation_id,
    )
    return tx.session.scalars(wanted).all()


def take(tx: Tx, row: MemoRow, message: Message, triage: Triage, reader: Reader) -> None:
    """The message that was expected: a memo, or a voice note that has to be typed up."""
    voice = next((one.sha256 for one in message.files if one.kind is SourceKind.VOICE), "")
    audio = voice or str(row.content.get("audio_sha256", ""))
    person_id, address = row.person_id, Address(row.channel, row.conversation_id)
    tx.session.delete(row)
    tx.session.flush()
    if not message.text.strip():
        expect(tx, person_id, address, audio)
        text = N_("I kept your voice note, and nobody here can hear it. Please type what you said.")
        card_publisher.say(tx, address, reader.words(text))
        return
    english = message.heard.english if message.heard is not None else triage.english
    propose(tx, person_id, message.text, triage, english=english, audio=audio)


def propose(
    tx: Tx,
    person_id: str,
    text: str,
    triage: Triage,
    *,
    english: str = "",
    audio: str = "",
    property_id: str | None = None,
    category: str | None = None,
) -> MemoRow:
    """Put it before the founder: nothing uses it before he confirms it. Raises Refused("text_needed")."""
    said = escape(text).strip()[:MAX_WORDS]
    if not said:
        raise Refused("text_needed")
    company = tx.services.company
    place = property_id or (triage.property_id if "property" in triage.evidence else None)
    kind = category or (triage.category.value if triage.category is not Category.OTHER else None)
    memo = Memo.model_validate(
        {
            "id": _new_id(),
            "property_id": place if company.place(place) is not None else None,
            "category": kind,
            "speaker": person_id,
            "language": triage.language if triage.language in phrases.LANGUAGE else "en",
            "recorded_at": tx.now,
            "transcript": said,
            "transcript_en": said if triage.language == "en" else english,
            "audio_sha256": audio,
            "status": "proposed",
            "flags": ["steering"] if triage.steering else [],
        }
    )
    row = tx.add(
        MemoRow(
            memo_id=memo.id,
            status=MemoStatus.PROPOSED,
            content=memo.model_dump(mode="json"),
            person_id=person_id,
            channel="",
            conversation_id="",
            at=tx.now,
            decided_by=None,
            decided_at=None,
        )
    )
    tx.session.flush()
    founder = company.founder
    card_publisher.post_own(tx, "memo", memo.id, _card(row, company), card_publisher.readers_of(tx, founder))
    if person_id != founder.id:
        card_publisher.tell(
            tx,
            company.person(person_id),
            lambda words: words(N_("Thank you. {who} decides whether it counts."), who=founder.name),
        )
    deadlines.schedule(tx, LAPSE, memo.id, tx.now + LAPSES)
    return row


def _new_id() -> str:
    return f"memo_{new_id()[-10:]}"


# --- deciding


def find(tx: Tx, memo_id: str) -> MemoRow:
    """Raises Refused("unknown_memo")."""
    row = tx.get(MemoRow, memo_id)
    if row is None:
        raise Refused("unknown_memo", memo=memo_id[:60])
    return row


def waiting(tx: Tx, memo_id: str) -> MemoRow:
    """Raises Refused("unknown_memo" | "gone")."""
    row = find(tx, memo_id)
    if row.status != MemoStatus.PROPOSED:
        raise Refused("gone")
    return row


def confirm(tx: Tx, row: MemoRow, actor: Actor) -> None:
    """From the commit on it is known; what it would change is proposed as a rule."""
    memo = Memo.model_validate(row.content).model_copy(
        update={"status": "kept", "approved_by": actor.person_id}
    )
    _decide(tx, row, MemoStatus.KEPT, memo, actor)
    shipping.owe(tx, "memo", memo.id)
    wanted = None if memo.flags else rule_of(tx.services.company, memo)
    if wanted is not None:
        evidence = {"memo_id": memo.id, "at": memo.recorded_at, "quote": shorten(memo.transcript, 200)}
        rules.propose(tx, Rule.model_validate({**wanted, "evidence": [evidence]}), actor.person_id)


def drop(tx: Tx, row: MemoRow, actor: Actor) -> None:
    """It is not wanted, and not kept."""
    _decide(tx, row, MemoStatus.DROPPED, Memo.model_validate(row.content), actor)


def change(tx: Tx, row: MemoRow, actor: Actor, place: str, kind: str, words: str) -> None:
    """Other words, another place or kind. Raises Refused("which_property" | "unknown_option" | "text_needed")."""
    memo = Memo.model_validate(row.content)
    changed: dict[str, Any] = {}
    if place:
        if place != GENERAL and tx.services.company.place(place) is None:
            raise Refused("which_property")
        changed["property_id"] = None if place == GENERAL else place
    if kind:
        if kind != GENERAL and kind not in set(Category):
            raise Refused("unknown_option")
        changed["category"] = None if kind == GENERAL else Category(kind)
    said = escape(words).strip()[:MAX_WORDS]
    if said and said != memo.transcript:
        changed |= {"transcript": said, "transcript_en": said if memo.language == "en" else ""}
    memo = memo.model_copy(update=changed)
    row.content = memo.model_dump(mode="json")


def retire(tx: Tx, memo_id: str, actor: Actor) -> None:
    """Not any more: no later card, answer or draft uses it; it stays where it is written. Raises Refused("unknown_memo" |
    "gone")."""
    memo = next((one for one in tx.services.company.memos if one.id == memo_id), None)
    if memo is None:
        raise Refused("unknown_memo", memo=memo_id[:60])
    if not memo.holds:
        raise Refused("gone")
    gone = memo.model_copy(update={"status": "retired", "retired_at": tx.now, "retired_by": actor.person_id})
    row = tx.get(MemoRow, memo_id) or tx.add(
        MemoRow(
            memo_id=memo_id,
            status=MemoStatus.KEPT,
            content=gone.model_dump(mode="json"),
            person_id=memo.speaker,
            channel="",
            conversation_id="",
            at=tx.now,
            decided_by=None,
            decided_at=None,
        )
    )
    _decide(tx, row, MemoStatus.RETIRED, gone, actor)
    _take_off(tx, memo_id)
    shipping.owe(tx, "memo", memo_id)
    who = tx.services.company.person(actor.person_id)
    card_publisher.tell(
        tx, who, lambda words: words(N_("“{quote}” counts no more."), quote=shorten(memo.transcript, 80))
    )


def _take_off(tx: Tx, memo_id: str) -> None:
    """Off the cards of what is still open."""
    for ticket in open_tickets(tx):
        if memo_id in ticket.matched_voice_memo_ids and ticket.knowledge is not None:
            ticket.matched_voice_memo_ids = [one for one in ticket.matched_voice_memo_ids if one != memo_id]
            sources = tuple(one for one in ticket.knowledge.sources if one.id != memo_id)
            ticket.knowledge = replace(ticket.knowledge, sources=sources)


def on_lapse(tx: Tx, deadline: Due) -> None:
    """Nobody confirmed it within a day: it is dropped, and who said it is told."""
    row = tx.get(MemoRow, deadline.subject)
    if row is None or row.status != MemoStatus.PROPOSED:
        return
    drop(tx, row, LOOPOS)
    text = str(row.content.get("transcript", ""))
    for person_id in dict.fromkeys([row.person_id, tx.services.company.founder.id]):
        card_publisher.tell(
            tx,
            tx.services.company.person(person_id),
            lambda words: words(
                N_("The memo “{quote}” was not confirmed within a day, so I dropped it."),
                quote=shorten(text, 80),
            ),
        )


def _decide(tx: Tx, row: MemoRow, status: MemoStatus, memo: Memo, actor: Actor) -> None:
    row.status, row.decided_by, row.decided_at = status, actor.person_id, tx.now
    row.content = memo.model_dump(mode="json")
    deadlines.cancel(tx, row.memo_id, LAPSE)


def _card(row: MemoRow, company: Company) -> Callable[[Reader], CardDraft]:
    seen = MemoSnapshot(memo=Memo.model_validate(row.content), status=row.status)
    return partial(memo_card, seen, company)


def draw_later(tx: Tx, row: MemoRow) -> None:
    """Bring its card up to date, once, at the end of this unit of work. One that is only expected has none."""
    if row.status == MemoStatus.EXPECTED:
        return
    tx.before_commit(f"memo:{row.memo_id}", partial(_draw, tx, row))


def _draw(tx: Tx, row: MemoRow) -> None:
    card_publisher.redraw_own(tx, "memo", row.memo_id, _card(row, tx.services.company))
