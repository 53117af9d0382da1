"""Putting a question to a person, and taking the answer: the first valid one counts, every copy of the card then says who."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.actors import Actor, Reader
from core.asks.askers import is_stranded
from core.cards.ask import CLOSED, AskedApproval, AskSnapshot, short
from core.cards.ask import ask as ask_card
from core.cards.ask import name_of as asked_name
from core.cards.view import CardDraft
from core.company.schema import Person, Vendor
from core.context import Tx
from core.dispatch.quiet_hours import next_working_moment
from core.errors import Refused
from core.i18n import N_
from core.model import SYSTEM, URGENT, Address, AskKind, Role
from core.outbox import card_publisher
from core.store import deadlines
from core.store.deadlines import Due
from core.store.frozen import frozen
from core.store.loop_events import happened
from core.store.loop_tables import AskRow, LoopApproval
from core.text import escape
from core.workflow.offers import reader_of

ASK: Final = "ask"
"""The kind of its card, and what its ids' buttons begin with."""
REMIND: Final = "ask_remind"
DEPUTY: Final = "ask_deputy"
REMIND_AFTER: Final = timedelta(minutes=15)
DEPUTY_AFTER: Final = timedelta(minutes=60)
LONGEST: Final = 4000
MAX_OPTIONS: Final = 20
MAX_LISTED: Final = 500
YES_NO: Final = ("yes", "no")
"""The answers to what cannot be undone, where whoever asks names no others: the first lets it happen."""


def ask(
    tx: Tx,
    worker: str,
    prompt: str,
    *,
    options: Sequence[str] = (),
    reference: str = "",
    to: str | None = None,
    irreversible: bool = False,
    channel: str,
    kind: AskKind = "ask",
    asked_by: str | None = None,
    attachment: dict[str, Any] | None = None,
) -> AskRow:
    """`asked_by`: the person who put it, and is told the answer; `attachment`: as core.asks.references has it. The same question of the
    same worker to the same person, while nobody has answered it or the answer was not fetched, is the same ask. Raises
    Refused("text_needed" | "too_long" | "unknown_person" | "too_many_options")."""
    said = escape(prompt).strip()
    if not said:
        raise Refused("text_needed")
    if len(said) > LONGEST:
        raise Refused("too_long", most=LONGEST)
    kept = [escape(one).strip() for one in options if one.strip()]
    most = len(YES_NO) if irreversible else MAX_OPTIONS
    if len(kept) > most:
        raise Refused("too_many_options", most=most)
    if irreversible:
        kept = [*kept, *YES_NO[len(kept) :]]
    people = asked_of(tx, to, irreversible=irreversible)
    vendor = tx.services.company.vendor(to)
    if vendor is not None and vendor.id not in {one.id for one in people}:
        reference = reference or f"{vendor.name} {vendor.phone or ''}"  # somebody rings them
    whom = f"\0{to}" if to is not None else ""  # the same words to another person are another question
    digest = hashlib.sha256(f"{said}{whom}".encode("utf-8", "surrogatepass")).hexdigest()
    same = select(AskRow).where(AskRow.worker == worker, AskRow.digest == digest, AskRow.read_at.is_(None))
    known = tx.session.scalar(same.order_by(AskRow.number.desc()).limit(1))
    if known is not None:
        if known.answer is None:
            draw_later(tx, known.id)  # somebody waits for it again: no row says so
        return known
    number = 1 + (tx.session.scalar(select(func.max(AskRow.number)).where(AskRow.worker == worker)) or 0)
    row = tx.add(
        AskRow(
            id=f"{worker}-{number}",
            kind=kind,
            worker=worker,
            number=number,
            prompt=said,
            digest=digest,
            reference=escape(reference).strip(),
            options=list(dict.fromkeys(kept)),
            to=[one.id for one in people],
            irreversible=irreversible,
            channel=channel,
            asked_at=tx.now,
            answer=None,
            answered_by=None,
            answered_on=None,
            answered_at=None,
            read_at=None,
            asked_by=asked_by,
            attachment=attachment,
        )
    )
    tx.session.flush()
    if kind != "flag":
        happened(tx, "asks")
    if kind in {"ask", "flag"}:  # the others are shown by whoever puts them, when their time has come
        show(tx, row)
    return row


def show(tx: Tx, row: AskRow) -> None:
    """Put it before whom it is for, and remind them."""
    asked = [one for one in (_whom(tx, each) for each in row.to) if one is not None]
    _show(tx, row, asked)
    if not asked:
        return
    begin = min(_when(tx, row, one) for one in asked)  # whoever is asleep is not yet silent
    deadlines.schedule(tx, REMIND, row.id, begin + REMIND_AFTER)
    if not row.irreversible:
        deadlines.schedule(tx, DEPUTY, row.id, begin + DEPUTY_AFTER)


