"""How the loop gets to know the company: a handful of questions with buttons, once the founder speaks to us, and a PLAYBOOK that he
confirms. Never unasked, and never twice."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.asks import approvals, asks
from core.context import Tx
from core.i18n import N_, Words
from core.loop import seeds
from core.model import LANGUAGES
from core.outbox import card_publisher
from core.store.loop_tables import AskRow, LoopApproval
from core.store.tables import InboxRow

SETUP: Final = "setup"
"""Whose questions these are, and the goal that they serve."""
LATER: Final = N_("Not now")


@dataclass(frozen=True, slots=True)
class Question:
    title: str
    """What the PLAYBOOK calls it."""
    text: str
    options: tuple[str, ...]


QUESTIONS: Final = (
    Question(
        "What we do",
        N_("How does this company work? Five short questions, then a PLAYBOOK that you confirm. First: what do you look after?"),
        (N_("Homes that are let for days"), N_("Cleaning"), N_("Buildings of others"), LATER),
    ),
    Question(
        "What comes first",
        N_("What comes first on a bad day?"),
        (N_("Guests who are in the house"), N_("Guests who arrive today"), N_("What it costs")),
    ),
    Question(
        "Never without the founder",
        N_("What do I never do without asking you, whatever happens?"),
        (N_("Spend any money"), N_("Spend above the caps"), N_("Write to guests"), N_("Call a new vendor")),
    ),
    Question(
        "Who may be woken",
        N_("For what may I wake somebody at night?"),
        (N_("Danger to people alone"), N_("Water and power, too"), N_("For nothing")),
    ),
    Question(
        "How often to look",
        N_("How often shall I look around by myself?"),
        (N_("Every minute"), N_("Every 15 minutes"), N_("Every hour")),
    ),
)  # fmt: skip
INTERVALS: Final = {QUESTIONS[4].options[1]: 900, QUESTIONS[4].options[2]: 3600}
"""Seconds, by the option in English."""


@cache
def _not_now() -> frozenset[str]:
    """That answer in each language; a start does not wait for their catalogues."""
    return frozenset(Words(one, ZoneInfo("UTC"))(LATER) for one in LANGUAGES)


def begin(tx: Tx) -> None:
    """The first question waits, once in a company's life; nobody is shown it yet."""
    if (
        tx.session.scalar(select(AskRow.id).where(AskRow.worker == SETUP, AskRow.kind == "setup").limit(1))
        is None
    ):
        _ask(tx, QUESTIONS[0])


def is_owed(session: Session) -> bool:
    """`go_on` may have something to do."""
    wanted = select(AskRow).where(AskRow.worker == SETUP, AskRow.kind == "setup").order_by(AskRow.number)
    rows = list(session.scalars(wanted))
    if not rows:
        return False
    if rows[-1].answer is None:
        return len(rows) == 1
    if {row.answer for row in rows} & _not_now():
        return False
    known = select(LoopApproval.ask_id).where(LoopApproval.worker == SETUP).limit(1)
    return session.scalar(known) is None


def go_on(tx: Tx) -> None:
    """Show the first question once the founder has spoken, the next once the last is answered, the PLAYBOOK in the end."""
    wanted = select(AskRow).where(AskRow.worker == SETUP, AskRow.kind == "setup").order_by(AskRow.number)
    rows = list(tx.session.scalars(wanted))
    if not rows:
        return
    last = rows[-1]
    if last.answer is None:
        if len(rows) == 1 and _is_hidden(tx, last) and _has_spoken(tx, last):
            asks.show(tx, last)
        return
    words = _words(tx)
    if {row.answer for row in rows} & _not_now():
        return
    if len(rows) < len(QUESTIONS):
        asks.show(tx, _ask(tx, QUESTIONS[len(rows)]))
        return
    known = select(LoopApproval.ask_id).where(LoopApproval.worker == SETUP).limit(1)
    if tx.session.scalar(known) is None:
        answers = [row.answer or "" for row in rows]
        body = playbook_of(answers)
        approvals.put(
            tx,
            "playbook",
            body,
            SETUP,
            why=words(N_("Is this how I shall decide?")),
            more={
                "journal": "the founder confirmed the PLAYBOOK of the interview",
                "interval": _interval(answers[-1], words),
            },
            shown=_told(answers),
        )


def playbook_of(answers: list[str]) -> str:
    """The PLAYBOOK that a loop begins with, and what the founder said."""
    body = seeds.PLAYBOOK.replace("1. The goal `setup`, while it is there.\n", "")
    return f"{body.rstrip()}\n\n## This company, in the founder's words\n{_told(answers)}\n"


def _told(answers: list[str]) -> str:
    pairs = zip(QUESTIONS, answers, strict=True)
    return "\n".join(f"- {question.title}: {' '.join(answer.split())}" for question, answer in pairs)


def _interval(answer: str, words: Words) -> int:
    return next((seconds for option, seconds in INTERVALS.items() if answer in {option, words(option)}), 60)


def _ask(tx: Tx, question: Question) -> AskRow:
    words = _words(tx)
    return asks.ask(
        tx,
        SETUP,
        words(question.text),
        options=[words(one) for one in question.options],
        channel="loop",
        kind="setup",
    )


def _words(tx: Tx) -> Words:
    founder = tx.services.company.founder
    return Words(founder.languages[0], founder.zone)


def _is_hidden(tx: Tx, row: AskRow) -> bool:
    return card_publisher.own_card(tx, asks.ASK, row.id) is None


def _has_spoken(tx: Tx, row: AskRow) -> bool:
    founder = tx.services.company.founder
    wanted = select(func.count()).where(
        InboxRow.person_id == founder.id, InboxRow.received_at >= row.asked_at
    )
    return bool(tx.session.scalar(wanted))