def _whom(tx: Tx, name: str) -> Person | Vendor | None:
    return tx.services.company.person(name) or tx.services.company.vendor(name)


def _when(tx: Tx, row: AskRow, one: Person | Vendor) -> datetime:
    """When they may be told: at once what cannot be undone. A vendor's hours are their own."""
    if isinstance(one, Vendor):
        return tx.now
    return next_working_moment(one, tx.now, URGENT if row.irreversible else 1)


def asked_of(tx: Tx, to: str | None, *, irreversible: bool) -> Sequence[Person | Vendor]:
    """A person's id, a role, or a vendor's id; without one, and for what cannot be undone, the founder. A vendor whom nothing
    reaches is asked by those who can ring them: the leads, or the founder. Raises Refused("unknown_person")."""
    company = tx.services.company
    if to is None or irreversible:
        return [company.founder]
    person, vendor = company.person(to), company.vendor(to)
    if person is None and vendor is not None:
        if tx.services.address_of_vendor(vendor) is not None:
            return [vendor]
        person, to = company.person(vendor.person_id or ""), Role.LEAD
    if person is not None:
        return [person]
    if to in set(Role):
        found = [one for one in company.team if one.role is Role(to)]
        return found or [company.founder]
    raise Refused("unknown_person", name=to[:60])


def _show(tx: Tx, row: AskRow, asked: Iterable[Person | Vendor]) -> None:
    for one in asked:
        card_publisher.post_own(
            tx,
            ASK,
            row.id,
            _card(tx, row),
            _ways(tx, one),
            not_before=_when(tx, row, one),
        )
        if row.attachment is not None:
            for address, _ in _ways(tx, one):
                card_publisher.send_file(
                    tx, address, **row.attachment, caption=row.id, not_before=_when(tx, row, one)
                )


def _ways(tx: Tx, one: Person | Vendor) -> list[tuple[Address, Reader]]:
    if isinstance(one, Person):
        return card_publisher.readers_of(tx, one)
    address = tx.services.address_of_vendor(one)
    return [(address, reader_of(one))] if address is not None else []


# --- answering


def find(tx: Tx, ask_id: str) -> AskRow:
    """Raises Refused("unknown_ask")."""
    row = tx.get(AskRow, ask_id)
    if row is None:
        raise Refused("unknown_ask", ask=ask_id[:80])
    return row


def answer(
    tx: Tx, row: AskRow, text: str, actor: Actor, *, tapped: bool = False, again: bool = False
) -> None:
    """Free words count also where there are options, but for what cannot be undone, which takes a tap. `again`: in the place of
    an answer that is there. Raises Refused("tap_needed" | "text_needed" | "too_long" | "already_answered")."""
    if row.irreversible and not tapped:
        raise Refused("tap_needed")
    said = escape(text).strip()
    if not said:
        raise Refused("text_needed")
    if len(said) > LONGEST:
        raise Refused("too_long", most=LONGEST)
    if row.answered_by == SYSTEM:
        raise Refused("gone")
    if row.answer is not None and not again:
        raise Refused("already_answered", who=name_of(tx, row.answered_by), answer=row.answer)
    row.answer, row.answered_by, row.answered_on = said, actor.person_id, actor.channel
    row.answered_at = tx.now
    if row.read_at is None or not again:  # one that was handed over starts nobody a second time
        row.read_at = None
    happened(tx, "asks")
    for kind in (REMIND, DEPUTY):
        deadlines.cancel(tx, row.id, kind)
    if row.asked_by is not None:  # no program waits for it
        row.read_at = tx.now
        _tell_asker(tx, row, said)


def _tell_asker(tx: Tx, row: AskRow, said: str) -> None:
    company = tx.services.company
    card_publisher.tell(
        tx,
        company.person(row.asked_by or ""),
        lambda words: words(
            N_("{who} answered your question {ask}: {answer}"),
            who=name_of(tx, row.answered_by),
            ask=row.id,
            answer=said,
        ),
    )


def _card(tx: Tx, row: AskRow) -> Callable[[Reader], CardDraft]:
    """What its card looks at is read here, once; drawing it for each reader reads nothing."""
    approval = tx.get(LoopApproval, row.id) if row.kind == "approval" else None
    seen = frozen(
        AskSnapshot,
        row,
        stranded=approval is None and row.answer is None and is_stranded(tx.session, row),
        approval=frozen(AskedApproval, approval) if approval is not None else None,
    )
    return partial(ask_card, seen, tx.services.company)


def draw_later(tx: Tx, ask_id: str) -> None:
    """Bring its card up to date, once, at the end of this unit of work."""
    tx.before_commit(f"ask:{ask_id}", partial(_draw, tx, ask_id))


def _draw(tx: Tx, ask_id: str) -> None:
    row = tx.get(AskRow, ask_id)
    if row is not None:
        card_publisher.redraw_own(tx, ASK, row.id, _card(tx, row))


def draw_those_of(tx: Tx, worker: str) -> None:
    """Whether somebody waits for an answer of theirs has become another."""
    wanted = select(AskRow.id).where(
        AskRow.worker == worker, AskRow.answered_at.is_(None), AskRow.kind == "ask"
    )
    for ask_id in tx.session.scalars(wanted):
        draw_later(tx, ask_id)


def close(tx: Tx, row: AskRow) -> None:
    """Nobody needs to answer it any more."""
    if row.answer is None:
        row.answer, row.answered_by = CLOSED, SYSTEM
        row.answered_on, row.answered_at = None, tx.now
        for kind in (REMIND, DEPUTY):
            deadlines.cancel(tx, row.id, kind)


def option_of(row: AskRow, number: int) -> str:
    """Raises Refused("unknown_option")."""
    if not 0 <= number < len(row.options):
        raise Refused("unknown_option")
    return row.options[number]


def name_of(tx: Tx, person_id: str | None) -> str:
    return asked_name(tx.services.company, person_id)


def fetched(tx: Tx, ask_id: str) -> str | None:
    """The answer, which whoever asked has from now on; None: there is none yet. Raises Refused("unknown_ask")."""
    row = find(tx, ask_id)
    if row.answer is not None and row.read_at is None:
        row.read_at = tx.now
    return row.answer


def is_answered(session: Session, ask_id: str) -> bool:
    row = session.get(AskRow, ask_id)
    return row is not None and row.answer is not None


# --- looking


def pending(session: Session, person: Person | None, *, every: bool = False) -> list[AskRow]:
    """What waits for an answer, the newest MAX_LISTED, oldest first: of theirs, of all for leads (but what is the founder's alone) and the founder;
    None: the operator's view. `every`: also what was answered."""
    wanted = select(AskRow)
    if not every:
        wanted = wanted.where(AskRow.answered_at.is_(None))
    if person is None:
        wanted = wanted.where(AskRow.kind != "flag")
    newest = session.scalars(
        wanted.order_by(AskRow.asked_at.desc(), AskRow.id.desc()).limit(MAX_LISTED)
    ).all()
    return [row for row in reversed(newest) if person is None or may_answer(person, row)]


def of_vendor(session: Session, vendor: Vendor) -> list[AskRow]:
    """What waits for this vendor's answer, oldest first."""
    wanted = select(AskRow).where(AskRow.answered_at.is_(None), AskRow.kind == "ask")
    return [row for row in session.scalars(wanted.order_by(AskRow.asked_at)) if vendor.id in row.to]


def may_answer(person: Person, row: AskRow) -> bool:
    if person.role is Role.FOUNDER:
        return True
    return not row.irreversible and (person.role is Role.LEAD or person.id in row.to)


def ask_json(row: AskRow, approval: LoopApproval | None = None, *, live: bool = True) -> dict[str, Any]:
    """{id, worker, prompt, reference, options, ts, kind, state, to, channel}, of an `approval` {payload, payload_sha256}, and of
    an answered one {answer, answered_by, answered_at}. `live`: somebody still waits for the answer."""
    told: dict[str, Any] = {
        "id": row.id,
        "worker": row.worker,
        "prompt": row.prompt,
        "reference": row.reference,
        "options": row.options,
        "ts": int(row.asked_at.timestamp()),
        "kind": row.kind,
        "state": "LIVE" if live else "STRANDED",
        "to": row.to,
        "channel": row.channel,
    }
    if approval is not None:
        told |= {"payload": approval.payload, "payload_sha256": approval.sha256}
    if row.answered_at is not None:
        told |= {
            "answer": row.answer,
            "answered_by": row.answered_by,
            "answered_at": row.answered_at.isoformat(),
        }
    return told


# --- silence


def on_remind(tx: Tx, deadline: Due) -> None:
    row = tx.get(AskRow, deadline.subject)
    if row is None or row.answer is not None:
        return
    for person_id in row.to:
        person = tx.services.company.person(person_id)
        if person is None or _when(tx, row, person) > tx.now:
            continue
        card_publisher.tell(
            tx,
            person,
            lambda words: words(
                N_("The question {ask} still waits for your answer: {text}"),
                ask=row.id,
                text=short(row.prompt),
            ),
        )


def on_deputy(tx: Tx, deadline: Due) -> None:
    """Whoever stands in for who was silent is asked as well."""
    row = tx.get(AskRow, deadline.subject)
    if row is None or row.answer is not None or row.irreversible:
        return
    company = tx.services.company
    backups = [company.person(person.backup) for one in row.to if (person := company.person(one)) is not None]
    fresh = [one for one in backups if one is not None and one.id not in row.to]
    row.to = [*row.to, *dict.fromkeys(one.id for one in fresh)]
    tx.session.flush()
    _show(tx, row, fresh)
